"""One analysis as a JSON or CSV file, written in pieces."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.wire.analyses import Analysis
from trapline.wire.annotations import Annotation, AnnotationType

COLUMNS = (
    "id", "annotation_type", "class_name", "confidence", "x_min", "y_min", "x_max", "y_max",
    "ordering", "parent_id", "storage_path", "data", "created_at",
)  # fmt: skip
CORNERS = ("x_min", "y_min", "x_max", "y_max")

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
    """Write a row for each annotation; escape cells that spreadsheets would take for formulas."""
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
    csv.writer(text).writerow([escape_formula(cell) for cell in cells])
    return text.getvalue().encode()
