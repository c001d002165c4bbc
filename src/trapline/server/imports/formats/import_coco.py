"""Read COCO: boxes, masks and key points of instances, and whole images of camera traps.

Sources of the formats: cocodataset.org, "Data format", and the "COCO Camera Traps" format of LILA
BC. Boxes are left, top, width and height, in pixels of the size that the file states, or as
`bbox_relative` in fractions, never both.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trapline.server.findings.rules.annotation_data import validate_data
from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_json import (
    BROKEN,
    JsonFile,
    build_model_name,
    format_json_error,
)
from trapline.server.imports.formats.import_records import (
    LONGEST_ENTRY,
    MOST_ENTRIES,
    EntryContent,
    EntryFault,
    FormatReader,
    ImageReference,
    ImportedFinding,
    ImportedResult,
    ImportEntry,
    InvalidEntry,
    LostValues,
    UnreadableFile,
    build_classification,
    parse_class_name,
    parse_id,
    sanitise_text,
    scale_box,
    validate_confidence,
)
from trapline.server.platform.formats.sqlite_spill import SpilledPart, SqliteSpill
from trapline.wire.imports import ImportOptions

EMPTY = frozenset({"empty", "blank"})
MOST_OF_ONE = 100_000
SKEW = 0.02
"""The maximum relative difference between an image's aspect ratio here and in the file."""
Key = str | int


class CocoImage(msgspec.Struct, gc=False):
    """An image of the file."""

    id: Key
    file_name: str
    width: float | None = None
    height: float | None = None
    trapline_id: str | None = None
    """Trapline's ID of the image, which exports write."""
    trapline_path: str | None = None
    """The path at its source, which exports write if they name the file by its ID."""

    @property
    def path(self) -> str:
        """The path at its source, if the file states it."""
        return self.trapline_path or self.file_name


class CocoCategory(msgspec.Struct):
    """A category of annotations."""

    id: Key
    name: str
    keypoints: list[str] = []
    skeleton: list[tuple[int, int]] = []


class CocoRunLengths(msgspec.Struct):
    """A mask as run lengths."""

    counts: str | list[int]
    size: list[int]


class CocoAnnotation(msgspec.Struct, gc=False):
    """An annotation of an image or of a part of it."""

    image_id: Key
    category_id: Key
    bbox: list[float] | None = None
    bbox_relative: list[float] | None = None
    segmentation: list[list[float]] | CocoRunLengths | None = None
    keypoints: list[float] | None = None
    area: float | None = None
    score: float | None = None


class CocoAnnotationOwner(msgspec.Struct, gc=False):
    """The reference of an annotation to its image, and what a person stated."""

    image_id: Key
    human: Any = None
    count: Any = None
    sex: Any = None
    age: Any = None
    attributes: Any = None

    def list_lost_values(self) -> Iterator[str]:
        """Describe the values that have no place."""
        if self.human is True:
            yield "an annotation by a person is imported as a result of a model"
        for name in ("count", "sex", "age"):
            if getattr(self, name) not in (None, "", *((1, "1") if name == "count" else ())):
                yield f"{name} has no place here and is left out"
        # CVAT writes `occluded` and `rotation` for each annotation, mostly false and 0.
        if isinstance(self.attributes, dict) and any(self.attributes.values()):
            yield "attributes has no place here and is left out"


IMAGES = msgspec.json.Decoder(CocoImage)
ANNOTATIONS = msgspec.json.Decoder(CocoAnnotation)
OWNERS = msgspec.json.Decoder(CocoAnnotationOwner)


