"""Who may call what: one table of all routes.

A route that is not in the table stops the start of the server, and with it every test.
"""

from dataclasses import dataclass

from trapline.wire.auth import Role, TokenKind, TokenScope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PERSON = None
"""A person signed in on the page; the other kinds are those of API tokens."""

Kinds = frozenset[TokenKind | None]
PEOPLE: Kinds = frozenset({PERSON, TokenKind.USER})
PEOPLE_AND_WORKERS: Kinds = PEOPLE | {TokenKind.WORKER}
PEOPLE_AND_PIPELINES: Kinds = PEOPLE | {TokenKind.PIPELINE}
TOKENS_THAT_WORK: Kinds = frozenset({TokenKind.USER, TokenKind.WORKER})
ANY_TOKEN: Kinds = PEOPLE | {TokenKind.WORKER, TokenKind.PIPELINE}


@dataclass(frozen=True)
class Access:
    """Who may call a route: which kinds of caller, and the least role in the project that it is about.

    `account` is about people's accounts, so a token that may less than its person is refused. `operators` is for the
    operators of the installation alone; `operators_too` takes them as an owner of every project; `public` takes
    anybody, for what a project shows whose owner made it public. One that is called `often` takes callers as they were
    half a second ago at most, and finds them anew (`authorise_anew`) before it refuses them. An archived project is
    only looked at: of what is no reading, `archived` is what goes on in one.
    """

    kinds: Kinds | None
    role: Role = Role.VIEWER
    account: bool = False
    operators: bool = False
    operators_too: bool = False
    public: bool = False
    often: bool = False
    archived: bool = False

    def scope_for(self, method: str) -> TokenScope:
        """The scope that a token needs for it."""
        if self.account:
            return TokenScope.ACCOUNT
        if self.role == Role.OWNER:
            return TokenScope.OWN
        return TokenScope.READ if method in SAFE else TokenScope.WRITE


PUBLIC = Access(None)
"""Anybody, without signing in: the route itself says what it answers."""

