"""Compare exports of boxes: COCO, YOLO and MegaDetector results."""

import json
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from pycocotools.coco import COCO

from tests.survey.exported import Exported, Row
from tests.survey.megadetector_validator import ValidatorUnavailable, validate_results
from tests.survey.oracle_images import SeenImage
from trapline.wire.exports import ExportFormat


class ExportedBoxes:
    """Boxes of a survey, read with pycocotools, PyYAML and the validator of MegaDetector."""

    def __init__(self, exported: Exported) -> None:
        self.exported, self.table, self.expected = exported, exported.table, exported.expected

    def compare_coco(self) -> None:
        """Compare COCO, read by pycocotools: images by size, boxes by category."""
        path = self.exported.export(ExportFormat.COCO)
        coco = COCO(str(path))
        sizes = {
            self.exported.key_of(one["trapline_id"]): (one["width"], one["height"])
            for one in coco.dataset["images"]
        }
        expected = {
            key: (one.file["width"], one.file["height"])
            for key, one in self.exported.oracle.images.items()
        }
        self.table.compare("coco", "images and their sizes", expected, sizes)
        names = {one["file_name"] for one in coco.dataset["images"]}
        self.table.compare("coco", "file names", len(self.exported.oracle.images), len(names))
        self.table.compare("coco", "boxes", self.expected.list_boxes(), self.read_coco(path))

    def read_coco(self, path: Path) -> Counter[Row]:
        """Read the boxes of a COCO file with pycocotools."""
        coco = COCO(str(path))
        images = {
            one["id"]: self.exported.key_of(one["trapline_id"]) for one in coco.dataset["images"]
        }
        categories = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
        return Counter(
            (
                images[one["image_id"]],
                categories[one["category_id"]],
                *one["bbox"],
                one.get("score"),
            )
            for one in coco.loadAnns(coco.getAnnIds())
        )

    def compare_yolo(self) -> None:
        """Compare YOLO: the images with labels, and the labels."""
        labels: dict[str, Counter[Row]] = {}
        with zipfile.ZipFile(self.exported.export(ExportFormat.YOLO)) as packed:
            names = yaml.safe_load(packed.read("data.yaml"))["names"]
            pictures = {name for name in packed.namelist() if name.startswith("images/")}
            for name in packed.namelist():
                if name.startswith("labels/"):
                    rows = [line.split() for line in packed.read(name).decode().splitlines()]
                    labels[self.exported.key_of(Path(name).stem)] = Counter(
                        (names[int(row[0])], *(round(float(one), 4) for one in row[1:]))
                        for row in rows
                    )
        self.table.compare("yolo", "images with pictures", len(labels), len(pictures))
        self.table.compare("yolo", "labels", self.expected.list_labels(), labels)

    def compare_megadetector(self) -> None:
        """Compare MegaDetector's batch results: detections and their classifications by image."""
        path = self.exported.export(ExportFormat.MEGADETECTOR)
        read = json.loads(path.read_bytes())
        self._compare_validator(path)
        kinds, classes = read["detection_categories"], read["classification_categories"]
        found: dict[str, Counter[Any]] = {}
        for image in read["images"]:
            rows = None if image["detections"] is None else Counter(
                (kinds[one["category"]], one["conf"], tuple(round(edge, 4) for edge in one["bbox"]),
                 tuple((classes[number], sure) for number, sure in one.get("classifications", ())))
                for one in image["detections"]
            )  # fmt: skip
            found.setdefault(image["file"], Counter())[_freeze(rows)] += 1
        detections = self.expected.list_detections()
        expected: dict[str, dict[str, Counter[Any]]] = {}
        for one in self.exported.oracle.images.values():
            of_arrival = expected.setdefault(one.deployment["arrives"], {})
            of_arrival.setdefault(self._name_in_results(one), Counter())[
                _freeze(detections[one.key])
            ] += 1
        for arrival, files in sorted(expected.items()):
            self.table.compare(
                "megadetector",
                f"detections ({arrival})",
                files,
                {name: rows for name, rows in found.items() if name in files},
            )
        self.table.compare("megadetector", "images", len(detections), len(read["images"]))

    def _compare_validator(self, path: Path) -> None:
        what = "findings of the package's validator"
        try:
            found = validate_results(path)
        except ValidatorUnavailable as missing:
            if os.environ.get("CI"):
                raise
            self.table.skip("megadetector", what, str(missing))
        else:
            self.table.compare("megadetector", what, {"errors": [], "warnings": []}, found)

    def _name_in_results(self, image: SeenImage) -> str:
        """Return the name of a file: its path.

        If several images have one path, the ID of the image follows in all but the first.
        """
        folder = "".join(
            "_" if one in '/\\:*?"<>|' else one for one in image.deployment["name"]
        ).strip(". ")
        path = image.path
        same = [one for one in self.exported.oracle.images.values()
                if one.deployment is image.deployment and one.path == path]  # fmt: skip
        if image is not min(same, key=lambda one: one.captured_at):
            stem, _, suffix = path.rpartition(".")
            path = f"{stem}-{self.exported.survey.images[image.key]}.{suffix}"
        return f"{folder}/{path}"


def _freeze(rows: Counter[Row] | None) -> Any:
    return None if rows is None else frozenset(rows.items())
