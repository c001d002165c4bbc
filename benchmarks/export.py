"""B10: a million observations as Camtrap DP and as COCO, compared with `csv` writing the same rows.

    python benchmarks/export.py [--observations 1000000]

The images are in a spool, with two boxes each and a classification per box, as an export gathers
them. The floor has the rows of the tables as Python values in memory and only writes them
uncompressed with the `csv` module: for Camtrap DP the rows of its tables, for COCO the values of
its images and annotations. The exports read the spool, apply the reviews, write, validate and pack.
Each runs in a separate process, whose peak memory is printed. On a busy machine the ratio of
processor times is more reliable than the ratio of wall-clock times, so both are printed. If you
change the workload, state the reason here.
"""

import argparse
import csv
import io
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from _ground import describe_machine

from trapline.server.exports.formats.export_formats import FORMATS
from trapline.server.exports.formats.export_records import (
    IMAGES,
    AnnotationRecord,
    DeploymentRecord,
    ExportMetadata,
    ExportSpool,
    ImageRecord,
    TaxonRecord,
    write_records,
)
from trapline.wire.exports import ExportFormat

BOXES = 2
PLACES = 100
BATCH = 20_000
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RANDOM = random.Random(7)
TAXA = [
    TaxonRecord(id=UUID(int=number + 1), scientific_name=f"Genus species{number}")
    for number in range(50)
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observations", type=int, default=1_000_000)
    count = parser.parse_args().observations
    with tempfile.TemporaryDirectory() as folder:
        spool = make_spool(Path(folder), count // BOXES)
        size = (Path(folder) / IMAGES).stat().st_size / 2**20
        print(
            f"{describe_machine()}: {count:,} observations on {count // BOXES:,} images, spool of "
            f"{size:.0f} MiB"
        )
        for form in (ExportFormat.CAMTRAP_DP, ExportFormat.COCO):
            out = Path(folder) / f"out-{form}"
            seconds, busy, memory, written = run_in_process(write_format, form, spool, out)
            floor, floor_busy, _, rows = run_in_process(
                write_floor, form, out, Path(folder) / "floor.csv"
            )
            print(
                f"{form}: {seconds:.1f} s, {written:,} written, {out.stat().st_size / 2**20:.0f} "
                f"MiB, {memory:.0f} MiB of memory; csv of the same {rows:,} rows: {floor:.1f} s; "
                f"{floor / seconds:.0%} (goal 30 %); of processor time {floor_busy:.1f} s to "
                f"{busy:.1f} s, {floor_busy / busy:.0%}"
            )


def run_in_process(work: Any, *arguments: Any) -> tuple[float, float, float, int]:
    """Run a function in a separate process.

    Return its time, processor time, memory and bytes written.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer: tuple[float, float, float, int] = pool.apply(work, arguments)
        return answer


def write_format(
    form: ExportFormat, spool: ExportSpool, out: Path
) -> tuple[float, float, float, int]:
    """Write an export."""
    load = FORMATS[form].load
    assert load is not None
    writer = load()
    started, busy = time.monotonic(), time.process_time()
    with out.open("wb") as file:
        report = writer(spool, file)
    seconds, busy = time.monotonic() - started, time.process_time() - busy
    # Frictionless runs in a child process.
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy += children.ru_utime + children.ru_stime
    memory = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children.ru_maxrss) / 1024
    assert not report.problems, report.problems
    return seconds, busy, memory, report.written


def write_floor(form: ExportFormat, written: Path, out: Path) -> tuple[float, float, float, int]:
    """Write the rows of an export with `csv` alone; only the writing is measured."""
    seconds, busy, count = 0.0, 0.0, 0
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        for rows in (
            read_camtrap_dp(written) if form == ExportFormat.CAMTRAP_DP else read_coco(written)
        ):
            started, began = time.monotonic(), time.process_time()
            writer.writerows(rows)
            seconds += time.monotonic() - started
            busy += time.process_time() - began
            count += len(rows)
        started = time.monotonic()
    return seconds + time.monotonic() - started, busy, 0.0, count


def read_camtrap_dp(written: Path) -> Iterator[list[list[Any]]]:
    """Read the rows of the tables, with numbers as numbers."""
    with zipfile.ZipFile(written) as archive:
        for table in ("media", "observations"):
            with archive.open(f"{table}.csv") as file:
                rows: list[list[Any]] = []
                for row in csv.reader(io.TextIOWrapper(file, "utf-8", newline="")):
                    rows.append([float(cell) if cell[:2] == "0." else cell for cell in row])
                    if len(rows) == BATCH:
                        yield rows
                        rows = []
                yield rows


def read_coco(written: Path) -> Iterator[list[list[Any]]]:
    """Read the values of the images and annotations."""
    content = json.loads(written.read_bytes())
    for table in ("images", "annotations"):
        rows = [
            [
                part
                for value in one.values()
                for part in (value if isinstance(value, list) else [value])
            ]
            for one in content[table]
        ]
        for first in range(0, len(rows), BATCH):
            yield rows[first : first + BATCH]


def make_id() -> UUID:
    """Generate an ID like those of the server: mostly random, so that it does not compress."""
    return UUID(int=(0x019A_0000_0000 << 80) | RANDOM.getrandbits(80))


def make_spool(folder: Path, count: int) -> ExportSpool:
    """Create a spool with this number of images."""
    places = [
        DeploymentRecord(
            id=UUID(int=(1 << 96) + number),
            name=f"Place {number}",
            time_zone="Europe/Berlin",
            latitude=47.5,
            longitude=11.5,
            images=count // PLACES,
        )
        for number in range(PLACES)
    ]
    with (folder / IMAGES).open("wb") as file:
        for first in range(0, count, 1000):
            file.write(
                write_records(
                    make_image(number, count) for number in range(first, min(first + 1000, count))
                )
            )
    about = ExportMetadata(
        project_id=1,
        project_name="Bench",
        project_description="",
        started_at=NOON,
        public_url="https://traps.example.org",
        deployments=places,
        taxa=TAXA,
    )
    return ExportSpool(folder, about, str.encode)


def make_image(number: int, count: int) -> ImageRecord:
    """Build an image of a sequence of four."""
    found = []
    for box in range(BOXES):
        taxon = TAXA[(number // 4 + box) % len(TAXA)]
        data = {
            "x_min": 100.25 + box,
            "y_min": 200.5,
            "x_max": 900.75,
            "y_max": 700.125,
            "image_width": 2000,
            "image_height": 1500,
            "inference_time": 0.05,
            "timestamp": "2026-11-21T10:00:00.000000",
        }
        named = {
            "topk": [{"class": "a", "confidence": 0.75}, {"class": "b", "confidence": 0.25}],
            "terminal": True,
        }
        alike: dict[str, Any] = {
            "analysis_id": make_id(),
            "class_name": taxon.scientific_name,
            "taxon": taxon.id,
            "model_name": "bench-pipeline",
            "model_version": "1.0",
            "at": NOON,
        }
        boxed = make_id()
        found.append(
            AnnotationRecord(id=boxed, type="bounding_box", data=data, confidence=0.9123, **alike)
        )
        under = {"id": make_id(), "type": "classification", "data": named, "parent_id": boxed}
        found.append(AnnotationRecord(**under, confidence=0.8123, **alike))
    return ImageRecord(
        id=make_id(),
        deployment_id=UUID(int=(1 << 96) + number * PLACES // count),
        filename=f"IMG_{number:07}.JPG",
        path=f"100RECNX/IMG_{number:07}.JPG",
        media_type="image/jpeg",
        width=2000,
        height=1500,
        captured_at=NOON + timedelta(seconds=number),
        captured_at_source="exif",
        time_zone="Europe/Berlin",
        sha256=f"{number:064x}",
        size_bytes=3_000_000,
        file=f"originals/{number:064x}",
        blank=False,
        analysed=True,
        sequence_id=UUID(int=(6 << 96) + number // 4),
        found=found,
        exif={"Make": "RECONYX", "Model": "HYPERFIRE", "ISOSpeedRatings": 200},
    )


if __name__ == "__main__":
    sys.exit(main())
