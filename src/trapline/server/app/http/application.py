"""The HTTP application: all routers at their paths, with middleware and error handlers."""

import warnings
from collections.abc import Mapping
from functools import partial

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.types import ASGIApp, Receive, Scope, Send

from trapline import __version__
from trapline.server.accounts.routes import auth, oidc, tokens, users
from trapline.server.accounts.routes.access import require_known_caller
from trapline.server.accounts.routes.event_streams import StreamRegistry
from trapline.server.app.http.access_table import ACCESS
from trapline.server.app.http.documentation import add_documentation
from trapline.server.app.http.spa import mount_spa
from trapline.server.app.routes import health
from trapline.server.catalogue.events import ChangeSubscribers
from trapline.server.catalogue.routes import (
    annotations,
    bulk_identifications,
    disagreements,
    events,
    images,
    new_review_sets,
    saved_views,
    sequence_changes,
    sequences,
    summary,
)
from trapline.server.exports.routes import exports
from trapline.server.external.routes import analyses, callback_keys
from trapline.server.findings.routes import scores
from trapline.server.images.routes import deployments, files, staged_files
from trapline.server.imports.routes import imports
from trapline.server.insights.routes import insight_tables, insights
from trapline.server.insights.routes import model_quality as insight_quality
from trapline.server.notifications.routes import notices, webhooks
from trapline.server.operations.routes import image_deletion, metrics
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.http.middleware import RequestMiddleware
from trapline.server.platform.http.prefix_router import PrefixRouter
from trapline.server.platform.http.problems import add_problem_handlers, send_problem
from trapline.server.platform.http.query_names import IgnoredNames, refuse_unknown_names
from trapline.server.platform.http.rate_limits import limit_anonymous
from trapline.server.platform.http.request_context import get_route_key
from trapline.server.platform.http.security_headers import SAFE_HEADERS, SAFE_HEADERS_HTTPS
from trapline.server.projects.routes import audit, members, projects
from trapline.server.public.routes import public_preview, public_projects
from trapline.server.queue.job_hints import JobHints
from trapline.server.queue.job_subscribers import JobSubscribers
from trapline.server.queue.routes import (
    algorithms,
    failures,
    jobs,
    pipelines,
    presets,
    run_events,
    runs,
    tasks,
    workers,
)
from trapline.server.queue.task_notifier import TaskNotifier
from trapline.server.review.formats.taxon_lists import MOST_BYTES as MAX_TAXON_LIST_BYTES
from trapline.server.review.routes import (
    human_boxes,
    identifications,
    observation_settings,
    observations,
    palettes,
    review_progress,
    review_sets,
    sensitive_taxa,
    taxa,
)
from trapline.server.sources.routes import pushed_events, source_folders, sources
from trapline.wire.problem import Problem

# FastAPI ignores this warning about its own annotations while it builds a route. The validators of
# messages are built later, at their first use.
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)

VERSIONED = [
    auth.router,
    oidc.router,
    tokens.router,
    users.router,
    projects.router,
    members.router,
    audit.router,
    public_preview.router,
    public_projects.router,
    deployments.router,
    source_folders.router,
    sequences.router,
    sequence_changes.router,
    bulk_identifications.router,
    events.router,
    images.router,
    saved_views.router,
    disagreements.router,
    image_deletion.router,
    imports.router,
    summary.router,
    staged_files.router,
    pipelines.router,
    algorithms.router,
    presets.router,
    taxa.router,
    workers.router,
    workers.additions,
    jobs.router,
    failures.router,
    tasks.router,
    annotations.router,
    scores.router,
    identifications.router,
    human_boxes.router,
    insights.router,
    insight_tables.router,
    insight_quality.router,
    observations.router,
    observation_settings.router,
    palettes.router,
    review_progress.router,
    sensitive_taxa.router,
    review_sets.router,
    new_review_sets.router,
    exports.router,
    callback_keys.router,
    webhooks.router,
    notices.router,
]
"""Routers under /api/v2."""

