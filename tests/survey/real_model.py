"""Run the real model `insect-sheet` in a separate project, and compare its boxes on every surface.

The findings of the model are not known in advance. The test checks what holds for any model: each
image has one completed analysis, boxes are inside their image, and all surfaces agree.
`insect-sheet` needs one model file of 19 MB.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from pycocotools.coco import COCO

from tests.support.registries import lacks_registries
from tests.support.running_server import wait_for
from tests.survey import pictures
from tests.survey.comparison import Comparison
from tests.survey.driver import Survey, list_images
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.exports import ExportFormat, NewExport
from trapline.wire.jobs import JobState, NewJob, Selection
from trapline.wire.projects import NewProject

PIPELINE = "insect-sheet"
PICTURES = 4
CORNERS = ("x_min", "y_min", "x_max", "y_max")
Box = tuple[str, str, int, int, int, int]
"""A box: the image's file name, the label, and the edges left, top, right and bottom in pixels."""


class RealModel:
    """A project with a few images of the survey, which a real model analyses."""

    def __init__(self, survey: Survey, table: Comparison) -> None:
        self.survey, self.owner, self.table = survey, survey.owner, table
        self.folder = survey.folder / PIPELINE
        self.folder.mkdir()
        self.project = self.owner.create_project(NewProject(name="Real model")).id
        self.sizes: dict[str, tuple[int, int]] = {}

    def compare(self) -> None:
        """Run the model, then compare its boxes in the API, CSV, COCO and MegaDetector results."""
        self._upload()
        if not self._work():
            return
        images = {one.id: one.filename for one in list_images(self.survey, project=self.project)}
        self.table.compare("real model", "images", sorted(self.sizes), sorted(images.values()))
        states = {
            name: [(one.model_name, one.status) for one in self.owner.list_analyses(image).results]
            for image, name in images.items()
        }
        self.table.compare(
            "real model",
            "analyses",
            {name: [(PIPELINE, "completed")] for name in self.sizes},
            states,
        )
        found = self.owner.find_annotations(
            project=self.project, type="bounding_box", limit=1000
        ).results
        outside = [one.data for one in found if not self._is_inside(images[one.image_id], one.data)]
        self.table.compare("real model", "boxes outside their image", [], outside)
        boxes = Counter(
            _round(images[one.image_id], one.class_name or "", [one.data[edge] for edge in CORNERS])
            for one in found
        )
        self.table.compare(
            "real model",
            "finds something on each picture",
            set(self.sizes),
            {one[0] for one in boxes},
        )
        self.table.compare("real model", "boxes in csv", boxes, self._read_csv())
        self.table.compare("real model", "boxes in coco", boxes, self._read_coco())
        self.table.compare("real model", "boxes in megadetector", boxes, self._read_megadetector())

    def _upload(self) -> None:
        deployment = self.survey.truth["deployments"][0]
        files = [one for one in self.survey.of_deployment(deployment["key"])
                 if one["fate"] == "stored" and one["objects"]][:PICTURES]  # fmt: skip
        for place, one in enumerate(files):
            name = f"picture {place}.jpg"
            (self.folder / name).write_bytes(pictures.draw_picture(one, deployment["camera"]))
            self.sizes[name] = (one["width"], one["height"])
        made = self.owner.create_deployment(NewDeployment(project=self.project, name="Light trap"))
        self.owner.upload_images(self.folder, deployment=made.id)

    def _work(self) -> bool:
        """Run a worker until it is idle; return False if the model file is not available here."""
        token = self.owner.create_token(
            NewToken(name=PIPELINE, kind=TokenKind.WORKER, projects=[self.project])
        ).token
        environment = {
            "TRAPLINE_TOKEN": token,
            "TRAPLINE_OUTBOX": str(self.survey.folder / f"outbox-{PIPELINE}"),
            "TRAPLINE_POLL": "0.1",
        }
        registered = self.survey.server.run(
            "register", "--pipeline", PIPELINE, check=False, **environment
        )
        if lacks_registries(registered):
            assert not os.environ.get("CI"), registered.stderr
            self.table.skip("real model", "boxes", registered.stderr[-300:])
            return False
        assert registered.returncode == 0, registered.stderr
        job = self.owner.create_job(
            NewJob(project=self.project, pipeline=PIPELINE, selection=Selection())
        ).id
        wait_for("work", lambda: self.owner.get_job(job).expanded, 60)
        self.survey.server.run(
            "worker", "--pipeline", PIPELINE, "--until-idle", "1", check=True, **environment
        )
        wait_for(
            "the end of a job", lambda: self.owner.get_job(job).status is JobState.COMPLETED, 120
        )
        return True

    def _is_inside(self, name: str, data: dict[str, Any]) -> bool:
        wide, high = self.sizes[name]
        left, top, right, bottom = (data[edge] for edge in CORNERS)
        return bool(0 <= left < right <= wide and 0 <= top < bottom <= high)

    # Readers

    def _export(self, form: ExportFormat) -> Path:
        made = self.owner.create_export(NewExport(project=self.project, format=form))
        export = self.owner.wait_for_export(made.id, timeout_s=120)
        path = self.survey.folder / "exports" / f"{PIPELINE}-{export.filename}"
        self.owner.download_export(export, path)
        return path

    def _read_csv(self) -> Counter[Box]:
        frame = pd.read_csv(self._export(ExportFormat.CSV))
        return Counter(
            _round(row["filename"], row["class_name"], _find_edges(
                row["x_min_px"], row["y_min_px"], row["width_px"], row["height_px"]))
            for row in frame[frame["type"] == "bounding_box"].to_dict("records")
        )  # fmt: skip

    def _read_coco(self) -> Counter[Box]:
        coco = COCO(str(self._export(ExportFormat.COCO)))
        names = {key: Path(one["file_name"]).name for key, one in coco.imgs.items()}
        return Counter(
            _round(
                names[one["image_id"]],
                coco.cats[one["category_id"]]["name"],
                _find_edges(*one["bbox"]),
            )
            for one in coco.loadAnns(coco.getAnnIds())
        )

    def _read_megadetector(self) -> Counter[Box]:
        read = json.loads(self._export(ExportFormat.MEGADETECTOR).read_bytes())
        boxes: Counter[Box] = Counter()
        for image in read["images"]:
            name = Path(image["file"]).name
            wide, high = self.sizes[name]
            for one in image["detections"]:
                labels = [
                    read["classification_categories"][number]
                    for number, _ in one.get("classifications", ())
                ]
                label = labels[0] if labels else read["detection_categories"][one["category"]]
                x, y, width, height = one["bbox"]
                boxes[
                    _round(
                        name, label, _find_edges(x * wide, y * high, width * wide, height * high)
                    )
                ] += 1
        return boxes


def _find_edges(x: float, y: float, wide: float, high: float) -> list[float]:
    return [x, y, x + wide, y + high]


def _round(image: str, label: str, edges: list[float]) -> Box:
    left, top, right, bottom = (round(float(edge)) for edge in edges)
    return image, label, left, top, right, bottom
