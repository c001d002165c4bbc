"""Health of pull sources: whether images arrive, and why not."""

from trapline.server.db.source_connections import SourceConnectionRow
from trapline.server.db.sources import SourceRow


def find_health(row: SourceRow, *, has_run: bool, connection: SourceConnectionRow | None) -> str:
    """Return the health of a source, one of the values that `Source` names."""
    if not row.is_active:
        return "paused"
    if row.consecutive_failures or find_connection_error(connection):
        return "failing"
    return "ok" if has_run else "new"


def find_connection_error(held: SourceConnectionRow | None) -> str | None:
    """Return why the connection of a source that pushes is broken, or None."""
    return held.last_error if held is not None and held.failures else None
