"""The precision at which the caller sees each deployment; those that are not listed are exact.

The rules of the sensitive taxa and the current observations are compared by the function
`list_sensitive_deployments` of the database, which every surface uses. Nothing is cached, so a new
observation is effective in the transaction that stores it.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from trapline.server.images.rules.locations import AUDIENCES, VISITOR, Precision
from trapline.server.platform.access import MACHINES, Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Forbidden
from trapline.wire.auth import Role

_LIST = f"""
    select project_id, deployment_id, {", ".join(AUDIENCES)}
    from list_sensitive_deployments(%s::bigint[], %s::uuid[])
"""  # noqa: S608 - made of constants


def get_audience(scope: Scope, project_id: int) -> str | None:
    """Return whose rules apply to a caller; None if the caller sees exact locations.

    Workers and external pipelines run on machines of others, so they see what visitors see.
    """
    if scope.everything:
        return None
    role = scope.roles.get(project_id)
    if role is None or scope.kind in MACHINES:
        return VISITOR
    return None if role == Role.OWNER else role.value


def get_file_audience(scope: Scope, project_id: int) -> str | None:
    """Return the audience that a signed URL names; None is the strictest."""
    audience = get_audience(scope, project_id)
    if audience is None:
        return Role.OWNER.value
    return None if audience == VISITOR else audience


async def list_precisions(
    scope: Scope,
    tx: Transaction,
    project_ids: Collection[int] | None = None,
    deployment_ids: Collection[UUID] | None = None,
) -> dict[UUID, Precision]:
    """List the deployments that the caller does not see exactly, of these projects or of all."""
    known = scope.project_ids() if project_ids is None else project_ids
    audiences = {key: get_audience(scope, key) for key in known or ()}
    return await list_audience_precisions(tx, audiences, deployment_ids)


async def list_audience_precisions(
    tx: Transaction,
    audiences: Mapping[int, str | None],
    deployment_ids: Collection[UUID] | None = None,
) -> dict[UUID, Precision]:
    """List the deployments that the audience of each project does not see exactly."""
    projects = sorted(key for key, audience in audiences.items() if audience is not None)
    if not projects or (deployment_ids is not None and not deployment_ids):
        return {}
    wanted = None if deployment_ids is None else sorted(deployment_ids)
    cursor = await tx.execute(_LIST, (projects, wanted))
    found = {}
    for project_id, deployment_id, *levels in await cursor.fetchall():
        level = dict(zip(AUDIENCES, levels, strict=True))[audiences[project_id] or VISITOR]
        if level:
            found[deployment_id] = Precision(level)
    return found


async def has_sensitive_taxa(tx: Transaction, project_id: int) -> bool:
    """Whether a project lists any sensitive taxon."""
    cursor = await tx.execute(
        "select exists (select from sensitive_taxa where project_id = %s)", (project_id,)
    )
    [found] = await cursor.fetchone() or (False,)
    return bool(found)


async def find_file_precision(
    tx: Transaction, project_id: int, sha256: bytes, audience: str | None
) -> Precision:
    """Find the precision of the bytes of an original: the strictest of its deployments.

    `audience` is the one that the signed URL names.
    """
    if audience == Role.OWNER:
        return Precision.EXACT
    cursor = await tx.execute(
        "select array_agg(distinct i.deployment_id) from deployments d "
        "join images i on i.deployment_id = d.id and i.sha256 = %s where d.project_id = %s "
        "and exists (select from sensitive_taxa s where s.project_id = %s)",
        (sha256, project_id, project_id),
    )
    [deployments] = await cursor.fetchone() or (None,)
    found = await list_audience_precisions(tx, {project_id: audience or VISITOR}, deployments or ())
    return max(found.values(), default=Precision.EXACT)


async def require_exact_locations(
    scope: Scope, tx: Transaction, project_id: int, what: str
) -> None:
    """Require that the caller sees all deployments of a project exactly.

    Raises:
        Forbidden: the location of a deployment is withheld from the caller's role.
    """
    if await list_precisions(scope, tx, [project_id]):
        raise Forbidden(
            f"{what} can contain the locations of sensitive taxa, which are withheld from your "
            "role in this project. An owner of the project can read them."
        )


async def list_withheld_images(
    scope: Scope, tx: Transaction, project_id: int, image_ids: Collection[UUID]
) -> set[UUID]:
    """List those of these images whose file names are withheld from the caller."""
    withheld = await list_precisions(scope, tx, [project_id])
    if not withheld:
        return set()
    cursor = await tx.execute(
        "select id from images where id = any(%b) and deployment_id = any(%b)",
        (list(image_ids), list(withheld)),
    )
    return {image_id for (image_id,) in await cursor.fetchall()}
