"""Write crops of observations, one folder per class, to train classifiers.

`crops.csv` lists the image and the box of each crop.
"""

import csv
import io
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from trapline.server.exports.cropping import Cropper
from trapline.server.exports.formats.export_records import ExportIssue, ExportReport, ExportSpool
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import (
    ExportedObservation,
    ObservationType,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.server.platform.formats.zip_writer import (
    ZipWriter,
    copy_temporary_file,
    open_temporary_file,
    open_zip,
    sanitise_file_name,
)
from trapline.server.platform.imaging.requests import Piece

COLUMNS = (
    "file", "class", "scientific_name", "annotation_id", "image_id", "deployment", "captured_at",
    "confidence", "said_by", "left", "top", "right", "bottom", "model", "path",
)  # fmt: skip
TABLE = "crops.csv"


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write a zip of crops as JPEG files, and their table."""
    report = ExportReport()
    with (
        open_zip(out) as pack,
        open_temporary_file(spool.folder) as table,
        TemporaryDirectory(dir=spool.folder) as scratch,
        Cropper() as cropper,
    ):
        crops = _Crops(spool, Path(scratch), cropper)
        table.write((",".join(COLUMNS) + "\r\n").encode())
        for image in spool.read(ObservedImage):
            report.written += crops.cut(image, pack, table)
        with pack.open(TABLE) as file:
            copy_temporary_file(table, file)
        report.left_out += crops.list_issues()
    return report


class _Crops:
    def __init__(self, spool: ExportSpool, scratch: Path, cropper: Cropper) -> None:
        self._spool, self._scratch, self._cropper = spool, scratch, cropper
        self._naming = TaxonResolver(spool.taxa)
        self._places = {str(one.id): one.name for one in spool.about.deployments}
        self._folders: dict[str, str] = {}
        self._taken = {TABLE}
        self._boxless = self._unread = self._broken = 0

    def cut(self, image: ObservedImage, pack: ZipWriter, table: BinaryIO) -> int:
        """Write the crops of an image, and return their number."""
        boxed = []
        for one in build_observations(image, self._naming):
            if one.box is not None:
                boxed.append((one, _round_out(one.box, image)))
            elif one.kind not in (ObservationType.BLANK, ObservationType.UNCLASSIFIED):
                self._boxless += 1
        if not boxed:
            return 0
        source = self._scratch / "source"
        try:
            source.write_bytes(self._spool.read_image(image.upright_file or image.file))
        except (FileNotFoundError, LookupError):
            self._unread += 1
            return 0
        paths = [self._scratch / f"{number}.jpg" for number in range(len(boxed))]
        pieces = {path: piece for path, (_, piece) in zip(paths, boxed, strict=True)}
        if self._cropper.crop(source, pieces) is not None:
            self._broken += 1
            return 0
        rows = io.StringIO()
        lines = csv.writer(rows)
        for path, (one, piece) in zip(paths, boxed, strict=True):
            title = self._naming.title(one)
            name = f"{self._folder(title)}/{one.id}.jpg"
            pack.add(name, path.read_bytes(), stored=True)
            lines.writerow(
                [escape_formula(cell) for cell in self._describe(name, title, one, image, piece)]
            )
        table.write(rows.getvalue().encode("utf-8", "replace"))
        return len(boxed)

    def list_issues(self) -> list[ExportIssue]:
        """List the numbers of observations and images that have no crop, by reason."""
        counts = [
            ("Observations without a box cannot be cropped.", self._boxless),
            ("Images whose files could not be read.", self._unread),
            ("Images that could not be decoded.", self._broken),
        ]
        return [ExportIssue(what, count) for what, count in counts if count]

    def _describe(
        self, name: str, title: str, one: ExportedObservation, image: ObservedImage, piece: Piece
    ) -> list[str | int | float | None]:
        scientific = self._naming.find(one.label, one.taxon).scientific_name
        by = one.said.by if one.said is not None else ""
        model = one.named_by.model if one.named_by is not None else ""
        at = image.captured_at.isoformat(timespec="seconds")
        place = self._places[image.deployment_id]
        return [
            name,
            title,
            scientific,
            one.id,
            image.id,
            place,
            at,
            one.confidence,
            by,
            *piece,
            model,
            image.path,
        ]

    def _folder(self, title: str) -> str:
        """Return the folder of a class, which is unique on case-insensitive file systems too."""
        folder = self._folders.get(title)
        if folder is None:
            name = folder = sanitise_file_name(title)
            number = 1
            while folder.casefold() in self._taken:
                number += 1
                folder = f"{name}-{number}"
            self._taken.add(folder.casefold())
            self._folders[title] = folder
        return folder


def _round_out(box: tuple[float, float, float, float], image: ObservedImage) -> Piece:
    """Round a box outwards to whole pixels within the image."""
    left, top, width, height = box
    right, bottom = (
        min(math.ceil(left + width), image.width),
        min(math.ceil(top + height), image.height),
    )
    return min(math.floor(left), right - 1), min(math.floor(top), bottom - 1), right, bottom
