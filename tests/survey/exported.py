"""Export a survey in each format, to compare what external readers find with the oracle."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from tests.survey.comparison import Comparison
from tests.survey.driver import Survey
from tests.survey.oracle import Oracle
from tests.survey.oracle_exports import Exports
from trapline.wire.exports import ExportFormat, ExportOptions, ExportState, NewExport

Row = tuple[Any, ...]


class Exported:
    """Exports of a survey, or of a copy of it, and what they must contain."""

    def __init__(
        self,
        survey: Survey,
        oracle: Oracle,
        table: Comparison,
        *,
        images: Mapping[str, Any] | None = None,
        prefix: str = "camtrap-dp",
    ) -> None:
        """Prepare the comparison.

        Args:
            survey: the survey whose server is used.
            oracle: the expected contents.
            table: receives the results.
            images: the image IDs of a copy of the survey, by the keys of the truth.
            prefix: the name of the surface in the table.
        """
        self.survey, self.oracle, self.table, self.prefix = survey, oracle, table, prefix
        self.expected = Exports(oracle)
        self.is_copy = images is not None
        known: Mapping[str, Any] = survey.images if images is None else images
        self.keys = {str(image): key for key, image in known.items()}
        self.left_out: set[str] = set()
        self.folder = survey.folder / "exports"
        self.folder.mkdir(exist_ok=True)

    def export(self, form: ExportFormat, **options: Any) -> Path:
        """Export the survey, and download the file."""
        asked = NewExport(
            project=self.survey.project, format=form, options=ExportOptions(**options)
        )
        export = self.survey.owner.wait_for_export(
            self.survey.owner.create_export(asked).id, timeout_s=300
        )
        self.table.compare(form, "state", ExportState.READY, export.state)
        path = self.folder / export.filename
        if export.state is ExportState.READY:
            self.survey.owner.download_export(export, path)
        else:
            path.write_bytes(b"")
        return path

    def keep(self, rows: Counter[Row]) -> Counter[Row]:
        """Return the rows of images or sequences that are not left out of the comparison."""
        return Counter(
            {
                row: count
                for row, count in rows.items()
                if not self.left_out.intersection(
                    row[0] if isinstance(row[0], frozenset) else (row[0],)
                )
            }
        )

    def key_of(self, image_id: Any) -> str:
        """Return the key of an image in the truth."""
        return self.keys.get(str(image_id), f"unknown image {image_id}")

    def compare_by_arrival(
        self, surface: str, field: str, expected: dict[str, Any], actual: dict[str, Any]
    ) -> None:
        """Compare a field of images; names and paths are compared for each way of arrival."""
        if field not in ("filename", "path"):
            self.table.compare(surface, field, expected, actual)
            return
        arrivals = {key: one.deployment["arrives"] for key, one in self.oracle.images.items()}
        for arrival in sorted(set(arrivals.values())):
            chosen = {key for key in expected if arrivals[key] == arrival}
            self.table.compare(
                surface,
                f"{field} ({arrival})",
                {key: expected[key] for key in chosen},
                {key: one for key, one in actual.items() if key in chosen},
            )

    def compare_public_page(self) -> None:
        """Compare the images that a visitor without an account sees, and their number."""
        base = f"{self.survey.server.base_url}/api/v2/public/projects/{self.survey.project}"
        with httpx2.Client(trust_env=False) as visitor:
            about = visitor.get(base).json()
            page = visitor.get(f"{base}/images", params={"limit": 1000}).json()
            shown = list(page["results"])
            while page.get("next"):
                page = visitor.get(
                    f"{base}/images", params={"limit": 1000, "cursor": page["next"]}
                ).json()
                shown += page["results"]
        public = {
            key: one for key, one in self.oracle.images.items() if self.expected.is_public(one)
        }
        found = {self.key_of(one["id"]): one for one in shown}
        self.table.compare("public page", "images", sorted(public), sorted(found))
        self.table.compare("public page", "number of images", len(public), about["images"])
        self.table.compare(
            "public page",
            "classes of images",
            {key: sorted(self.oracle.list_classes(one)) for key, one in public.items()},
            {key: sorted(one["classes"]) for key, one in found.items()},
        )
        self.table.compare(
            "public page",
            "images by class",
            self.oracle.count_classes(public.values()),
            {one["class_name"]: one["images"] for one in about["classes"]},
        )
