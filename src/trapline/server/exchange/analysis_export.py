"""One analysis as a file: JSON, CSV, or COCO (cocodataset.org, "Data format"), written piece by piece."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trapline.server.exchange.spreadsheets import harmless
from trapline.wire.analyses import Analysis
from trapline.wire.annotations import Annotation, AnnotationType

COLUMNS = (
    "id", "annotation_type", "class_name", "confidence", "x_min", "y_min", "x_max", "y_max", "ordering", "parent_id",
    "storage_path", "data", "created_at",
)  # fmt: skip
CORNERS = ("x_min", "y_min", "x_max", "y_max")
UNNAMED = "unnamed"

Pages = AsyncIterator[Sequence[Annotation]]


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


async def write_json(analysis: Analysis, pages: Pages) -> AsyncIterator[bytes]:
    """Write an analysis with all its annotations in order."""
    about = analysis.model_dump(mode="json", exclude={"annotations", "next"})
    yield _encode(about)[:-1] + b',"annotations":['
    lead = b""
    async for page in pages:
        if page:
            yield lead + b",".join(annotation.model_dump_json().encode() for annotation in page)
            lead = b","
    yield b"]}"


async def write_csv(pages: Pages) -> AsyncIterator[bytes]:
    """Write a line for each annotation; a cell that a spreadsheet would take for a formula is made harmless."""
    yield _line(COLUMNS)
    async for page in pages:
        yield b"".join(_line(_cells(annotation)) for annotation in page)


def _cells(annotation: Annotation) -> list[Any]:
    plain = annotation.model_dump(mode="json")
    corners = annotation.data if annotation.annotation_type == AnnotationType.BOUNDING_BOX else {}
    plain.update({corner: corners.get(corner) for corner in CORNERS})
    plain["data"] = _encode(annotation.data).decode()
    return [plain[column] for column in COLUMNS]


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([harmless(cell) for cell in cells])
    return text.getvalue().encode()


@dataclass
class _Coco:
    """Numbers of categories, given as they come, and what has no form in COCO."""

    categories: dict[str, int] = field(default_factory=dict)
    written: int = 0
    left_out: int = 0

    def describe(self, annotation: Annotation) -> dict[str, Any] | None:
        form = _form_of(annotation)
        if form is None:
            self.left_out += 1
            return None
        self.written += 1
        name = annotation.class_name or UNNAMED
        category = self.categories.setdefault(name, len(self.categories) + 1)
        described = {"id": self.written, "image_id": 1, "category_id": category, "iscrowd": 0, **form}
        if annotation.confidence is not None:
            described["score"] = annotation.confidence
        return described


async def write_coco(analysis: Analysis, picture: dict[str, Any], pages: Pages) -> AsyncIterator[bytes]:
    """Write boxes, segmentations and keypoints as COCO; `picture` is its entry of the image, whose id is 1.

    What has no form there (classifications, heatmaps, masks, custom data) is counted in `info`.
    """
    coco = _Coco()
    yield b'{"images":[' + _encode({"id": 1, **picture}) + b'],"annotations":['
    lead = b""
    async for page in pages:
        described = [one for one in map(coco.describe, page) if one is not None]
        if described:
            yield lead + b",".join(map(_encode, described))
            lead = b","
    categories = [{"id": number, "name": name} for name, number in coco.categories.items()]
    info = {
        "description": f"{analysis.model_name} {analysis.model_version}",
        "analysis_id": str(analysis.id),
        "left_out": coco.left_out,
    }
    yield b'],"categories":' + _encode(categories) + b',"info":' + _encode(info) + b"}"


def _form_of(annotation: Annotation) -> dict[str, Any] | None:
    data = annotation.data
    match annotation.annotation_type:
        case AnnotationType.BOUNDING_BOX:
            width, height = data["x_max"] - data["x_min"], data["y_max"] - data["y_min"]
            return {"bbox": [data["x_min"], data["y_min"], width, height], "area": width * height}
        case AnnotationType.SEGMENTATION if data.get("format") == "rle":
            return _with_extent({"segmentation": {"counts": data["counts"], "size": data["size"]}, "iscrowd": 1}, data)
        case AnnotationType.SEGMENTATION:
            rings = data["points"] if isinstance(data["points"][0][0], list) else [data["points"]]
            return _with_extent(
                {"segmentation": [[value for point in ring for value in point] for ring in rings]}, data
            )
        case AnnotationType.KEYPOINT:
            return _keypoints(data)
    return None


def _with_extent(form: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    return {**form, **{name: data[name] for name in ("bbox", "area") if data.get(name) is not None}}


def _keypoints(data: dict[str, Any]) -> dict[str, Any]:
    flat: list[float] = []
    seen = 0
    for point in data["keypoints"]:
        is_there = point.get("x") is not None and point.get("confidence") != 0
        flat += [point["x"], point["y"], 2] if is_there else [0, 0, 0]
        seen += is_there
    return {"keypoints": flat, "num_keypoints": seen}
