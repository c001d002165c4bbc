"""What readers from outside find in the exports of a survey, next to what the oracle expects."""

import csv
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import frictionless
import geopandas as gpd
import httpx2
import pandas as pd
import yaml
from dwca.read import DwCAReader
from pycocotools.coco import COCO

from tests.survey.comparison import Comparison
from tests.survey.driver import Survey
from tests.survey.megadetector_validator import ValidatorUnavailable, validate_results
from tests.survey.oracle import Oracle, SeenImage
from tests.survey.oracle_exports import Exports
from trapline.wire.exports import ExportFormat, ExportOptions, ExportState, NewExport

Row = tuple[Any, ...]
SCHEMAS = (
    Path(__file__).parents[2]
    / "src"
    / "trapline"
    / "server"
    / "exports"
    / "formats"
    / "camtrap_dp_schemas"
)
BOX_PX = ("x_min_px", "y_min_px", "width_px", "height_px")
SAID = ("said", "said_label", "count", "sex", "life_stage", "behaviour", "said_by")


class Exported:
    """Exports in each format, read back."""

    def __init__(
        self,
        survey: Survey,
        oracle: Oracle,
        table: Comparison,
        *,
        images: Mapping[str, Any] | None = None,
        prefix: str = "camtrap-dp",
    ) -> None:
        """Read exports of the survey, or of a copy of it with other `images`, named by a `prefix` in the table."""
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
        """Keep the rows of images, or of sequences, that are not left out of a comparison."""
        return Counter({
            row: count for row, count in rows.items()
            if not self.left_out.intersection(row[0] if isinstance(row[0], frozenset) else (row[0],))
        })  # fmt: skip

    def key_of(self, image_id: Any) -> str:
        """The key of the truth that an image has."""
        return self.keys.get(str(image_id), f"unknown image {image_id}")

    # CSV

    def compare_csv(self) -> None:
        """Compare CSV: the columns of images, and the rows of what was found and stated."""
        path = self.export(ExportFormat.CSV)
        rows = pd.read_csv(path, keep_default_na=False, dtype=str).to_dict("records")
        self._compare_table("csv", rows)

    def compare_parquet(self) -> None:
        """Compare Parquet, read by pandas: the same rows."""
        frame = pd.read_parquet(self.export(ExportFormat.PARQUET))
        self.table.compare("parquet", "rows", self.expected.list_csv_rows().total(), len(frame))
        names = Counter(one for one in frame["scientific_name"] if isinstance(one, str))
        expected: Counter[str] = Counter()
        for row, count in self.expected.list_csv_rows().items():
            expected[row[5]] += count
        self.table.compare(
            "parquet", "rows by scientific name", {**expected, "": 0}, {**names, "": 0}
        )

    def compare_geoparquet(self) -> None:
        """Compare GeoParquet: the same rows, and the place of each deployment as a point."""
        frame = gpd.read_parquet(self.export(ExportFormat.GEOPARQUET))
        self.table.compare("geoparquet", "rows", self.expected.list_csv_rows().total(), len(frame))
        places = {(one["name"], round(one["longitude"], 5), round(one["latitude"], 5))
                  for one in self.survey.truth["deployments"]}  # fmt: skip
        points = {(name, round(point.x, 5), round(point.y, 5))
                  for name, point in zip(frame["deployment"], frame.geometry, strict=True)}  # fmt: skip
        self.table.compare("geoparquet", "points of deployments", places, points)

    def _compare_table(self, surface: str, rows: list[dict[str, Any]]) -> None:
        images: dict[str, Row] = {}
        found: Counter[Row] = Counter()
        for row in rows:
            key = self.key_of(row["image_id"])
            images[key] = (
                row["filename"], row["path"], row["deployment"], row["captured_at"], row["captured_at_source"],
                row["time_zone"], int(row["image_width"]), int(row["image_height"]), _read_flag(row["blank"]),
                _read_flag(row["reviewed"]), row["image_sha256"],
            )  # fmt: skip
            box = None
            if row["x_min_px"]:
                x, y, wide, high = (float(row[name]) for name in BOX_PX)
                box = (x, y, x + wide, y + high)
            score = float(row["confidence"]) if row["confidence"] else None
            said = tuple(row[name] for name in SAID)
            found[(key, row["type"], box, row["class_name"], score, row["scientific_name"],
                   row["common_name_en"], *said)] += 1  # fmt: skip
        fields = ("filename", "path", "deployment", "captured_at", "captured_at_source", "time_zone", "image_width",
                  "image_height", "blank", "reviewed", "image_sha256")  # fmt: skip
        expected = self.expected.list_csv_images()
        for place, field in enumerate(fields):
            self._compare_by_arrival(surface, field, {key: one[place] for key, one in expected.items()},
                                     {key: one[place] for key, one in images.items()})  # fmt: skip
        self.table.compare(surface, "rows", self.expected.list_csv_rows(), found)

    def _compare_by_arrival(
        self, surface: str, field: str, expected: dict[str, Any], actual: dict[str, Any]
    ) -> None:
        if field not in ("filename", "path"):
            self.table.compare(surface, field, expected, actual)
            return
        arrivals = {key: one.deployment["arrives"] for key, one in self.oracle.images.items()}
        for arrival in sorted(set(arrivals.values())):
            chosen = {key for key in expected if arrivals[key] == arrival}
            self.table.compare(surface, f"{field} ({arrival})", {key: expected[key] for key in chosen},
                               {key: one for key, one in actual.items() if key in chosen})  # fmt: skip

    # Camtrap DP

    def compare_camtrap_dp(self) -> None:
        """Compare Camtrap DP: valid in all rows, media, observations of media and of events."""
        path = self.export(
            ExportFormat.CAMTRAP_DP, title="Survey", data_licence="CC0-1.0", media_licence="CC0-1.0"
        )
        package = self.folder / "camtrap"
        with zipfile.ZipFile(path) as packed:
            packed.extractall(package)
        media, observations = (
            _read_rows(package / f"{name}.csv") for name in ("media", "observations")
        )
        rows = len(self.survey.deployments) + len(media) + len(observations)
        self.table.compare(
            "camtrap-dp", "rows that frictionless finds valid", ([], rows), _validate(package)
        )
        self.table.compare("camtrap-dp", "media", {key: one[1:] for key, one in self.expected.list_media().items()}, {
            self.key_of(one["mediaID"]): (datetime.fromisoformat(one["timestamp"]), one["filePublic"] == "true")
            for one in media
        })  # fmt: skip
        self._compare_by_arrival(
            "camtrap-dp", "path", {key: one[0] for key, one in self.expected.list_media().items()},
            {self.key_of(one["mediaID"]): one["fileName"] for one in media},
        )  # fmt: skip
        self._compare_observations(observations)

    def compare_media_observations(self, path: Path) -> None:
        """Compare the observations of a Camtrap DP."""
        with zipfile.ZipFile(path) as packed, packed.open("observations.csv") as lines:
            self._compare_observations(
                list(csv.DictReader(io.TextIOWrapper(lines, "utf-8", newline="")))
            )

    def _compare_observations(self, observations: list[dict[str, str]]) -> None:
        groups: dict[str, set[str]] = {}
        of_media: Counter[Row] = Counter()
        events: list[dict[str, str]] = []
        for one in observations:
            if one["observationLevel"] == "event":
                events.append(one)
                continue
            key = self.key_of(one["mediaID"])
            groups.setdefault(one["eventID"], set()).add(key)
            # An import states who decided in a comment: the decision is that of the account that
            # imports.
            by = (
                one["classifiedBy"]
                if one["classificationMethod"] == "human" and not self.is_copy
                else ""
            )
            sure = one["classificationProbability"]
            box = tuple(round(float(one[name]), 4) for name in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")) \
                if one["bboxX"] else None  # fmt: skip
            of_media[(key, *_describe(one), box, one["classificationMethod"], by,
                      float(sure) if sure else None)] += 1  # fmt: skip
        expected = self.expected.list_media_observations(with_people=not self.is_copy)
        self.table.compare(
            self.prefix, "observations of media", self.keep(expected), self.keep(of_media)
        )
        found = Counter((frozenset(groups[one["eventID"]]), *_describe(one)) for one in events)
        self.table.compare(self.prefix, "observations of events", self.keep(self.expected.list_events()),
                           self.keep(found))  # fmt: skip

    # Boxes

    def compare_coco(self) -> None:
        """Compare COCO, read by pycocotools: images by size, boxes by category."""
        path = self.export(ExportFormat.COCO)
        coco = COCO(str(path))
        sizes = {
            self.key_of(one["trapline_id"]): (one["width"], one["height"])
            for one in coco.dataset["images"]
        }
        expected = {
            key: (one.file["width"], one.file["height"]) for key, one in self.oracle.images.items()
        }
        self.table.compare("coco", "images and their sizes", expected, sizes)
        names = {one["file_name"] for one in coco.dataset["images"]}
        self.table.compare("coco", "file names", len(self.oracle.images), len(names))
        self.table.compare("coco", "boxes", self.expected.list_boxes(), self.read_coco(path))

    def read_coco(self, path: Path) -> Counter[Row]:
        """Read the boxes of a COCO file with pycocotools."""
        coco = COCO(str(path))
        images = {one["id"]: self.key_of(one["trapline_id"]) for one in coco.dataset["images"]}
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
        """Compare YOLO: which images have labels, and which."""
        labels: dict[str, Counter[Row]] = {}
        with zipfile.ZipFile(self.export(ExportFormat.YOLO, with_images=True)) as packed:
            names = yaml.safe_load(packed.read("data.yaml"))["names"]
            pictures = {name for name in packed.namelist() if name.startswith("images/")}
            for name in packed.namelist():
                if name.startswith("labels/"):
                    rows = [line.split() for line in packed.read(name).decode().splitlines()]
                    labels[self.key_of(Path(name).stem)] = Counter(
                        (names[int(row[0])], *(round(float(one), 4) for one in row[1:]))
                        for row in rows
                    )
        self.table.compare("yolo", "images with pictures", len(labels), len(pictures))
        self.table.compare("yolo", "labels", self.expected.list_labels(), labels)

    def compare_megadetector(self) -> None:
        """Compare MegaDetector's batch results: detections and their classifications by image."""
        path = self.export(ExportFormat.MEGADETECTOR)
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
        for one in self.oracle.images.values():
            of_arrival = expected.setdefault(one.deployment["arrives"], {})
            of_arrival.setdefault(self._name_in_results(one), Counter())[
                _freeze(detections[one.key])
            ] += 1
        for arrival, files in sorted(expected.items()):
            self.table.compare("megadetector", f"detections ({arrival})", files,
                               {name: rows for name, rows in found.items() if name in files})  # fmt: skip
        self.table.compare("megadetector", "images", len(detections), len(read["images"]))

    def _compare_validator(self, path: Path) -> None:
        what = "what the package's validator finds"
        try:
            found = validate_results(path)
        except ValidatorUnavailable as missing:
            if os.environ.get("CI"):
                raise
            self.table.skip("megadetector", what, str(missing))
        else:
            self.table.compare("megadetector", what, {"errors": [], "warnings": []}, found)

    def _name_in_results(self, image: SeenImage) -> str:
        """Name a file by its path; of several with one path all but the first are followed by the ID of the image."""
        folder = "".join(
            "_" if one in '/\\:*?"<>|' else one for one in image.deployment["name"]
        ).strip(". ")
        path = image.path
        same = [one for one in self.oracle.images.values()
                if one.deployment is image.deployment and one.path == path]  # fmt: skip
        if image is not min(same, key=lambda one: one.captured_at):
            stem, _, suffix = path.rpartition(".")
            path = f"{stem}-{self.survey.images[image.key]}.{suffix}"
        return f"{folder}/{path}"

    # Darwin Core

    def compare_darwin_core(self) -> None:
        """Compare Darwin Core, read by python-dwca-reader: occurrences of each sequence."""
        groups: dict[str, set[str]] = {}
        cursor: str | None = None
        while True:
            page = self.survey.owner.list_images(
                project=self.survey.project, limit=1000, cursor=cursor
            )
            for one in page.results:
                groups.setdefault(str(one.sequence_id or one.id), set()).add(self.key_of(one.id))
            cursor = page.next
            if cursor is None:
                break
        found: Counter[Row] = Counter()
        path = self.export(ExportFormat.DARWIN_CORE, title="Survey", data_licence="CC0-1.0")
        with DwCAReader(str(path)) as archive:
            for row in archive:
                told = {name.rpartition("/")[2]: value for name, value in row.data.items()}
                found[(frozenset(groups[told["eventID"]]), told["scientificName"], int(told["individualCount"]),
                       told["sex"], told["lifeStage"], told["behavior"],
                       told["identificationVerificationStatus"])] += 1  # fmt: skip
        self.table.compare("darwin-core", "occurrences", self.expected.list_occurrences(), found)

    # Parts of analyses and the public page

    def compare_public_page(self) -> None:
        """Compare what a visitor without an account sees: images, and their number by camera."""
        base = f"{self.survey.server.base_url}/api/v2/public/projects/{self.survey.project}"
        with httpx2.Client(trust_env=False) as visitor:
            about = visitor.get(base).json()
            shown: list[str] = []
            page = visitor.get(f"{base}/images", params={"limit": 1000}).json()
            shown += [one["id"] for one in page["results"]]
            while page.get("next"):
                page = visitor.get(
                    f"{base}/images", params={"limit": 1000, "cursor": page["next"]}
                ).json()
                shown += [one["id"] for one in page["results"]]
        public = sorted(
            key for key, one in self.oracle.images.items() if self.expected.is_public(one)
        )
        self.table.compare("public page", "images", public, sorted(map(self.key_of, shown)))
        self.table.compare("public page", "number of images", len(public), about["images"])


def _freeze(rows: Counter[Row] | None) -> Any:
    return None if rows is None else frozenset(rows.items())


def _read_flag(text: Any) -> bool | None:
    return None if text == "" else str(text).lower() == "true"


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _describe(row: dict[str, str]) -> Row:
    count = int(row["count"]) if row["count"] else None
    return (
        row["observationType"],
        row["scientificName"],
        count,
        row["lifeStage"],
        row["sex"],
        row["behavior"],
    )


def _validate(package: Path) -> tuple[list[str], int]:
    """Validate every row with frictionless, by the published schemas; return the problems and the number of rows."""
    described = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))
    described.pop("profile")
    for resource in described["resources"]:
        # The schemas are read from the copy of the standard in this repository: the tests reach no
        # network.
        resource["schema"] = json.loads(
            (SCHEMAS / resource["schema"].rpartition("/")[2]).read_text(encoding="utf-8")
        )
    report = frictionless.Package(described, basepath=str(package)).validate()
    problems = [
        " ".join(map(str, one)) for one in report.flatten(["rowNumber", "fieldName", "note"])
    ]
    return problems[:20], sum(int(task.stats["rows"]) for task in report.tasks)
