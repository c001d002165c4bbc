"""The scores of a classification over its whole class list."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from trapline.server.findings.queries.scores import StoredScores, get_score_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound
from trapline.wire.annotations import ClassificationScores

if TYPE_CHECKING:
    from trapline.server.findings.rules.score_codec import Vector

BEYOND = 1e39


async def get_scores(system: AppContext, scope: Scope, annotation_id: UUID) -> ClassificationScores:
    """Get the scores of a classification and its logits, if the worker sent them.

    Numbers are exact to single precision; one beyond its range is 1e39 or -1e39. Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        stored = await get_score_row(scope, tx, annotation_id)
    scores, logits = await asyncio.to_thread(_decode, stored)
    if not scores and not logits:
        raise NotFound("This annotation has no scores.")
    length = len(scores) or len(logits or ())
    return ClassificationScores(
        annotation_id=annotation_id,
        class_name=stored.class_name,
        algorithm=stored.algorithm,
        labels=stored.labels
        if stored.labels is not None and len(stored.labels) == length
        else None,
        scores=scores,
        logits=logits,
    )


def _decode(stored: StoredScores) -> tuple[list[float], list[float] | None]:
    # Imported on first use: the import takes a tenth of the start time of a process.
    from trapline.server.findings.rules.score_codec import decode_scores

    if stored.content is None or stored.encoding is None:
        return _as_given(stored.data.get("scores")) or [], _as_given(stored.data.get("logits"))
    found = decode_scores(bytes(stored.content), stored.encoding)
    return _shortest(found.scores), None if found.logits is None else _shortest(found.logits)


def _as_given(numbers: Any) -> list[float] | None:
    return [float(number) for number in numbers] if isinstance(numbers, Sequence) else None


def _shortest(vector: "Vector") -> list[float]:
    """Return the shortest decimals that are equal to these numbers in single precision."""
    import numpy as np

    plain = np.nan_to_num(vector.astype(str).astype(np.float64), posinf=BEYOND, neginf=-BEYOND)
    return [float(number) for number in plain]
