"""Stored files that can be read: those whose image and project are not deleted."""

import re
from uuid import UUID

from trapline.server.images.rules.file_readers import FileReader
from trapline.server.images.rules.locations import AUDIENCES
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.db.base import Transaction
from trapline.wire.auth import Role

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_OF_IMAGE = """
    select i.project_id from images i join projects p on p.id = i.project_id
    where i.id = %(id)s and (i.deleted_at is null or %(deleted)s) and p.deleted_at is null
"""
_OF_ANALYSIS = """
    select i.project_id from analyses a join images i on i.id = a.image_id join projects p
        on p.id = i.project_id
    where a.id = %(id)s and (i.deleted_at is null or %(deleted)s) and p.deleted_at is null
"""
# Another image of the project can have the same bytes; it is searched for only if the first
# condition is false.
_OF_BYTES = """
    select p.id from projects p where p.id = %(project)s and p.deleted_at is null and (
        exists (select 1 from images i
            where i.id = %(id)s and i.project_id = p.id and (i.deleted_at is null or %(deleted)s))
        or exists (select 1 from deployments d join images i on i.deployment_id = d.id
            and i.sha256 = %(sha256)s
            where d.project_id = p.id and i.deleted_at is null)
    )
"""


async def find_project_of_file(
    scope: Scope, tx: Transaction, parts: tuple[str, ...], reader: FileReader
) -> int | None:
    """Find the project of a file by the parts of its key; None if its images are deleted."""
    asked: dict[str, object] = {"deleted": reader.sees_deleted}
    if parts[0] in ("originals", "upright", "tiles"):
        name = parts[-1].removesuffix(".jpg")
        sha256 = bytes.fromhex(name) if _SHA256.match(name) else None
        asked |= {"project": int(parts[1]), "id": reader.image_id, "sha256": sha256}
        statement = _OF_BYTES
    else:
        statement = _OF_IMAGE if parts[0] == "thumbs" else _OF_ANALYSIS
        try:
            asked["id"] = UUID(parts[1])
        except ValueError:
            return None
    row = await (await tx.execute(statement, asked)).fetchone()
    return None if row is None else row[0]


async def find_reader_audience(tx: Transaction, project_id: int, reader: FileReader) -> str | None:
    """Find whose view of sensitive locations a file must not exceed; None is the strictest.

    It is the audience that the URL names, or the present role of its caller if that is lower.
    """
    order = [*AUDIENCES, Role.OWNER.value]
    if reader.audience not in order:
        return None
    cursor = await tx.execute(
        """
        select m.role from members m join users u on u.id = m.user_id and u.deactivated_at is null
        where m.project_id = %s and m.user_id = coalesce(%s,
            (select t.user_id from tokens t where t.id = %s and t.kind = 'user'
                and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())))
        """,
        (project_id, parse_actor(reader.actor), reader.token_id),
    )
    row = await cursor.fetchone()
    return None if row is None else min(row[0], reader.audience, key=order.index)
