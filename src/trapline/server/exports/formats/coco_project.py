"""Write a project as COCO or as COCO Camera Traps.

Formats: cocodataset.org, "Data format"; lila.science, "COCO Camera Traps". Categories are the taxa
of the observations, or the classes without a taxon. COCO contains drawn annotations: boxes, masks,
polygons and key points. COCO Camera Traps also contains identifications of whole images (category 0
is an empty image), locations and sequences. With image files, each is a zip of upright images and
`annotations.json`.
"""

from array import array
from collections.abc import Callable
from itertools import groupby
from typing import Any, BinaryIO

import msgspec

from trapline.server.exports.formats.export_records import ExportIssue, ExportReport, ExportSpool
from trapline.server.exports.formats.export_times import TimeFormatter
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import (
    DRAWN,
    ExportedObservation,
    ObservationType,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.external.formats.coco_analysis import (
    CocoCategories,
    build_shape,
    find_keypoint_schema,
)
from trapline.server.findings.rules.geometry import Frame
from trapline.server.platform.formats.zip_writer import (
    FileNames,
    ZipWriter,
    build_folder_names,
    copy_temporary_file,
    get_suffix,
    open_temporary_file,
    open_zip,
)

ANNOTATIONS = "annotations.json"
PIECES = 4000
JPEG = "image/jpeg"


class _Drawn(msgspec.Struct, omit_defaults=True, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float
    iscrowd: int
    score: float | None = None


class _Seen(msgspec.Struct, omit_defaults=True, gc=False):
    id: str
    image_id: str
    category_id: int
    seq_id: str
    bbox: tuple[float, float, float, float] | None = None
    count: int | None = None
    sex: str | None = None
    age: str | None = None
    score: float | None = None
    human: bool = False


class _List:
    """A JSON list that is written to a file in blocks."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._pieces, self._lead = out, list[bytes](), b""
        self.written = 0

    def add(self, element: Any) -> None:
        """Add an element."""
        self._pieces.append(_encode(element))
        self.written += 1
        if len(self._pieces) >= PIECES:
            self.flush()

    def flush(self) -> None:
        """Write the buffered elements."""
        if self._pieces:
            self._out.write(self._lead + b",\n".join(self._pieces))
            self._pieces.clear()
            self._lead = b",\n"


_encode = msgspec.json.Encoder().encode


class _Coco:
    """Parts that both formats share: file names, categories and counts of what is left out."""

    def __init__(self, spool: ExportSpool) -> None:
        self.spool = spool
        self.naming = TaxonResolver(spool.taxa)
        self.times = TimeFormatter()
        self.folders = build_folder_names(spool.about.deployments)
        self.names = FileNames()
        self.with_images = bool(spool.about.options.get("with_images"))
        self.categories = CocoCategories()
        self.numbers: dict[tuple[ObservationType, str, str | None], int] = {}
        self.undrawn = 0

    def name_file(self, image: ObservedImage) -> str:
        """Return the name of an image's file: in the zip, or at its source."""
        folder = self.folders[image.deployment_id]
        if self.with_images:
            kind = JPEG if image.upright_file else image.media_type
            return f"images/{folder}/{image.id}{get_suffix(kind)}"
        return self.name_path(image)

    def name_path(self, image: ObservedImage) -> str:
        """Return an image's path at its source, below its deployment.

        It is called once per image, in the order of the images.
        """
        name = self.names.name(image.deployment_id, image.path or image.filename, image.id)
        return f"{self.folders[image.deployment_id]}/{name}"

    def describe_origin(self, image: ObservedImage) -> dict[str, str]:
        """Return the image's ID, and its path at the source if its file is named by the ID."""
        path = {"trapline_path": self.name_path(image)} if self.with_images else {}
        return {"trapline_id": image.id} | path

    def find_category(self, one: ExportedObservation) -> int:
        """Return the category of a box or of an observation of a whole image."""
        key = one.kind, one.label, one.taxon
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = self.categories.find(self.naming.title(one))
        return number

    def add_all(self, images: _List, annotations: _List) -> None:
        """Add all images and their observations."""
        raise NotImplementedError

    def list_categories(self) -> list[dict[str, Any]]:
        """List the categories."""
        return self.categories.listed

    def describe(self) -> dict[str, Any]:
        """Return the `info` object of the file."""
        about = self.spool.about
        info = {
            "version": "1.0",
            "description": about.options.get("title") or about.project_name,
            "date_created": about.started_at.isoformat(),
            "year": about.started_at.year,
            "contributor": about.project_name,
        }
        if licence := about.options.get("data_licence"):
            info["license"] = licence
        return info


class _Plain(_Coco):
    def add_all(self, images: _List, annotations: _List) -> None:
        naming, number = self.naming, 0
        for place, image in enumerate(self.spool.read(ObservedImage), 1):
            images.add(
                {
                    "id": place, "file_name": self.name_file(image), "width": image.width,
                    "height": image.height,
                    "date_captured": self.times.local(image.captured_at, image.time_zone),
                    **self.describe_origin(image),
                }
            )  # fmt: skip
            for one in build_observations(image, naming):
                box, found = one.box, one.found
                if one.kind in (ObservationType.BLANK, ObservationType.UNCLASSIFIED):
                    continue
                # A blank image refers to the finding that was rejected, which is not drawn.
                if found is not None and found.id == one.id and (found.type in DRAWN or one.parts):
                    number += 1
                    annotations.add(self._draw(one, image, place, number))
                elif box is not None:
                    number += 1
                    category, area = self.find_category(one), box[2] * box[3]
                    annotations.add(_Drawn(number, place, category, box, area, 0, one.confidence))
                else:
                    self.undrawn += 1

    def _draw(
        self, one: ExportedObservation, image: ObservedImage, place: int, number: int
    ) -> dict[str, Any]:
        found = one.found
        assert found is not None
        shape, form = None, dict[str, Any]()
        # The first drawn part defines the extent; the extent of key points covers the points only.
        for drawn in (found, *one.parts):
            data = msgspec.json.decode(drawn.data)
            shape = shape or find_keypoint_schema(drawn.type, data)
            form = (build_shape(drawn.type, data, Frame(image.width, image.height)) or {}) | form
        category = (
            self.find_category(one)
            if shape is None
            else self.categories.find(self.naming.title(one), shape)
        )
        entry = {"id": number, "image_id": place, "category_id": category, "iscrowd": 0, **form}
        return entry if one.confidence is None else {**entry, "score": one.confidence}


class _CameraTraps(_Coco):
    def add_all(self, images: _List, annotations: _List) -> None:
        places = {str(one.id): one.name for one in self.spool.about.deployments}
        lengths = iter(_count_frames(self.spool))
        sequence, frame, frames = "", 0, 0
        for image in self.spool.read(ObservedImage):
            frame += 1
            if image.event_id != sequence:
                sequence, frame, frames = image.event_id, 1, next(lengths)
            at = self.times.local(image.captured_at, image.time_zone)
            images.add(
                {
                    "id": image.id, "file_name": self.name_file(image), "width": image.width,
                    "height": image.height, "location": places[image.deployment_id],
                    "datetime": at[:19].replace("T", " "), "seq_id": sequence,
                    "seq_num_frames": frames, "frame_num": frame,
                    **self.describe_origin(image),
                }
            )  # fmt: skip
            for one in build_observations(image, self.naming):
                if one.kind is ObservationType.UNCLASSIFIED:
                    continue
                category = 0 if one.kind is ObservationType.BLANK else self.find_category(one)
                seen = _Seen(one.id, image.id, category, sequence, one.box, score=one.confidence)
                if one.said is not None:
                    seen.human, seen.count = True, one.said.count or None
                    seen.sex, seen.age = one.said.sex, one.said.life_stage
                annotations.add(seen)

    def list_categories(self) -> list[dict[str, Any]]:
        return [{"id": 0, "name": "empty"}, *self.categories.listed]


class _Frame(msgspec.Struct, gc=False):
    """The fields of an image record that are needed to count the frames of sequences."""

    id: str
    sequence_id: str | None = None


def _count_frames(spool: ExportSpool) -> "array[int]":
    """Count the images of each sequence, in the order of the export.

    The images of a sequence follow each other.
    """
    events = (image.sequence_id or image.id for image in spool.read(_Frame))
    return array("L", (sum(1 for _ in frames) for _, frames in groupby(events)))


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write COCO; with image files, as a zip."""
    return _write(_Plain(spool), spool, out)


def write_camera_traps(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write COCO Camera Traps; with image files, as a zip."""
    return _write(_CameraTraps(spool), spool, out)


def _write(coco: _Coco, spool: ExportSpool, out: BinaryIO) -> ExportReport:
    if not coco.with_images:
        return _write_json(coco, spool, out)
    with open_zip(out) as pack:
        with pack.open(ANNOTATIONS) as file:
            report = _write_json(coco, spool, file)
        report.left_out += add_images(pack, spool, coco.name_file)
    return report


def _write_json(coco: _Coco, spool: ExportSpool, out: BinaryIO) -> ExportReport:
    with open_temporary_file(spool.folder) as aside:
        images, annotations = _List(out), _List(aside)
        out.write(b'{"info":' + _encode(coco.describe()) + b',\n"images":[')
        coco.add_all(images, annotations)
        images.flush()
        annotations.flush()
        out.write(b'],\n"annotations":[')
        copy_temporary_file(aside, out)
        out.write(b'],\n"categories":' + _encode(coco.list_categories()) + b"}\n")
    report = ExportReport(written=annotations.written)
    if coco.undrawn:
        report.left_out.append(
            ExportIssue(
                "Observations of whole images: COCO contains drawn annotations only.", coco.undrawn
            )
        )
    if coco.naming.formless:
        what = "Masks stored as files, heatmaps and custom data: COCO cannot represent them."
        report.left_out.append(ExportIssue(what, coco.naming.formless))
    return report


def add_images(
    pack: ZipWriter, spool: ExportSpool, name: Callable[[ObservedImage], str | None]
) -> list[ExportIssue]:
    """Add the upright file of each image that `name` names; report how many were unreadable."""
    missing = 0
    for image in spool.read(ObservedImage):
        path = name(image)
        if path is None:
            continue
        try:
            content = spool.read_image(image.upright_file or image.file)
        except (FileNotFoundError, LookupError):
            missing += 1
            continue
        pack.add(path, content, stored=True)
    return [ExportIssue("Images whose files could not be read.", missing)] if missing else []
