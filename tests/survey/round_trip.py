"""Import exports into a second project with the same files, and export them again."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

from tests.support.running_server import wait_for
from tests.survey import pictures
from tests.survey.arrivals import UPLOADED_AT_ONCE
from tests.survey.driver import Survey, list_images
from tests.survey.exported import Exported
from tests.survey.exported_boxes import ExportedBoxes
from tests.survey.exported_packages import ExportedPackages
from trapline.wire.deployments import NewDeployment
from trapline.wire.exports import ExportFormat, ExportOptions, NewExport
from trapline.wire.projects import NewProject

LEFT_OUT = (
    "has no place here",
    "is imported as a result of a model",
    "is replaced by the type",
    "its event has no image",
    "other observations of its event name a taxon",
    "observations of people and of machines",
)
"""Events of images with a shared path, and those that would change observations of images."""
FORMATS = (ExportFormat.CAMTRAP_DP, ExportFormat.COCO, ExportFormat.MEGADETECTOR)


class RoundTrip:
    """A second project with the survey's files and without results."""

    def __init__(self, survey: Survey, exported: Exported) -> None:
        self.survey, self.exported, self.table = survey, exported, exported.table
        self.oracle = exported.oracle
        self.paths: dict[str, str] = {}

    def compare(self) -> None:
        """Compare what each format preserves in an import."""
        files = {form: self._export(self.survey.project, form) for form in FORMATS}
        with (
            zipfile.ZipFile(files[ExportFormat.CAMTRAP_DP]) as packed,
            packed.open("media.csv") as lines,
        ):
            rows = csv.DictReader(io.TextIOWrapper(lines, "utf-8", newline=""))
            # The copies have the names that the first project shows; `compare_camtrap_dp` compares
            # those with the truth.
            self.paths = {self.exported.key_of(row["mediaID"]): row["fileName"] for row in rows}
        for form, path in files.items():
            project, images = self._copy(f"Copy by {form}")
            done = self.survey.owner.wait_for_import(
                self.survey.owner.import_results(path, form.value, project=project).id,
                timeout_s=300,
            )
            listed = self.survey.owner.list_import_faults(done.id, limit=1000).results
            # Entries whose path several images share are reported, and are left out here.
            shared = [str(self.survey.images[key]) for key in self._find_shared_paths()]
            faults = [
                f"{one.file}: {one.message}"
                for one in listed
                if "match equally well" not in one.message
                and not any(what in one.message for what in LEFT_OUT)
                and not any(key in str(one.file) for key in shared)
            ]
            surface = f"round trip by {form}"
            self.table.compare(surface, "faults", [], faults)
            again = Exported(self.survey, self.oracle, self.table, images=images, prefix=surface)
            # A package keeps the IDs of its images.
            again.keys |= self.exported.keys
            again.left_out = self._find_shared_paths()
            if form is ExportFormat.CAMTRAP_DP:
                package = self._export(project, form)
                ExportedPackages(again).compare_media_observations(package)
            elif form is ExportFormat.COCO:
                boxes = ExportedBoxes(again).read_coco(self._export(project, form))
                self.table.compare(
                    surface, "boxes", again.keep(again.expected.list_boxes()), again.keep(boxes)
                )
            else:
                detections = again.expected.list_detections()
                # An entry without detections states a failure, and is imported as such.
                failed = {key for key, rows in detections.items() if rows is None}
                expected = (len(again.left_out), len(failed - again.left_out))
                actual = (self._count(project, "none"), self._count(project, "failed"))
                self.table.compare(surface, "images without a completed analysis", expected, actual)

    def _find_shared_paths(self) -> set[str]:
        """Return the images that share their path with another image of the deployment.

        Results cannot identify such an image.
        """
        paths = Counter(
            (one.deployment["key"], one.file["path"]) for one in self.oracle.images.values()
        )
        return {
            key
            for key, one in self.oracle.images.items()
            if paths[one.deployment["key"], one.file["path"]] > 1
        }

    def _count(self, project: int, state: str) -> int:
        page = self.survey.owner.list_images(project=project, limit=1, analysis_state=state)
        return int(page.count)

    def _export(self, project: int, form: ExportFormat) -> Path:
        licences = (
            {"data_licence": "CC0-1.0", "media_licence": "CC0-1.0"}
            if form is ExportFormat.CAMTRAP_DP
            else {}
        )
        asked = NewExport(project=project, format=form, options=ExportOptions(**licences))
        export = self.survey.owner.wait_for_export(
            self.survey.owner.create_export(asked).id, timeout_s=300
        )
        path = self.survey.folder / "exports" / f"{project}-{form}{Path(export.filename).suffix}"
        self.survey.owner.download_export(export, path)
        return path

    def _copy(self, name: str) -> tuple[int, dict[str, str]]:
        """Create a project with the same deployments, taxa and files.

        Returns the project's ID, and the IDs of its images by the keys of the truth.
        """
        owner = self.survey.owner
        project = owner.create_project(NewProject(name=name)).id
        owner.import_taxa(project, (self.survey.folder / "taxa.csv").read_bytes())
        listed = owner.list_taxa(project=project, limit=1000).results
        taxa = {one.scientific_name: one.id for one in listed}
        owner.map_labels(
            project, {label: taxa[name] for label, name in self.survey.truth["labels"].items()}
        )
        places: dict[str, UUID] = {}
        for one in self.survey.truth["deployments"]:
            places[one["key"]] = owner.create_deployment(
                NewDeployment(
                    project=project,
                    name=one["name"],
                    latitude=one["latitude"],
                    longitude=one["longitude"],
                    time_zone=one["time_zone"],
                    clock_offset_s=one["clock_offset_s"],
                )
            ).id
        # In the order of the polls, because a replaced file has the path of the one before it.
        images: dict[str, str] = {}
        with httpx2.Client(
            base_url=f"{self.survey.server.base_url}/api/v2", trust_env=False, timeout=60
        ) as session:
            session.headers["Authorization"] = f"Bearer {self.survey.server.token}"
            for deployment in self.survey.truth["deployments"]:
                of_it = [
                    one
                    for one in self.oracle.images.values()
                    if one.deployment["key"] == deployment["key"]
                ]
                ordered = sorted(of_it, key=lambda one: (one.file["poll"], one.key))
                for start in range(0, len(ordered), UPLOADED_AT_ONCE):
                    chosen = ordered[start : start + UPLOADED_AT_ONCE]
                    parts: list[Any] = [("deployment", (None, str(places[deployment["key"]])))]
                    for image in chosen:
                        if not image.file["in_exif"]:
                            parts.append(("modified_at", (None, image.file["captured_at"])))
                        content = pictures.draw_picture(image.file, deployment["camera"])
                        parts.append(("files", (self.paths[image.key], content, "image/jpeg")))
                    answer = session.post("/images", files=parts)
                    assert answer.status_code in (200, 201), answer.text
                    for image, sent in zip(chosen, answer.json()["files"], strict=True):
                        images[image.key] = sent["image_id"]
        wait_for(
            "sequences",
            lambda: all(one.sequence_id for one in list_images(self.survey, project=project)),
        )
        return project, images
