"""Methods for insights: effort, rates, activity, richness, detection histories, camera health."""

import csv
import io
from typing import Any

from trapline.client.api_session import ApiSession, Params
from trapline.client.notebook_tables import Table
from trapline.wire.camera_health import CameraHealth
from trapline.wire.insight_activity import Activity, Overlap
from trapline.wire.insight_detections import DetectionHistory, RecordTable
from trapline.wire.insight_richness import Accumulation
from trapline.wire.insight_summary import InsightSummary
from trapline.wire.insight_trends import Trends
from trapline.wire.model_quality import (
    ModelComparison,
    ModelQuality,
    ModelReliability,
    NewAuditSample,
    ThresholdSuggestion,
)
from trapline.wire.review_sets import ReviewSet

Filter = str | int | float | None


class InsightApi:
    """Methods for insights of a project.

    Filters are start and end (local days), deployment, taxon (with its descendants), class_, kind
    ("animal" by default), interval (minutes, 30 by default) and rule.
    """

    _to: ApiSession

    def get_insight_summary(self, project: int, **filters: Filter) -> InsightSummary:
        """Return events and rates by species and deployment, with the effort.

        `Table(server.get_insight_summary(1).species).to_pandas()` is a DataFrame of the species.
        """
        return self._to.get("/insights/summary", InsightSummary, _ask(project, filters))

    def get_activity(self, project: int, **filters: Filter) -> Activity:
        """Return the activity of species over the day; `time="solar"` is that of the sun."""
        return self._to.get("/insights/activity", Activity, _ask(project, filters))

    def get_overlap(self, project: int, first: str, second: str, **filters: Filter) -> Overlap:
        """Return the overlap of the activity of two species; `time="solar"` is that of the sun."""
        asked = _ask(project, {**filters, "first": first, "second": second})
        return self._to.get("/insights/overlap", Overlap, asked)

    def get_accumulation(self, project: int, **filters: Filter) -> Accumulation:
        """Return the accumulation of species over camera-nights, with Chao2."""
        return self._to.get("/insights/accumulation", Accumulation, _ask(project, filters))

    def get_trends(self, project: int, step: str = "month", **filters: Filter) -> Trends:
        """Return species over time: events and rates by day, week, month or year."""
        return self._to.get("/insights/trends", Trends, _ask(project, {**filters, "step": step}))

    def get_detection_history(
        self, project: int, species: str, days: int = 7, **filters: Filter
    ) -> DetectionHistory:
        """Return the detection history of a species, with occasions of `days` days."""
        asked = _ask(project, {**filters, "species": species, "days": days})
        return self._to.get("/insights/detections", DetectionHistory, asked)

    def list_insight_records(self, project: int, **filters: Filter) -> RecordTable:
        """List the first 10,000 independent events; the table `records` has all."""
        return self._to.get("/insights/records", RecordTable, _ask(project, filters))

    def get_camera_health(self, project: int) -> CameraHealth:
        """List cameras by the urgency of a visit."""
        return self._to.get("/insights/camera-health", CameraHealth, {"project": project})

    def get_model_quality(
        self, project: int, source: str | None = None, deployment: str | None = None
    ) -> ModelQuality:
        """Return precision, recall and F1 of a model version by class and deployment.

        `source` is `model:` with a name, a slash and a version; by default, it is the version with
        most reviewed images.
        """
        asked: Params = {"project": project, "source": source, "deployment": deployment}
        return self._to.get("/insights/model-quality", ModelQuality, asked)

    def export_quality_table(
        self, project: int, table: str = "classes", source: str | None = None
    ) -> bytes:
        """Return model quality as CSV: classes, deployments or reliability."""
        asked: Params = {"project": project, "source": source, "table": table}
        return self._to.get_bytes("/insights/model-quality/table", asked)

    def get_reliability(self, project: int, source: str) -> ModelReliability:
        """Return the share of correct classes by confidence of a model version."""
        asked: Params = {"project": project, "source": source}
        return self._to.get("/insights/reliability", ModelReliability, asked)

    def get_model_comparison(self, project: int, first: str, second: str) -> ModelComparison:
        """Compare two model versions on the same reviewed images (McNemar)."""
        asked: Params = {"project": project, "first": first, "second": second}
        return self._to.get("/insights/model-comparison", ModelComparison, asked)

    def get_threshold_suggestion(
        self, project: int, source: str, class_: str, recall: float = 0.95
    ) -> ThresholdSuggestion:
        """Suggest the detection threshold of a class that reaches a recall."""
        asked: Params = {"project": project, "source": source, "class_": class_, "recall": recall}
        return self._to.get("/insights/threshold", ThresholdSuggestion, asked)

    def create_audit_sample(self, project: int, new: NewAuditSample) -> ReviewSet:
        """Draw images at random and create a review set of them. Requires the manager role."""
        return self._to.send(
            "POST", "/insights/audit-samples", ReviewSet, new, params={"project": project}
        )

    def export_insight_table(self, project: int, table: str, **filters: Filter) -> bytes:
        """Return an insight as CSV.

        Tables are species, deployments, species-by-deployment, activity, overlap (with `first`
        and `second`), accumulation, trends (with `step`), detection-history and detection-effort
        (both with `species` and `days`), records and camera-health.
        """
        return self._to.get_bytes("/insights/tables", _ask(project, {**filters, "table": table}))

    def get_insight_table(self, project: int, table: str, **filters: Filter) -> Table:
        """Return the rows of an insight; `to_pandas()` of it is a DataFrame."""
        text = self.export_insight_table(project, table, **filters).decode()
        return Table(
            {name: _parse_cell(value) for name, value in row.items()}
            for row in csv.DictReader(io.StringIO(text))
        )


def _ask(project: int, filters: dict[str, Any]) -> dict[str, Any]:
    return {"project": project, **filters}


def _parse_cell(text: str) -> str | int | float | None:
    if text in ("", "NA"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
