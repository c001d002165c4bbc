"""The quality of models as CSV tables."""

from collections.abc import Iterator, Sequence
from typing import Any

from trapline.server.insights.actions.confidences import get_reliability
from trapline.server.insights.actions.insight_tables import render_csv
from trapline.server.insights.actions.model_quality import get_model_quality
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insights import ProportionEstimate
from trapline.wire.model_quality import DeploymentQuality, ModelClassQuality, QualityTable

MEASURES = ("precision", "recall", "f1", "biased_precision", "biased_recall", "biased_f1")
PARTS = ("", "_low", "_high", "_part", "_whole")


async def export_quality_table(
    system: AppContext, scope: Scope, project_id: int, source: str | None, table: QualityTable
) -> str:
    """Export the quality of a model version as CSV. Raises NotFound."""
    found = await get_model_quality(system, scope, project_id, source, ())
    measures = [f"{measure}{part}" for measure in MEASURES for part in PARTS]
    match table:
        case QualityTable.CLASSES:
            rows = [(one.name, *_list_measures(one), one.more_reviews) for one in found.classes]
            return render_csv(("class", *measures, "more_reviews"), rows)
        case QualityTable.DEPLOYMENTS:
            places = [(one.name, one.images, *_list_measures(one)) for one in found.deployments]
            return render_csv(("deployment", "images", *measures), places)
        case QualityTable.RELIABILITY:
            curve = None
            if found.source is not None:
                curve = await get_reliability(system, scope, project_id, found.source)
            columns = ("low", "high", "mean_confidence", *(f"correct{part}" for part in PARTS))
            return render_csv(
                (*columns, "random"),
                [
                    (
                        one.low,
                        one.high,
                        one.mean_confidence,
                        *_list_parts(one.correct),
                        int(curve.random),
                    )
                    for one in (curve.ranges if curve else ())
                    if curve is not None
                ],
            )


def _list_measures(one: ModelClassQuality | DeploymentQuality) -> Iterator[Any]:
    for measure in MEASURES:
        yield from _list_parts(getattr(one, measure))


def _list_parts(one: ProportionEstimate) -> Sequence[Any]:
    low, high = (one.interval.low, one.interval.high) if one.interval else (None, None)
    return (one.value, low, high, one.part, one.whole)
