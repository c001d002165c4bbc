"""Write the table of observations as Parquet, or as GeoParquet with the location of each.

GeoParquet: geoparquet.org, release 1.1.0. The columns are those of the CSV, with types. Both
require pyarrow, which is an optional dependency.
"""

import json
import struct
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from itertools import islice
from typing import Any, BinaryIO

from trapline.extras import describe_install
from trapline.server.exports.formats.export_records import ExportReport, ExportSpool
from trapline.server.exports.formats.observation_table import COLUMNS, list_observations
from trapline.server.platform.errors import Unprocessable

ROWS_AT_ONCE = 20_000
LATITUDE, LONGITUDE = COLUMNS.index("latitude"), COLUMNS.index("longitude")
_NUMBERS = frozenset(
    {
        "latitude", "longitude", "x_min", "y_min", "width", "height", "x_min_px", "y_min_px",
        "width_px", "height_px", "detected_confidence", "confidence",
    }
)  # fmt: skip
_WHOLE = frozenset(["image_width", "image_height", "gbif_key", "count"])
_TRUTHS = frozenset(["blank", "reviewed", "starred", "needs_review"])
_TIMES = frozenset(["captured_at", "said_at"])
LACK = (
    "Parquet requires the package pyarrow, which is not installed on the server. Its operator runs "
    f"{describe_install('server', 'parquet')}, or you export CSV, which has the same columns."
)
_POINT = struct.Struct("<BIdd")


def find_missing_dependency() -> str | None:
    """Return a message if pyarrow is not installed, else None; pyarrow is not imported."""
    return LACK if find_spec("pyarrow") is None else None


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write Parquet. Raises Unprocessable if pyarrow is not installed."""
    return _write(spool, out, with_places=False)


def write_geo(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write GeoParquet: the same columns with points, for maps.

    Raises Unprocessable if pyarrow is not installed.
    """
    return _write(spool, out, with_places=True)


def _write(spool: ExportSpool, out: BinaryIO, *, with_places: bool) -> ExportReport:
    try:
        # pyarrow takes 160 MB, and few installations need it.
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise Unprocessable(f"{LACK} Nothing was written.") from error
    fields = [pa.field(name, _type_of(name, pa)) for name in COLUMNS]
    if with_places:
        fields.append(pa.field("geometry", pa.binary()))
    schema = pa.schema(fields, metadata={"geo": _describe_places(spool)} if with_places else None)
    written = 0
    rows = list_observations(spool)
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            columns = [
                pa.array([_value(name, cell) for cell in cells], type=field.type)
                for name, cells, field in zip(
                    COLUMNS, zip(*batch, strict=True), fields, strict=False
                )
            ]
            if with_places:
                columns.append(pa.array(_points(batch), type=pa.binary()))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            written += len(batch)
    return ExportReport(written=written)


def _type_of(name: str, pa: Any) -> Any:
    if name in _NUMBERS:
        return pa.float64()
    if name in _WHOLE:
        return pa.int64()
    if name in _TRUTHS:
        return pa.bool_()
    return pa.timestamp("us", tz="UTC") if name in _TIMES else pa.string()


def _value(name: str, cell: Any) -> Any:
    if cell is None or cell == "":
        return None
    if name in _TIMES:
        return cell if isinstance(cell, datetime) else datetime.fromisoformat(cell)
    if name in _NUMBERS:
        return float(cell)
    # A lone surrogate cannot be encoded as UTF-8.
    return (
        cell if name in _WHOLE or name in _TRUTHS else str(cell).encode("utf-8", "replace").decode()
    )


def _points(rows: list[list[Any]]) -> Iterator[bytes | None]:
    """Encode locations as WKB: little-endian points of longitude and latitude."""
    for row in rows:
        latitude, longitude = row[LATITUDE], row[LONGITUDE]
        yield (
            None
            if latitude is None or longitude is None
            else _POINT.pack(1, 1, longitude, latitude)
        )


def _describe_places(spool: ExportSpool) -> str:
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
    places = [
        (one.longitude, one.latitude)
        for one in spool.about.deployments
        if one.longitude is not None and one.latitude is not None
    ]
    if places:
        across, up = zip(*places, strict=True)
        column["bbox"] = [min(across), min(up), max(across), max(up)]
    return json.dumps(
        {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    )
