"""Stored files that can be read: those whose image and project are not deleted."""

import re
from uuid import UUID

from trapline.server.images.rules.file_readers import FileReader
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

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
    if parts[0] in ("originals", "upright"):
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
