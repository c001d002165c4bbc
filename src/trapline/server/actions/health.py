"""Whether everything that is needed is there."""

from trapline.server.errors import TraplineError
from trapline.server.rules.access import Scope
from trapline.server.system import System
from trapline.wire.health import Health


async def find_health(system: System) -> Health:
    """Ask the database and the store; each answers `ok` or what is the matter."""
    parts = {"database": "ok", "store": "ok"}
    scope = Scope.system()
    try:
        async with system.database.transaction(scope) as tx:
            await tx.execute("select 1")
    except TraplineError as error:
        parts["database"] = error.detail
    try:
        await system.store.check()
    except (TraplineError, OSError) as error:
        parts["store"] = str(error)
    return Health(status="ready" if set(parts.values()) == {"ok"} else "not ready", parts=parts)