class CocoReader(FormatReader):
    """Read a data set; its annotations are first grouped by their images."""

    left_out = 0

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self.lost = LostValues()
        self._file = JsonFile(path)
        self._parts = SqliteSpill()
        self._options = options
        try:
            self._open()
        except UnreadableFile:
            self.close()
            raise

    def _open(self) -> None:
        if "images" not in self._file.parts or "annotations" not in self._file.parts:
            raise UnreadableFile("The file has no `images` and `annotations`, so it is not COCO.")
        info = self._file.read_part("info", Any)
        about = info if isinstance(info, dict) else {}
        self._model = build_model_name(
            self._options, about.get("description"), about.get("version"), "COCO"
        )
        self._categories = {
            str(one.id): one for one in self._file.read_part("categories", list[CocoCategory]) or ()
        }
        self._images = 0
        self._parts.add_owners(self._find_images())
        self._parts.add_parts(self._find_annotations())
        self._parts.build_index()

    def _find_images(self) -> Iterator[tuple[str, int, str | None]]:
        for number, element in enumerate(self._file.split("images"), 1):
            if number > MOST_ENTRIES:
                raise UnreadableFile(f"The file has more than {MOST_ENTRIES:,} images.")
            self._images = number
            try:
                yield str(IMAGES.decode(element).id), number, None
            except BROKEN:
                continue

    def _find_annotations(self) -> Iterator[tuple[str, int, int, int, bytes | None]]:
        for number, (start, end) in enumerate(self._file.places("annotations"), 1):
            if number > MOST_ENTRIES:
                raise UnreadableFile(f"The file has more than {MOST_ENTRIES:,} annotations.")
            try:
                owner = OWNERS.decode(self._file.body[start:end])
                key = str(owner.image_id)
                self.lost.add("annotations", owner.list_lost_values())
            except BROKEN:
                key = ""
            yield key, number, start, end, None

    def paths(self) -> Iterator[ImageReference]:
        """List the paths of all images; annotations without an image are entries, too."""
        for element in self._file.split("images"):
            try:
                yield ImageReference(IMAGES.decode(element).path)
            except BROKEN:
                yield ImageReference("")
        for _ in range(self._parts.orphans):
            yield ImageReference("")

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """List the images after the first `after` ones, then the annotations without an image."""
        for number, element in enumerate(self._file.split("images"), 1):
            if number > after:
                yield self._enter(number, element)
        for place, (key, number) in enumerate(self._parts.list_orphans(), self._images + 1):
            if place > after:
                why = (
                    f"its image_id {sanitise_text(key, 50)} is not in `images`"
                    if key
                    else "it cannot be read, or has no image_id"
                )
                yield EntryFault(f"annotations {number}", why)

    def _enter(self, number: int, element: bytes) -> ImportEntry | EntryFault:
        place = f"images {number}"
        try:
            image = IMAGES.decode(element)
        except BROKEN as error:
            return EntryFault(place, format_json_error(error))
        first = self._parts.get_number(str(image.id))
        if first != number:
            return EntryFault(place, f"images {first} has the same id", image.file_name)
        return ImportEntry(place, image.path, image, parse_id(image.trapline_id))

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:
        """Read the annotations of an image. Raises InvalidEntry, InvalidAnnotationData."""
        image: CocoImage = entry.content
        count, size = self._parts.get_size(str(image.id))
        if not count and not self._options.nothing_is_blank:
            return EntryContent(left_out=1)
        if count > MOST_OF_ONE or size > LONGEST_ENTRY:
            raise InvalidEntry(
                f"it has more than {MOST_OF_ONE:,} annotations, "
                f"or they have more than {LONGEST_ENTRY >> 20} MiB"
            )
        stated = _frame_of(image, frame)
        findings: list[ImportedFinding] = []
        reading = EntryContent([ImportedResult(self._model, findings)])
        for part in self._parts.list_parts(str(image.id)):
            try:
                found = self._read_one(part, stated, frame)
            except InvalidEntry as error:
                raise InvalidEntry(f"annotations {part.number}: {error}") from None
            if (
                found
                and found[0].confidence is not None
                and found[0].confidence < self._options.confidence_min
            ):
                reading.left_out += 1
                continue
            # All findings of an annotation show the same object; the first is the parent.
            first = len(findings)
            findings += [
                one if place == 0 else one._replace(parent=first) for place, one in enumerate(found)
            ]
        return reading

    def _read_one(self, part: SpilledPart, stated: Frame, frame: Frame) -> list[ImportedFinding]:
        try:
            one = ANNOTATIONS.decode(self._file.body[part.start : part.end])
        except BROKEN as error:
            raise InvalidEntry(format_json_error(error)) from None
        category = self._categories.get(str(one.category_id))
        if category is None:
            raise InvalidEntry(
                f"the category {sanitise_text(str(one.category_id), 50)} is not among `categories`"
            )
        if one.bbox is not None and one.bbox_relative is not None:
            raise InvalidEntry("it has both `bbox` and `bbox_relative`")
        confidence = None if one.score is None else validate_confidence(one.score)
        size = {"image_width": stated.width, "image_height": stated.height}
        extent = {
            name: value for name in ("bbox", "area") if (value := getattr(one, name)) is not None
        }
        name = parse_class_name(category.name)
        found = []
        if one.segmentation:
            mask = _describe_mask(one.segmentation, size) | extent
            found.append(self._make("segmentation", name, confidence, mask, frame))
        # Data sets of people list key points of each person, and mark none visible if they were not
        # annotated.
        if one.keypoints and (any(one.keypoints[2::3]) or not found):
            points = _describe_points(one.keypoints, category)
            found.append(self._make("keypoint", name, confidence, points | size, frame))
        if found:
            return found
        if one.bbox_relative is not None:
            return [
                ImportedFinding(
                    "bounding_box", name, confidence, scale_box(one.bbox_relative, frame)
                )
            ]
        if one.bbox is not None:
            return [
                self._make("bounding_box", name, confidence, _describe_box(one.bbox) | size, frame)
            ]
        if category.name.casefold() in EMPTY:
            return []
        return [
            ImportedFinding(
                "classification",
                name,
                confidence,
                build_classification([(name, 1.0 if confidence is None else confidence)]),
            )
        ]

    @staticmethod
    def _make(
        kind: str, name: str, confidence: float | None, data: dict[str, Any], frame: Frame
    ) -> ImportedFinding:
        return ImportedFinding(kind, name, confidence, validate_data(kind, data, frame))

    def close(self) -> None:
        """Close the files."""
        self._parts.close()
        self._file.close()