GUIDED = [
    health.router,
    metrics.router,
    files.router,
    sources.router,
    pushed_events.router,
    runs.router,
    run_events.router,
]
"""Routers at the paths that the integration guides name, and under /api/v2."""

CALLED_BACK = [analyses.router]
"""Routers under /api, where external pipelines expect them, and under /api/v2."""


LARGER_BODIES = {"/api/v2/taxa/import": MAX_TAXON_LIST_BYTES}
"""Limits of POST requests with a large body that is read at once, by path."""


def build_application(system: AppContext | None, *, outside: bool = True) -> FastAPI:
    """Build the application; without a system it can only generate its OpenAPI document.

    `outside` enables the routes of external pipelines.
    """
    app = FastAPI(
        title="Trapline",
        version=__version__,
        openapi_url="/api/v2/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={
            "default": {"model": Problem, "description": "The problem, and how to correct it."}
        },
        separate_input_output_schemas=False,
        dependencies=[Depends(refuse_unknown_names)],
    )
    set_state(app, system)
    for subject in map(PrefixRouter, VERSIONED):
        app.include_router(subject, prefix="/api/v2")
    for subject in map(PrefixRouter, GUIDED):
        app.include_router(subject)
        app.include_router(subject, prefix="/api/v2", include_in_schema=False)
    for subject in map(PrefixRouter, CALLED_BACK if outside else (analyses.switched_off,)):
        app.include_router(subject, prefix="/api/v2")
        app.include_router(subject, prefix="/api", include_in_schema=False)
    validate_access_table()
    add_problem_handlers(app)
    add_documentation(app)
    mount_spa(app)
    return app


def set_state(app: FastAPI, system: AppContext | None) -> None:
    """Set the state that the routes of an application use."""
    app.state.system = system
    app.state.access = ACCESS
    app.state.listeners = ChangeSubscribers()
    app.state.arrivals = TaskNotifier(has_hints=partial(_has_hints, app))
    app.state.followers = JobSubscribers(has_hints=partial(_has_hints, app))
    app.state.streams = StreamRegistry()
    app.state.ignored_names = IgnoredNames()
    app.state.worker_additions = True


def _has_hints(app: FastAPI) -> bool:
    system: AppContext | None = app.state.system
    return system is not None and system.part(JobHints).is_connected


def receive_hints(app: FastAPI, system: AppContext) -> None:
    """Register the receivers of hints, which wake the waiting callers of this process."""
    hints = system.part(JobHints)
    hints.task_receivers.append(app.state.arrivals.hint)
    hints.job_receivers.append(app.state.followers.hint)


def list_routes() -> set[str]:
    """List the keys of all routes in the table of access."""
    return {
        get_route_key(method, route.path)
        for router in (*VERSIONED, *GUIDED, *CALLED_BACK)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def validate_access_table() -> None:
    """Require that the table of access names exactly the routes that exist.

    Raises:
        RuntimeError: a route is missing, or an entry has no route.
    """
    routes = list_routes()
    if missing := routes - ACCESS.keys():
        raise RuntimeError(
            f"http/access_table.py does not name these routes: {', '.join(sorted(missing))}"
        )
    if stale := ACCESS.keys() - routes:
        raise RuntimeError(
            f"http/access_table.py names routes that do not exist: {', '.join(sorted(stale))}"
        )


def wrap_middleware(app: FastAPI) -> ASGIApp:
    """Wrap the application in the middleware of all requests, including errors."""

    def choose_headers() -> Mapping[str, str]:
        system: AppContext | None = app.state.system
        is_https = system is not None and system.public_url.startswith("https://")
        return SAFE_HEADERS_HTTPS if is_https else SAFE_HEADERS

    async def refuse_flood(scope: Scope, receive: Receive, send: Send) -> bool:
        too_many = limit_anonymous(app.state.system, scope)
        if too_many is not None:
            await send_problem(app, too_many, scope, receive, send)
        return too_many is not None

    return RequestMiddleware(app, require_known_caller, choose_headers, refuse_flood, LARGER_BODIES)
