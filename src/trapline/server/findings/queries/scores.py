"""The scores of one classification over its whole class list."""

from typing import Any, NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound


class StoredScores(NamedTuple):
    """A classification with its scores: in `data` if the list is short, else encoded.

    `labels` is the class list of the result, or else that of its algorithm.
    """

    project_id: int
    class_name: str | None
    data: dict[str, Any]
    algorithm: str | None
    encoding: str | None
    content: bytes | None
    labels: list[str] | None


async def get_score_row(scope: Scope, tx: Transaction, annotation_id: UUID) -> StoredScores:
    """Get the scores of a classification. Raises NotFound, Forbidden."""
    cursor = await tx.execute(
        """
        select n.project_id, n.class_name, n.data, g.key, v.encoding, v.content, m.labels
        from annotations n left join score_vectors v on v.annotation_id = n.id
        left join algorithms g on g.id = n.algorithm_id
        left join category_maps m on m.sha256 = coalesce(decode(n.data ->> 'class_list', 'hex'),
            g.map_sha256)
        where n.id = %s and not exists (select 1 from images i where i.id = n.image_id
            and i.deleted_at is not null)
        """,
        (annotation_id,),
    )
    row = await cursor.fetchone()
    if row is None or not scope.sees(row[0]):
        raise NotFound
    scope.check(row[0])
    return StoredScores(*row)