def _frame_of(image: CocoImage, frame: Frame) -> Frame:
    """Return the image size that the coordinates of the file refer to.

    Raises:
        InvalidEntry: the aspect ratio is not that of the stored image.
    """
    width, height = image.width, image.height
    if width is None or height is None:
        return frame
    if not (1 <= width < 2**31 and 1 <= height < 2**31):
        raise InvalidEntry("its width and height must be numbers of pixels")
    if abs(width * frame.height / (height * frame.width) - 1) > SKEW:
        raise InvalidEntry(
            f"its size in the file is {width:g} by {height:g} pixels, and the stored upright image "
            f"has {frame.width} by {frame.height}: the aspect ratios differ"
        )
    return Frame(round(width), round(height))


def _describe_box(bbox: list[float]) -> dict[str, Any]:
    if len(bbox) != 4:
        raise InvalidEntry("a box must be four numbers: left, top, width, height")
    left, top, width, height = bbox
    return {"x_min": left, "y_min": top, "x_max": left + width, "y_max": top + height}


def _describe_mask(
    segmentation: list[list[float]] | CocoRunLengths, size: dict[str, int]
) -> dict[str, Any]:
    if isinstance(segmentation, CocoRunLengths):
        return {"format": "rle", "counts": segmentation.counts, "size": segmentation.size}
    if any(len(ring) % 2 for ring in segmentation):
        raise InvalidEntry("a polygon must be alternating x and y")
    rings = [
        [[ring[place], ring[place + 1]] for place in range(0, len(ring), 2)]
        for ring in segmentation
    ]
    return {"format": "polygon", "points": rings if len(rings) > 1 else rings[0]} | size


def _describe_points(keypoints: list[float], category: CocoCategory) -> dict[str, Any]:
    if len(keypoints) % 3:
        raise InvalidEntry("key points must be alternating x, y and visibility")
    points: list[dict[str, Any]] = []
    for number, place in enumerate(range(0, len(keypoints), 3)):
        named = category.keypoints[number] if number < len(category.keypoints) else str(number + 1)
        point: dict[str, Any] = {"name": named}
        x, y, visibility = keypoints[place : place + 3]
        if visibility:
            point |= {"x": x, "y": y, "visibility": visibility}
        points.append(point)
    skeleton = [
        [first - 1, second - 1]
        for first, second in category.skeleton
        if max(first, second) <= len(points)
    ]
    return {"keypoints": points, "skeleton": skeleton}
