"""Liveness and readiness."""

from fastapi import APIRouter, Response

from trapline.server.accounts.routes.access import SystemOf
from trapline.server.app.actions.health import get_health
from trapline.wire.health import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def get_liveness() -> Health:
    """Return that this process is alive, whatever the state of its parts."""
    return Health(status="alive")


@router.get("/readyz")
async def get_readiness(system: SystemOf, response: Response) -> Health:
    """Return whether the server is ready, with the state of each part: 200 or 503."""
    health = await get_health(system)
    if health.status != "ready":
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return health
