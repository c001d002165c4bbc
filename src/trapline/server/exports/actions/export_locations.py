"""The locations that an export shows: those of its requester's role, and what others may read."""

from collections.abc import Sequence
from uuid import UUID

from trapline.server.accounts.queries.accounts import MemberRow
from trapline.server.exports.queries.export_locations import list_exports_with_deployments
from trapline.server.exports.queries.exports import ExportRow
from trapline.server.images.queries.locations import (
    list_audience_precisions,
    list_precisions,
)
from trapline.server.images.rules.locations import VISITOR, Precision
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.db.base import Transaction
from trapline.wire.auth import Role
from trapline.wire.exports import EXPORT_FORMATS, ExportFormat

WITHHELD_ISSUE = (
    "Withheld from your role: the export shows locations of sensitive taxa more exactly than you "
    "may see them."
)


def choose_audience(form: ExportFormat, given: str | None) -> str | None:
    """Choose the audience of an export for which none is given: that of its format."""
    return EXPORT_FORMATS[form].audience if given is None else given


async def list_export_precisions(tx: Transaction, row: ExportRow) -> dict[UUID, Precision]:
    """List the deployments that an export does not show exactly.

    The role is that of the requester when the records are gathered; a requester who is no longer a
    member counts as a visitor. If the export is for another audience too, the stricter one counts.
    """
    given = choose_audience(ExportFormat(row.format), row.audience)
    audiences = [await _find_audience(tx, row), None if given == Role.OWNER else given]
    found: dict[UUID, Precision] = {}
    for audience in audiences:
        if audience is None:
            continue
        listed = await list_audience_precisions(tx, {row.project_id: audience})
        found = {key: max(found.get(key, listed[key]), listed[key]) for key in listed} | {
            key: level for key, level in found.items() if key not in listed
        }
    return found


async def is_for_visitors(tx: Transaction, row: ExportRow) -> bool:
    """Return whether an export shows visitors what it contains; see `list_export_precisions`."""
    given = choose_audience(ExportFormat(row.format), row.audience)
    return VISITOR in (given, await _find_audience(tx, row))


async def _find_audience(tx: Transaction, row: ExportRow) -> str | None:
    user_id = parse_actor(row.requested_by)
    key = (row.project_id, user_id)
    member = None if user_id is None else await tx.session.get(MemberRow, key)
    if member is None:
        return VISITOR
    return None if member.role == Role.OWNER else member.role


async def list_unreadable_exports(
    scope: Scope, tx: Transaction, rows: Sequence[ExportRow]
) -> set[UUID]:
    """List those of these exports that show a location more exactly than the caller may see it.

    The present rules and observations decide, so a file that was readable can become unreadable.
    """
    if scope.everything:
        return set()
    levels = await list_precisions(scope, tx, {row.project_id for row in rows})
    return await list_exports_with_deployments(scope, tx, rows, levels)