ACCESS: dict[str, Access] = {
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /metrics": PUBLIC,  # its own token is the key
    # auth
    "POST /auth/sign-in": PUBLIC,
    "GET /auth/ways": PUBLIC,
    "POST /auth/oidc/begin": PUBLIC,
    "POST /auth/oidc": PUBLIC,  # the code of the provider is the key
    "POST /auth/link/state": PUBLIC,  # the secret of a link is the key
    "POST /auth/link": PUBLIC,
    "POST /auth/sign-out": Access(frozenset({PERSON})),
    "GET /auth/me": Access(ANY_TOKEN),
    "PATCH /auth/me": Access(PEOPLE, account=True),
    "PUT /auth/password": Access(PEOPLE, account=True),
    "GET /auth/sessions": Access(PEOPLE, account=True),
    "DELETE /auth/sessions": Access(PEOPLE, account=True),
    "DELETE /auth/sessions/{session_id}": Access(PEOPLE, account=True),
    "GET /auth/tokens": Access(PEOPLE),
    "POST /auth/tokens": Access(PEOPLE, Role.MANAGER, archived=True),
    "DELETE /auth/tokens/{token_id}": Access(PEOPLE, archived=True),
    # everybody's accounts
    "GET /users": Access(PEOPLE, account=True, operators=True),
    "POST /users": Access(PEOPLE, account=True, operators=True),
    "GET /users/{user_id}": Access(PEOPLE, account=True, operators=True),
    "PATCH /users/{user_id}": Access(PEOPLE, account=True, operators=True),
    "POST /users/{user_id}/link": Access(PEOPLE, account=True, operators=True),
    # projects
    "GET /projects": Access(ANY_TOKEN),
    "POST /projects": Access(PEOPLE),
    "GET /projects/{project_id}": Access(ANY_TOKEN),
    "GET /projects/{project_id}/public_preview": Access(PEOPLE),
    "PATCH /projects/{project_id}": Access(PEOPLE, Role.OWNER, archived=True),
    "DELETE /projects/{project_id}": Access(PEOPLE, Role.OWNER, archived=True),
    "POST /projects/{project_id}/restore": Access(PEOPLE, Role.OWNER, archived=True),
    "GET /projects/{project_id}/members": Access(PEOPLE, operators_too=True),
    "POST /projects/{project_id}/members": Access(PEOPLE, Role.OWNER, operators_too=True, archived=True),
    "PATCH /projects/{project_id}/members/{user_id}": Access(PEOPLE, Role.OWNER, operators_too=True, archived=True),
    "DELETE /projects/{project_id}/members/{user_id}": Access(
        PEOPLE, operators_too=True, archived=True
    ),  # one's own, or an owner
    # public projects
    **{
        f"GET /public/projects/{{project_id}}{part}": Access(None, public=True)
        for part in ("", "/deployments", "/images", "/images/{image_id}", "/images/{image_id}/picture")
    },
    # who did what
    "GET /audit": Access(PEOPLE, Role.OWNER),
    # deployments
    "GET /deployments": Access(PEOPLE),
    "POST /deployments": Access(PEOPLE, Role.MANAGER),
    "GET /deployments/{deployment_id}": Access(PEOPLE),
    "PATCH /deployments/{deployment_id}": Access(PEOPLE, Role.MANAGER),
    "GET /deployments/csv": Access(PEOPLE),
    "POST /deployments/csv": Access(PEOPLE, Role.MANAGER),
    "POST /deployments/{deployment_id}/clock/preview": Access(PEOPLE, archived=True),
    "POST /deployments/{deployment_id}/clock/undo": Access(PEOPLE, Role.MANAGER),
    "DELETE /deployments/{deployment_id}": Access(PEOPLE, Role.MANAGER),
    # pipelines and workers
    "POST /projects/{project_id}/pipelines": Access(PEOPLE_AND_WORKERS, Role.MANAGER),
    "GET /pipelines": Access(PEOPLE),
    "GET /algorithms": Access(PEOPLE),
    "GET /algorithms/{algorithm_id}": Access(PEOPLE),
    "GET /algorithms/{algorithm_id}/classes": Access(PEOPLE),
    "GET /presets": Access(PEOPLE),
    "POST /presets": Access(PEOPLE, Role.MANAGER),
    "GET /presets/{preset_id}": Access(PEOPLE),
    "PATCH /presets/{preset_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /presets/{preset_id}": Access(PEOPLE, Role.MANAGER),
    # what identifications are made with
    "GET /taxa": Access(PEOPLE),
    "POST /taxa": Access(PEOPLE, Role.MANAGER),
    "POST /taxa/import": Access(PEOPLE, Role.MANAGER),
    "GET /taxa/labels": Access(PEOPLE),
    "PUT /taxa/labels": Access(PEOPLE, Role.MANAGER),
    "GET /taxa/suggestions": Access(PEOPLE),
    "GET /taxa/{taxon_id}": Access(PEOPLE),
    "PATCH /taxa/{taxon_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /taxa/{taxon_id}": Access(PEOPLE, Role.MANAGER),
    # results from elsewhere
    "GET /imports": Access(PEOPLE),
    "POST /imports": Access(PEOPLE, Role.MANAGER),
    "GET /imports/{import_id}": Access(PEOPLE),
    "GET /imports/{import_id}/faults": Access(PEOPLE),
    "GET /imports/{import_id}/folders": Access(PEOPLE),
    "POST /imports/{import_id}/folders": Access(PEOPLE, Role.MANAGER),
    "POST /imports/{import_id}/cancel": Access(PEOPLE, Role.MANAGER, archived=True),
    "DELETE /imports/{import_id}": Access(PEOPLE, Role.MANAGER),
    "GET /processing_services": Access(PEOPLE),
    "GET /workers": Access(PEOPLE),
    "GET /workers/{worker_id}": Access(PEOPLE),
    "POST /workers/{worker_id}/evict": Access(PEOPLE, Role.MANAGER, archived=True),
    "POST /workers/hello": Access(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    # jobs
    "GET /jobs": Access(PEOPLE_AND_WORKERS),
    "POST /jobs": Access(PEOPLE, Role.MANAGER),
    "GET /jobs/{job_id}": Access(PEOPLE),
    "PATCH /jobs/{job_id}": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/run": Access(PEOPLE, Role.MANAGER),
    "GET /jobs/{job_id}/analyses": Access(PEOPLE),
    "GET /jobs/{job_id}/failures": Access(PEOPLE),
    "GET /jobs/{job_id}/dead_letters": Access(PEOPLE),
    "GET /jobs/{job_id}/tasks/{analysis_id}": Access(PEOPLE),
    "GET /jobs/{job_id}/log": Access(PEOPLE),
    # what was found
    "GET /annotations": Access(PEOPLE),
    "GET /images/{image_id}/annotations": Access(PEOPLE),
    "GET /annotations/{annotation_id}/scores": Access(PEOPLE),
    # what people say that it is
    "GET /identifications": Access(PEOPLE),
    "POST /identifications": Access(PEOPLE, Role.REVIEWER),
    "POST /identifications/withdraw": Access(PEOPLE, Role.REVIEWER),
    "GET /identifications/{identification_id}": Access(PEOPLE),
    "POST /jobs/{job_id}/cancel": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/retry": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/pause": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/resume": Access(PEOPLE, Role.MANAGER),
    # pipeline runs
    "POST /pipeline/run": Access(PEOPLE, Role.MANAGER, often=True),
    "GET /pipeline/presets": Access(PEOPLE),
    "GET /pipeline/jobs": Access(PEOPLE),
    "GET /pipeline/job/{job_id}": Access(PEOPLE),
    "GET /pipeline/job/{job_id}/events": Access(PEOPLE),
    "POST /pipeline/job/{job_id}/cancel": Access(PEOPLE, Role.MANAGER),
    "POST /pipeline/job/{job_id}/retry": Access(PEOPLE, Role.MANAGER),
    # tasks
    "GET /jobs/{job_id}/tasks": Access(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /jobs/{job_id}/tasks": Access(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /jobs/{job_id}/result": Access(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /tasks/lease": Access(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /tasks/renew": Access(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /tasks/release": Access(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    # what changes, as it happens
    "GET /events": Access(PEOPLE),
    # sequences
    "GET /sequences": Access(PEOPLE),
    "GET /sequences/{sequence_id}": Access(PEOPLE),
    # images
    "GET /images": Access(PEOPLE_AND_PIPELINES),
    "POST /images": Access(PEOPLE, Role.MANAGER),
    "GET /images/days": Access(PEOPLE),
    **{f"POST /images/{verb}": Access(PEOPLE, Role.MANAGER) for verb in ("presign", "import")},
    **{f"POST /images/{verb}": Access(PEOPLE, Role.OWNER) for verb in ("delete", "restore")},
    "GET /images/tags": Access(PEOPLE),
    "PATCH /images": Access(PEOPLE, Role.REVIEWER),
    "GET /images/classes": Access(PEOPLE),
    "GET /summary": Access(PEOPLE),
    "GET /images/{image_id}": Access(PEOPLE_AND_PIPELINES),
    # analyses of outside pipelines: where a request is signed, the signature is the caller
    "POST /images/{image_id}/analyses": Access(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "GET /images/{image_id}/analyses": Access(PEOPLE_AND_PIPELINES),
    "GET /analyses/{analysis_id}": Access(PEOPLE_AND_PIPELINES),
    "GET /analyses/{analysis_id}/annotations": Access(PEOPLE_AND_PIPELINES),
    "PATCH /analyses/{analysis_id}/status": Access(PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True),
    "POST /analyses/{analysis_id}/artifacts/presign": Access(PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True),
    "POST /analyses/{analysis_id}/annotations:bulk": Access(PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True),
    "POST /analyses/{analysis_id}/finalize": Access(PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True),
    "GET /analyses/{analysis_id}/export": Access(PEOPLE),
    "GET /analyses/{analysis_id}/artifacts": Access(PEOPLE_AND_PIPELINES),
    **{
        f"{method} /analyses/{{analysis_id}}/{{rest:path}}": Access(PEOPLE_AND_PIPELINES)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    "GET /artifacts/{artifact_id}/download": Access(PEOPLE_AND_PIPELINES),
    # what goes out as a file
    "GET /exports": Access(PEOPLE),
    "POST /exports": Access(PEOPLE, Role.MANAGER, archived=True),
    "GET /exports/{export_id}": Access(PEOPLE),
    "GET /exports/{export_id}/download": Access(PEOPLE, Role.MANAGER),
    "POST /exports/{export_id}/cancel": Access(PEOPLE, Role.MANAGER, archived=True),
    "DELETE /exports/{export_id}": Access(PEOPLE, Role.MANAGER, archived=True),
    # what outside pipelines sign with
    "GET /callback_keys": Access(PEOPLE),
    "POST /callback_keys": Access(PEOPLE, Role.OWNER, archived=True),
    "DELETE /callback_keys/{key_id}": Access(PEOPLE, Role.OWNER, archived=True),
    "POST /callback_keys/check": Access(PEOPLE, Role.OWNER, archived=True),
    # who is told of events: an address can be a secret of its own
    "GET /webhooks": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks": Access(PEOPLE, Role.MANAGER),
    "GET /webhooks/{webhook_id}": Access(PEOPLE, Role.MANAGER),
    "PATCH /webhooks/{webhook_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /webhooks/{webhook_id}": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/rotate-secret": Access(PEOPLE, Role.OWNER),
    "POST /webhooks/{webhook_id}/test": Access(PEOPLE, Role.MANAGER),
    "GET /webhooks/{webhook_id}/deliveries": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/deliveries/replay": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": Access(PEOPLE, Role.MANAGER),
    # what people are written to about: everybody their own
    "GET /notices": Access(PEOPLE),
    "POST /notices": Access(PEOPLE, archived=True),
    "POST /notices/test": Access(PEOPLE, archived=True),
    "DELETE /notices/{notice_id}": Access(PEOPLE, archived=True),
    "GET /files/{key:path}": PUBLIC,  # the signature is the key
    "HEAD /files/{key:path}": PUBLIC,
    "PUT /files/{key:path}": PUBLIC,
    # pull sources
    "GET /source-folders": Access(PEOPLE, operators_too=True),
    "POST /source-folders": Access(PEOPLE, operators=True),
    "GET /source-folders/missing": Access(PEOPLE, operators=True),
    "DELETE /source-folders/{folder_id}": Access(PEOPLE, operators=True, operators_too=True),
    "GET /image-pull-sources": Access(PEOPLE),
    "POST /image-pull-sources": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/test": Access(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/{source_id}": Access(PEOPLE),
    "PATCH /image-pull-sources/{source_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /image-pull-sources/{source_id}": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/test": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/process": Access(PEOPLE, Role.MANAGER),
    "PATCH /image-pull-sources/{source_id}/toggle": Access(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/{source_id}/runs": Access(PEOPLE),
    "GET /image-pull-sources/{source_id}/runs/{run_id}": Access(PEOPLE),
    "GET /image-pull-sources/{source_id}/files": Access(PEOPLE),
    "POST /image-pull-sources/{source_id}/files/retry": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/events": PUBLIC,  # the signature is the caller
    "POST /image-pull-sources/{source_id}/event-secret": Access(PEOPLE, Role.OWNER),
    "DELETE /image-pull-sources/{source_id}/event-secret": Access(PEOPLE, Role.OWNER),
}
