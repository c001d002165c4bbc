"""The least role of each route, written by hand, to detect a wrong line of the access table.

Do not generate this from `trapline.server.app.http.access_table`. The roles follow the
documentation: an owner manages members and purges data, a manager runs the project, a reviewer
reviews, a viewer reads.
"""

OWNER = """
    PATCH /projects/{project_id}
    DELETE /projects/{project_id}
    POST /projects/{project_id}/restore
    POST /projects/{project_id}/members
    PATCH /projects/{project_id}/members/{user_id}
    GET /audit
    PUT /projects/{project_id}/sensitive-taxa/{taxon_id}
    GET /projects/{project_id}/sensitive-taxa/{taxon_id}/sightings
    DELETE /projects/{project_id}/sensitive-taxa/{taxon_id}
    GET /projects/{project_id}/review-sets/{set_id}/controls
    PUT /projects/{project_id}/review-sets/{set_id}/controls/{image_id}
    DELETE /projects/{project_id}/review-sets/{set_id}/controls/{image_id}
    POST /images/delete
    POST /images/restore
    POST /callback_keys
    DELETE /callback_keys/{key_id}
    POST /callback_keys/check
    POST /webhooks/{webhook_id}/rotate-secret
    POST /image-pull-sources/{source_id}/event-secret
    DELETE /image-pull-sources/{source_id}/event-secret
"""
MANAGER = """
    POST /deployments
    PATCH /deployments/{deployment_id}
    POST /deployments/csv
    POST /deployments/{deployment_id}/clock/undo
    DELETE /deployments/{deployment_id}
    POST /projects/{project_id}/pipelines
    POST /presets
    PATCH /presets/{preset_id}
    DELETE /presets/{preset_id}
    POST /insights/audit-samples
    POST /projects/{project_id}/review-sets
    PATCH /projects/{project_id}/review-sets/{set_id}
    DELETE /projects/{project_id}/review-sets/{set_id}
    GET /projects/{project_id}/review-sets/{set_id}/progress
    GET /projects/{project_id}/review-sets/{set_id}/disagreements
    POST /taxa
    POST /taxa/import
    PUT /taxa/labels
    PATCH /taxa/{taxon_id}
    DELETE /taxa/{taxon_id}
    POST /imports
    POST /imports/{import_id}/cancel
    POST /imports/{import_id}/folders
    DELETE /imports/{import_id}
    POST /workers/{worker_id}/evict
    POST /workers/hello
    POST /jobs
    PATCH /jobs/{job_id}
    POST /jobs/{job_id}/run
    POST /jobs/{job_id}/cancel
    POST /jobs/{job_id}/retry
    POST /jobs/{job_id}/pause
    POST /jobs/{job_id}/resume
    POST /pipeline/run
    POST /pipeline/job/{job_id}/cancel
    POST /pipeline/job/{job_id}/retry
    GET /jobs/{job_id}/tasks
    POST /jobs/{job_id}/tasks
    POST /jobs/{job_id}/result
    POST /tasks/lease
    POST /tasks/renew
    POST /tasks/release
    POST /images
    POST /images/presign
    POST /images/import
    POST /images/{image_id}/analyses
    PATCH /analyses/{analysis_id}/status
    POST /analyses/{analysis_id}/artifacts/presign
    POST /analyses/{analysis_id}/annotations:bulk
    POST /analyses/{analysis_id}/finalize
    POST /exports
    GET /exports/{export_id}/download
    POST /exports/{export_id}/cancel
    DELETE /exports/{export_id}
    GET /webhooks
    POST /webhooks
    GET /webhooks/{webhook_id}
    PATCH /webhooks/{webhook_id}
    DELETE /webhooks/{webhook_id}
    POST /webhooks/{webhook_id}/test
    GET /webhooks/{webhook_id}/deliveries
    POST /webhooks/{webhook_id}/deliveries/replay
    POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay
    POST /image-pull-sources
    POST /image-pull-sources/test
    PATCH /image-pull-sources/{source_id}
    DELETE /image-pull-sources/{source_id}
    POST /image-pull-sources/{source_id}/test
    POST /image-pull-sources/{source_id}/process
    PATCH /image-pull-sources/{source_id}/toggle
    PATCH /projects/{project_id}/observation-settings
    PUT /projects/{project_id}/palette
    POST /projects/{project_id}/observation-settings/preview
    POST /image-pull-sources/{source_id}/files/retry
"""
REVIEWER = """
    GET /projects/{project_id}/review-sets
    GET /projects/{project_id}/review-sets/{set_id}
    POST /projects/{project_id}/review-sets/{set_id}/claims
    POST /projects/{project_id}/review-sets/{set_id}/release
    POST /identifications
    POST /identifications/withdraw
    POST /sequences/split
    POST /sequences/merge
    POST /sequence-changes/{change_id}/undo
    POST /bulk-identifications
    POST /bulk-identifications/{bulk_id}/start
    POST /bulk-identifications/{bulk_id}/withdraw
    POST /annotations
    PATCH /annotations/{annotation_id}
    DELETE /annotations/{annotation_id}
    PATCH /images
    POST /saved-views
    PATCH /saved-views/{view_id}
    DELETE /saved-views/{view_id}
"""
VIEWER = """
    DELETE /projects/{project_id}/members/{user_id}
    POST /deployments/{deployment_id}/clock/preview
    DELETE /auth/sessions/{session_id}
    DELETE /auth/tokens/{token_id}
    POST /notification-subscriptions
    POST /notification-subscriptions/test
    DELETE /notification-subscriptions/{notice_id}
    GET /analyses/{analysis_id}/{rest:path}
    POST /analyses/{analysis_id}/{rest:path}
    PUT /analyses/{analysis_id}/{rest:path}
    PATCH /analyses/{analysis_id}/{rest:path}
    DELETE /analyses/{analysis_id}/{rest:path}
"""
"""Routes that change objects of the caller, and routes that check access themselves."""
OWN_ACCOUNT = """
    POST /auth/sign-out
    PATCH /auth/me
    PUT /auth/password
    DELETE /auth/sessions
    POST /projects
"""
OPERATOR = """
    GET /users
    POST /users
    GET /users/{user_id}
    PATCH /users/{user_id}
    POST /users/{user_id}/link
    POST /source-folders
    GET /source-folders/missing
    DELETE /source-folders/{folder_id}
"""
ANY_MANAGER = {"POST /auth/tokens"}
"""A token for a machine requires a manager of its projects. A user token requires no role."""


def parse_routes(text: str) -> set[str]:
    """Parse a list of routes, one per line."""
    return {line.strip() for line in text.splitlines() if line.strip()}


LEAST_ROLE: dict[str, str] = {
    route: role
    for role, text in (
        ("owner", OWNER),
        ("manager", MANAGER),
        ("reviewer", REVIEWER),
        ("viewer", VIEWER),
    )
    for route in parse_routes(text)
} | dict.fromkeys(ANY_MANAGER, "manager")
NO_ROLE = parse_routes(OWN_ACCOUNT) | parse_routes(OPERATOR)


def find_least_role(route: str) -> str | None:
    """Find the minimum role of a route. None if no role counts, or the route is missing here."""
    if route in NO_ROLE:
        return None
    return LEAST_ROLE.get(route, "viewer" if route.startswith("GET ") else None)
