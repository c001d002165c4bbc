"""The newest analyses of one version of a model, with their findings."""

from collections.abc import Collection
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.observation_inputs import VERSIONS, load_findings
from trapline.server.review.queries.observation_sets import ObservationSet
from trapline.server.review.rules.observation_inputs import AnalysisInput


async def load_version_analyses(
    scope: Scope,
    tx: Transaction,
    of: ObservationSet,
    model: tuple[str, str],
    images: Collection[UUID],
) -> dict[UUID, AnalysisInput]:
    """Load the newest completed analysis of a model's name and version, by image."""
    name, version = model
    cursor = await tx.execute(VERSIONS, {"images": list(images), "pipelines": [name]})
    chosen = [row for row in await cursor.fetchall() if row[3] == version]
    findings = await load_findings(scope, tx, of, [key for key, *_ in chosen], ())
    return {
        image: AnalysisInput(key, name, completed_at, findings.by_analysis[key], version)
        for key, image, _, _, completed_at in chosen
    }
