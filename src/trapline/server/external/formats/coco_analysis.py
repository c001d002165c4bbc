"""One analysis as COCO (cocodataset.org, "Data format") for pycocotools, written in pieces."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trapline.server.findings.rules.geometry import Frame
from trapline.server.findings.rules.polygon_rings import join_holes, measure_parts, nest_rings
from trapline.server.findings.rules.run_lengths import (
    MaskExtent,
    get_extent,
    parse_run_lengths,
    resample_runs,
)
from trapline.wire.analyses import Analysis
from trapline.wire.annotations import Annotation, AnnotationType

UNNAMED = "unnamed"
PIECE_BYTES = 1 << 18

Pages = AsyncIterator[Sequence[Annotation]]
Form = dict[str, Any]
Shape = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]
"""The names of the keypoints, and the pairs of the skeleton, counted from one."""


@dataclass(frozen=True)
class AnalysedImage:
    """The analysed image; its ID in the file is 1."""

    file_name: str
    frame: Frame


@dataclass
class CocoCategories:
    """Categories in order of first use: one per class, and more if its keypoints differ."""

    listed: list[Form] = field(default_factory=list)
    _first: dict[str, Form] = field(default_factory=dict)
    _shaped: dict[tuple[str, Shape], Form] = field(default_factory=dict)

    def find(self, name: str, shape: Shape | None = None) -> int:
        """Return the ID of a category; a new one is added."""
        first = self._first.get(name) or self._first.setdefault(name, self._add(name))
        if shape is None:
            return int(first["id"])
        category = self._shaped.get((name, shape))
        if category is None:
            category = self._add(name) if "keypoints" in first else first
            category |= {"keypoints": shape[0], "skeleton": shape[1]}
            self._shaped[name, shape] = category
        return int(category["id"])

    def _add(self, name: str) -> Form:
        self.listed.append({"id": len(self.listed) + 1, "name": name})
        return self.listed[-1]


@dataclass
class _Coco:
    frame: Frame
    categories: CocoCategories = field(default_factory=CocoCategories)
    written: int = 0
    left_out: int = 0

    def describe(self, annotation: Annotation) -> Form | None:
        form = build_shape(annotation.annotation_type, annotation.data, self.frame)
        if form is None:
            self.left_out += 1
            return None
        shape = find_keypoint_schema(annotation.annotation_type, annotation.data)
        category = self.categories.find(annotation.class_name or UNNAMED, shape)
        self.written += 1
        described = {
            "id": self.written,
            "image_id": 1,
            "category_id": category,
            "iscrowd": 0,
            **form,
        }
        if annotation.confidence is not None:
            described["score"] = annotation.confidence
        return described

    def write(self, page: Sequence[Annotation]) -> Iterator[bytes]:
        """Write the annotations of a page, with a comma before each except the first."""
        piece = bytearray()
        for annotation in page:
            described = self.describe(annotation)
            if described is not None:
                piece += b"," if self.written > 1 else b""
                piece += msgspec.json.encode(described)
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)


async def write_coco(
    analysis: Analysis, picture: AnalysedImage, pages: Pages
) -> AsyncIterator[bytes]:
    """Write boxes, segmentations and keypoints as COCO.

    Annotations that COCO cannot express (classifications, heatmaps, masks, custom data) are counted
    in `info`.
    """
    coco = _Coco(picture.frame)
    image = {
        "id": 1,
        "file_name": picture.file_name,
        "width": picture.frame.width,
        "height": picture.frame.height,
    }
    yield b'{"images":[' + msgspec.json.encode(image) + b'],"annotations":['
    async for page in pages:
        pieces = coco.write(page)
        # Masks and polygons take time, so they are rendered in a thread to keep the event loop
        # free.
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece
    info = {
        "description": f"{analysis.model_name} {analysis.model_version}",
        "analysis_id": str(analysis.id),
        "left_out": coco.left_out,
    }
    categories = msgspec.json.encode(coco.categories.listed)
    yield b'],"categories":' + categories + b',"info":' + msgspec.json.encode(info) + b"}"


def build_shape(kind: str, data: Form, frame: Frame) -> Form | None:
    """Build the COCO fields of an annotation, with its bounding box; None if it has no form."""
    match kind:
        case AnnotationType.BOUNDING_BOX:
            width, height = data["x_max"] - data["x_min"], data["y_max"] - data["y_min"]
            return {"bbox": [data["x_min"], data["y_min"], width, height], "area": width * height}
        case AnnotationType.SEGMENTATION if data["format"] == "rle":
            return _describe_runs(data, frame)
        case AnnotationType.SEGMENTATION:
            return _describe_polygon(data)
        case AnnotationType.KEYPOINT:
            return _describe_keypoints(data)
    return None


def _sent(data: Form) -> Form:
    return {name: data[name] for name in MaskExtent._fields if data.get(name) is not None}


def _describe_runs(data: Form, frame: Frame) -> Form:
    sent, counts = _sent(data), data["counts"]
    height, width = data["size"]
    if (width, height) != frame:
        # COCO readers do not scale a mask to the size of its image.
        counts = resample_runs(parse_run_lengths(counts), Frame(width, height), frame)
    if len(sent) < len(MaskExtent._fields):
        sent = get_extent(parse_run_lengths(counts), frame.height)._asdict() | sent
    return {"segmentation": {"counts": counts, "size": [frame.height, frame.width]}, **sent}


def _describe_polygon(data: Form) -> Form:
    points = data["points"]
    parts = nest_rings(points if isinstance(points[0][0], list) else [points])
    # COCO fills every ring of its lists, so a hole must be part of the outline.
    return {
        "segmentation": [join_holes(part) for part in parts],
        **measure_parts(parts)._asdict(),
        **_sent(data),
    }


def _is_seen(point: Form) -> bool:
    return point.get("x") is not None and point.get("confidence") != 0


def _describe_keypoints(data: Form) -> Form:
    flat: list[float] = []
    seen = [(point["x"], point["y"]) for point in data["keypoints"] if _is_seen(point)]
    for point in data["keypoints"]:
        flat += [point["x"], point["y"], 2] if _is_seen(point) else [0, 0, 0]
    left, top = (min((point[way] for point in seen), default=0) for way in (0, 1))
    width, height = (
        max((point[way] for point in seen), default=0) - low for way, low in ((0, left), (1, top))
    )
    extent = MaskExtent([left, top, width, height], width * height)
    return {"keypoints": flat, "num_keypoints": len(seen), **extent._asdict()}


def find_keypoint_schema(kind: str, data: Form) -> Shape | None:
    """Return the keypoint schema of a category; None for other types."""
    if kind != AnnotationType.KEYPOINT:
        return None
    names = tuple(
        point.get("name") or str(number) for number, point in enumerate(data["keypoints"], 1)
    )
    return names, tuple((first + 1, second + 1) for first, second in data.get("skeleton") or ())
