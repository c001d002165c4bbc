"""The permissions of all routes: which callers, roles and scopes each requires.

A route that is not in the table stops the start of the server.
"""

from trapline.server.platform.http.route_access import (
    ANY_TOKEN,
    NO_SIGN_IN,
    PEOPLE,
    PEOPLE_AND_PIPELINES,
    PEOPLE_AND_WORKERS,
    PERSON,
    TOKENS_THAT_WORK,
    RouteAccess,
)
from trapline.wire.auth import Role

ACCESS: dict[str, RouteAccess] = {
    "GET /healthz": NO_SIGN_IN,
    "GET /readyz": NO_SIGN_IN,
    "GET /metrics": NO_SIGN_IN,  # requires TRAPLINE_METRICS_TOKEN
    # auth
    "POST /auth/sign-in": NO_SIGN_IN,
    "GET /auth/methods": NO_SIGN_IN,
    "POST /auth/oidc/begin": NO_SIGN_IN,
    "POST /auth/oidc": NO_SIGN_IN,  # requires the code of the provider
    "POST /auth/password-reset": NO_SIGN_IN,  # sends a link to the address of the account
    "POST /auth/link/state": NO_SIGN_IN,  # requires the secret of a link
    "POST /auth/link": NO_SIGN_IN,
    "POST /auth/sign-out": RouteAccess(frozenset({PERSON})),
    "GET /auth/me": RouteAccess(ANY_TOKEN),
    "PATCH /auth/me": RouteAccess(PEOPLE, account=True),
    "PUT /auth/password": RouteAccess(PEOPLE, account=True),
    "GET /auth/sessions": RouteAccess(PEOPLE, account=True),
    "DELETE /auth/sessions": RouteAccess(PEOPLE, account=True),
    "DELETE /auth/sessions/{session_id}": RouteAccess(PEOPLE, account=True),
    "GET /auth/tokens": RouteAccess(PEOPLE),
    "POST /auth/tokens": RouteAccess(PEOPLE, Role.MANAGER, archived=True),
    "DELETE /auth/tokens/{token_id}": RouteAccess(PEOPLE, archived=True),
    # user accounts
    "GET /users": RouteAccess(PEOPLE, account=True, operators=True),
    "POST /users": RouteAccess(PEOPLE, account=True, operators=True),
    "GET /users/{user_id}": RouteAccess(PEOPLE, account=True, operators=True),
    "PATCH /users/{user_id}": RouteAccess(PEOPLE, account=True, operators=True),
    "POST /users/{user_id}/link": RouteAccess(PEOPLE, account=True, operators=True),
    # projects
    "GET /projects": RouteAccess(ANY_TOKEN),
    "POST /projects": RouteAccess(PEOPLE),
    "GET /projects/{project_id}": RouteAccess(ANY_TOKEN),
    "GET /projects/{project_id}/public_preview": RouteAccess(PEOPLE),
    "PATCH /projects/{project_id}": RouteAccess(PEOPLE, Role.OWNER, archived=True),
    "DELETE /projects/{project_id}": RouteAccess(PEOPLE, Role.OWNER, archived=True),
    "POST /projects/{project_id}/restore": RouteAccess(PEOPLE, Role.OWNER, archived=True),
    "GET /projects/{project_id}/members": RouteAccess(PEOPLE, operators_too=True),
    "POST /projects/{project_id}/members": RouteAccess(
        PEOPLE, Role.OWNER, operators_too=True, archived=True
    ),
    "PATCH /projects/{project_id}/members/{user_id}": RouteAccess(
        PEOPLE, Role.OWNER, operators_too=True, archived=True
    ),
    "DELETE /projects/{project_id}/members/{user_id}": RouteAccess(
        PEOPLE, operators_too=True, archived=True
    ),  # the caller's own membership, or as owner
    # public projects
    **{
        f"GET /public/projects/{{project_id}}{part}": RouteAccess(None, public_project=True)
        for part in (
            "",
            "/deployments",
            "/images",
            "/images/{image_id}",
            "/images/{image_id}/file",
        )
    },
    # audit
    "GET /audit": RouteAccess(PEOPLE, Role.OWNER),
    # deployments
    "GET /deployments": RouteAccess(PEOPLE),
    "POST /deployments": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /deployments/{deployment_id}": RouteAccess(PEOPLE),
    "PATCH /deployments/{deployment_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /deployments/csv": RouteAccess(PEOPLE),
    "POST /deployments/csv": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /deployments/{deployment_id}/clock/preview": RouteAccess(PEOPLE, archived=True),
    "POST /deployments/{deployment_id}/clock/undo": RouteAccess(PEOPLE, Role.MANAGER),
    "DELETE /deployments/{deployment_id}": RouteAccess(PEOPLE, Role.MANAGER),
    # pipelines and workers
    "POST /projects/{project_id}/pipelines": RouteAccess(PEOPLE_AND_WORKERS, Role.MANAGER),
    "GET /pipelines": RouteAccess(PEOPLE),
    "GET /algorithms": RouteAccess(PEOPLE),
    "GET /algorithms/{algorithm_id}": RouteAccess(PEOPLE),
    "GET /algorithms/{algorithm_id}/classes": RouteAccess(PEOPLE),
    "GET /presets": RouteAccess(PEOPLE),
    "POST /presets": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /presets/{preset_id}": RouteAccess(PEOPLE),
    "PATCH /presets/{preset_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "DELETE /presets/{preset_id}": RouteAccess(PEOPLE, Role.MANAGER),
    # taxa
    "GET /taxa": RouteAccess(PEOPLE),
    "POST /taxa": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /taxa/import": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /taxa/labels": RouteAccess(PEOPLE),
    "PUT /taxa/labels": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /taxa/suggestions": RouteAccess(PEOPLE),
    "GET /taxa/{taxon_id}": RouteAccess(PEOPLE),
    "PATCH /taxa/{taxon_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "DELETE /taxa/{taxon_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /projects/{project_id}/sensitive-taxa": RouteAccess(PEOPLE),
    "PUT /projects/{project_id}/sensitive-taxa/{taxon_id}": RouteAccess(
        PEOPLE, Role.OWNER, archived=True
    ),
    "DELETE /projects/{project_id}/sensitive-taxa/{taxon_id}": RouteAccess(PEOPLE, Role.OWNER),
    "GET /projects/{project_id}/sensitive-taxa/{taxon_id}/sightings": RouteAccess(
        PEOPLE, Role.OWNER
    ),
    # imports
    "GET /imports": RouteAccess(PEOPLE),
    "POST /imports": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /imports/{import_id}": RouteAccess(PEOPLE),
    "GET /imports/{import_id}/faults": RouteAccess(PEOPLE),
    "GET /imports/{import_id}/folders": RouteAccess(PEOPLE),
    "POST /imports/{import_id}/folders": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /imports/{import_id}/cancel": RouteAccess(PEOPLE, Role.MANAGER, archived=True),
    "DELETE /imports/{import_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /processing_services": RouteAccess(PEOPLE),
    "GET /workers": RouteAccess(PEOPLE),
    "GET /workers/{worker_id}": RouteAccess(PEOPLE),
    "POST /workers/{worker_id}/evict": RouteAccess(PEOPLE, Role.MANAGER, archived=True),
    "POST /workers/hello": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    # jobs
    "GET /jobs": RouteAccess(PEOPLE_AND_WORKERS),
    "POST /jobs": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /jobs/{job_id}": RouteAccess(PEOPLE),
    "PATCH /jobs/{job_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/run": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /jobs/{job_id}/analyses": RouteAccess(PEOPLE),
    "GET /jobs/{job_id}/failures": RouteAccess(PEOPLE),
    "GET /jobs/{job_id}/dead_letters": RouteAccess(PEOPLE),
    "GET /jobs/{job_id}/tasks/{analysis_id}": RouteAccess(PEOPLE),
    "GET /jobs/{job_id}/log": RouteAccess(PEOPLE),
    # annotations
    "GET /annotations": RouteAccess(PEOPLE),
    "GET /images/{image_id}/annotations": RouteAccess(PEOPLE),
    "POST /annotations": RouteAccess(PEOPLE, Role.REVIEWER),
    "PATCH /annotations/{annotation_id}": RouteAccess(PEOPLE, Role.REVIEWER),
    "DELETE /annotations/{annotation_id}": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /annotations/{annotation_id}/history": RouteAccess(PEOPLE),
    "GET /annotations/{annotation_id}/scores": RouteAccess(PEOPLE),
    # identifications
    "GET /identifications": RouteAccess(PEOPLE),
    "POST /identifications": RouteAccess(PEOPLE, Role.REVIEWER),
    "POST /identifications/withdraw": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /identifications/{identification_id}": RouteAccess(PEOPLE),
    "GET /bulk-identifications": RouteAccess(PEOPLE),
    "POST /bulk-identifications": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /bulk-identifications/{bulk_id}": RouteAccess(PEOPLE),
    "POST /bulk-identifications/{bulk_id}/start": RouteAccess(PEOPLE, Role.REVIEWER),
    "POST /bulk-identifications/{bulk_id}/withdraw": RouteAccess(PEOPLE, Role.REVIEWER),
    # saved views: reviewers change their own, managers any
    "GET /saved-views": RouteAccess(PEOPLE),
    "POST /saved-views": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /saved-views/{view_id}": RouteAccess(PEOPLE),
    "PATCH /saved-views/{view_id}": RouteAccess(PEOPLE, Role.REVIEWER),
    "DELETE /saved-views/{view_id}": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /disagreements": RouteAccess(PEOPLE),
    "GET /disagreements/matrix": RouteAccess(PEOPLE),
    # insights
    **{
        f"GET /insights/{part}": RouteAccess(PEOPLE)
        for part in (
            "summary",
            "activity",
            "overlap",
            "accumulation",
            "trends",
            "detections",
            "records",
            "camera-health",
            "model-quality",
            "model-quality/table",
            "reliability",
            "model-comparison",
            "threshold",
            "tables",
        )
    },
    "POST /insights/audit-samples": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /observations": RouteAccess(PEOPLE),
    "GET /observations/groups": RouteAccess(PEOPLE),
    "GET /observations/individuals": RouteAccess(PEOPLE),
    "GET /projects/{project_id}/observation-settings": RouteAccess(PEOPLE),
    "GET /projects/{project_id}/review-progress": RouteAccess(PEOPLE),
    "GET /projects/{project_id}/palette": RouteAccess(PEOPLE),
    "PUT /projects/{project_id}/palette": RouteAccess(PEOPLE, Role.MANAGER),
    "PATCH /projects/{project_id}/observation-settings": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /projects/{project_id}/observation-settings/preview": RouteAccess(PEOPLE, Role.MANAGER),
    # review sets
    "GET /projects/{project_id}/review-sets": RouteAccess(PEOPLE, Role.REVIEWER),
    "POST /projects/{project_id}/review-sets": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /projects/{project_id}/review-sets/{set_id}": RouteAccess(PEOPLE, Role.REVIEWER),
    "PATCH /projects/{project_id}/review-sets/{set_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "DELETE /projects/{project_id}/review-sets/{set_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /projects/{project_id}/review-sets/{set_id}/claims": RouteAccess(PEOPLE, Role.REVIEWER),
    "POST /projects/{project_id}/review-sets/{set_id}/release": RouteAccess(
        PEOPLE, Role.REVIEWER, archived=True
    ),
    **{
        f"GET /projects/{{project_id}}/review-sets/{{set_id}}/{part}": RouteAccess(
            PEOPLE, Role.MANAGER
        )
        for part in ("progress", "disagreements")
    },
    "GET /projects/{project_id}/review-sets/{set_id}/controls": RouteAccess(PEOPLE, Role.OWNER),
    **{
        f"{method} /projects/{{project_id}}/review-sets/{{set_id}}/controls/{{image_id}}": (
            RouteAccess(PEOPLE, Role.OWNER)
        )
        for method in ("PUT", "DELETE")
    },
    "POST /jobs/{job_id}/cancel": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/retry": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/pause": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/resume": RouteAccess(PEOPLE, Role.MANAGER),
    # pipeline runs
    "POST /pipeline/run": RouteAccess(PEOPLE, Role.MANAGER, often=True),
    "GET /pipeline/presets": RouteAccess(PEOPLE),
    "GET /pipeline/jobs": RouteAccess(PEOPLE),
    "GET /pipeline/job/{job_id}": RouteAccess(PEOPLE),
    "GET /pipeline/job/{job_id}/events": RouteAccess(PEOPLE),
    "POST /pipeline/job/{job_id}/cancel": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /pipeline/job/{job_id}/retry": RouteAccess(PEOPLE, Role.MANAGER),
    # tasks
    "GET /jobs/{job_id}/tasks": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /jobs/{job_id}/tasks": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /jobs/{job_id}/result": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /tasks/lease": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /tasks/renew": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    "POST /tasks/release": RouteAccess(TOKENS_THAT_WORK, Role.MANAGER, archived=True),
    # events
    "GET /events": RouteAccess(PEOPLE),
    # sequences
    "GET /sequences": RouteAccess(PEOPLE),
    "GET /sequences/{sequence_id}": RouteAccess(PEOPLE),
    "POST /sequences/split": RouteAccess(PEOPLE, Role.REVIEWER),
    "POST /sequences/merge": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /sequence-changes": RouteAccess(PEOPLE),
    "GET /sequence-changes/{change_id}": RouteAccess(PEOPLE),
    "POST /sequence-changes/{change_id}/undo": RouteAccess(PEOPLE, Role.REVIEWER),
    # images
    "GET /images": RouteAccess(PEOPLE_AND_PIPELINES),
    "POST /images": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /images/days": RouteAccess(PEOPLE),
    **{f"POST /images/{verb}": RouteAccess(PEOPLE, Role.MANAGER) for verb in ("presign", "import")},
    **{f"POST /images/{verb}": RouteAccess(PEOPLE, Role.OWNER) for verb in ("delete", "restore")},
    "GET /images/tags": RouteAccess(PEOPLE),
    "PATCH /images": RouteAccess(PEOPLE, Role.REVIEWER),
    "GET /images/classes": RouteAccess(PEOPLE),
    "GET /summary": RouteAccess(PEOPLE),
    "GET /images/{image_id}": RouteAccess(PEOPLE_AND_PIPELINES),
    # analyses of external pipelines; the signature authenticates signed requests
    "POST /images/{image_id}/analyses": RouteAccess(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "GET /images/{image_id}/analyses": RouteAccess(PEOPLE_AND_PIPELINES),
    "GET /analyses/{analysis_id}": RouteAccess(PEOPLE_AND_PIPELINES),
    "GET /analyses/{analysis_id}/annotations": RouteAccess(PEOPLE_AND_PIPELINES),
    "PATCH /analyses/{analysis_id}/status": RouteAccess(
        PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True
    ),
    "POST /analyses/{analysis_id}/artifacts/presign": RouteAccess(
        PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True
    ),
    "POST /analyses/{analysis_id}/annotations:bulk": RouteAccess(
        PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True
    ),
    "POST /analyses/{analysis_id}/finalize": RouteAccess(
        PEOPLE_AND_PIPELINES, Role.MANAGER, archived=True
    ),
    "GET /analyses/{analysis_id}/export": RouteAccess(PEOPLE),
    "GET /analyses/{analysis_id}/artifacts": RouteAccess(PEOPLE_AND_PIPELINES),
    **{
        f"{method} /analyses/{{analysis_id}}/{{rest:path}}": RouteAccess(PEOPLE_AND_PIPELINES)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    "GET /artifacts/{artifact_id}/download": RouteAccess(PEOPLE_AND_PIPELINES),
    # exports
    "GET /exports": RouteAccess(PEOPLE),
    "POST /exports": RouteAccess(PEOPLE, Role.MANAGER, archived=True),
    "GET /exports/formats": RouteAccess(PEOPLE),
    "GET /exports/{export_id}": RouteAccess(PEOPLE),
    "GET /exports/{export_id}/download": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /exports/{export_id}/cancel": RouteAccess(PEOPLE, Role.MANAGER, archived=True),
    "DELETE /exports/{export_id}": RouteAccess(PEOPLE, Role.MANAGER, archived=True),
    # signing keys of external pipelines
    "GET /callback_keys": RouteAccess(PEOPLE),
    "POST /callback_keys": RouteAccess(PEOPLE, Role.OWNER, archived=True),
    "DELETE /callback_keys/{key_id}": RouteAccess(PEOPLE, Role.OWNER, archived=True),
    "POST /callback_keys/check": RouteAccess(PEOPLE, Role.OWNER, archived=True),
    # webhooks; their URLs can contain secrets
    "GET /webhooks": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /webhooks": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /webhooks/{webhook_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "PATCH /webhooks/{webhook_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "DELETE /webhooks/{webhook_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/rotate-secret": RouteAccess(PEOPLE, Role.OWNER),
    "POST /webhooks/{webhook_id}/test": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /webhooks/{webhook_id}/deliveries": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/deliveries/replay": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": RouteAccess(
        PEOPLE, Role.MANAGER
    ),
    # e-mail notifications of the caller
    "GET /notification-subscriptions": RouteAccess(PEOPLE),
    "POST /notification-subscriptions": RouteAccess(PEOPLE, archived=True),
    "POST /notification-subscriptions/test": RouteAccess(PEOPLE, archived=True),
    "DELETE /notification-subscriptions/{notice_id}": RouteAccess(PEOPLE, archived=True),
    "GET /files/{key:path}": NO_SIGN_IN,  # requires a signed URL
    "HEAD /files/{key:path}": NO_SIGN_IN,
    "PUT /files/{key:path}": NO_SIGN_IN,
    # pull sources
    "GET /source-folders": RouteAccess(PEOPLE, operators_too=True),
    "POST /source-folders": RouteAccess(PEOPLE, operators=True),
    "GET /source-folders/missing": RouteAccess(PEOPLE, operators=True),
    "DELETE /source-folders/{folder_id}": RouteAccess(PEOPLE, operators=True, operators_too=True),
    "GET /image-pull-sources": RouteAccess(PEOPLE),
    "POST /image-pull-sources": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/gateways": RouteAccess(PEOPLE),
    "POST /image-pull-sources/test": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/{source_id}": RouteAccess(PEOPLE),
    "PATCH /image-pull-sources/{source_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "DELETE /image-pull-sources/{source_id}": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/test": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/process": RouteAccess(PEOPLE, Role.MANAGER),
    "PATCH /image-pull-sources/{source_id}/toggle": RouteAccess(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/{source_id}/runs": RouteAccess(PEOPLE),
    "GET /image-pull-sources/{source_id}/runs/{run_id}": RouteAccess(PEOPLE),
    "GET /image-pull-sources/{source_id}/files": RouteAccess(PEOPLE),
    "POST /image-pull-sources/{source_id}/files/retry": RouteAccess(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/events": NO_SIGN_IN,  # requires a signature
    "POST /image-pull-sources/{source_id}/event-secret": RouteAccess(PEOPLE, Role.OWNER),
    "DELETE /image-pull-sources/{source_id}/event-secret": RouteAccess(PEOPLE, Role.OWNER),
}
