"""Methods for observations: the current answer to what images show."""

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.observation_settings import (
    ObservationPreview,
    ObservationSettings,
    ObservationSettingsChange,
)
from trapline.wire.observations import (
    Individual,
    Observation,
    ObservationGrouping,
    ObservationGroups,
)
from trapline.wire.palettes import Palette, PaletteUpdate
from trapline.wire.review_progress import ReviewProgress


class ObservationApi:
    """Methods for observations and their settings."""

    _to: ApiSession

    def list_observations(self, **filters: str | int | float | None) -> NotebookPage[Observation]:
        """List one page of observations, those of the newest images first.

        Filters are project, image, sequence, deployment, taxon (with its descendants), class_
        (a name or a label), kind, source ("human" or "model"), identified_by, needs_review,
        individual, count_min, captured_after, captured_before, order, cursor and limit.
        `Table(iterate(server.list_observations, project=1)).to_pandas()` is a DataFrame of all.
        """
        return self._to.get("/observations", NotebookPage[Observation], filters)

    def count_observations(
        self, project: int, by: str = ObservationGrouping.NAME, **filters: str | int | float | None
    ) -> ObservationGroups:
        """Count images and individuals by group.

        `by` is "name", "kind", "source", "deployment", "day", "month", "hour" or "person"; the
        filters are those of `list_observations`, without source and individual.
        """
        return self._to.get(
            "/observations/groups", ObservationGroups, {"project": project, "by": by, **filters}
        )

    def list_individuals(
        self, *, project: int, **page: str | int | float | None
    ) -> NotebookPage[Individual]:
        """List one page of the known individuals of a project, by name.

        `page` is search, order ("-identified_at": those identified last first), cursor and limit.

        `Table(iterate(server.list_individuals, project=1)).to_pandas()` is a DataFrame of all.
        """
        return self._to.get(
            "/observations/individuals", NotebookPage[Individual], {"project": project, **page}
        )

    def get_palette(self, project: int) -> Palette:
        """Show which species the keys 1 to 9 of the review assign."""
        return self._to.get(f"/projects/{project}/palette", Palette)

    def update_palette(self, project: int, palette: PaletteUpdate) -> Palette:
        """Pin species to keys, in place of all earlier pins."""
        return self._to.send("PUT", f"/projects/{project}/palette", Palette, palette)

    def get_review_progress(self, project: int, decided_after: str | None = None) -> ReviewProgress:
        """Count images and reviewed images by deployment and by person.

        `decided_after` is an ISO time; by default people are counted for the last 24 hours.
        """
        path = f"/projects/{project}/review-progress"
        return self._to.get(path, ReviewProgress, {"decided_after": decided_after})

    def get_observation_settings(self, project: int) -> ObservationSettings:
        """Show how the observations of a project are derived."""
        return self._to.get(f"/projects/{project}/observation-settings", ObservationSettings)

    def change_observation_settings(
        self, project: int, change: ObservationSettingsChange
    ) -> ObservationSettings:
        """Change how observations are derived; the server derives them again in the background."""
        path = f"/projects/{project}/observation-settings"
        return self._to.send("PATCH", path, ObservationSettings, change)

    def preview_observation_settings(
        self, project: int, change: ObservationSettingsChange
    ) -> ObservationPreview:
        """Show what a change would do to the newest 1,000 images, without changing anything."""
        path = f"/projects/{project}/observation-settings/preview"
        return self._to.send("POST", path, ObservationPreview, change)
