"""Import of a MegaDetector file, compared with a COPY of the rows that it creates.

    python benchmarks/exchange_in.py [images]

Each image has three boxes, one of them with a classification; every fifth image is empty. The
images are stored before. The floor is one connection that copies the same rows of analyses, their
details, annotations and classes into the same tables, with the same indexes and constraints,
encoded before the clock starts. If you change the workload, state the reason here.
"""

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground

IMAGES = 100_000
TABLES = {
    "analyses": "id",
    "analysis_details": "analysis_id",
    "annotations": "id",
    "image_classes": "image_id",
}


def make_file(images: int) -> bytes:
    """Generate a file of results."""
    box = {
        "category": "1",
        "conf": 0.912,
        "bbox": [0.1, 0.2, 0.3, 0.4],
        "classifications": [["0", 0.83], ["1", 0.1]],
    }
    boxes = [box, {"category": "1", "conf": 0.5, "bbox": [0.5, 0.1, 0.2, 0.2]}]
    boxes.append({"category": "2", "conf": 0.21, "bbox": [0.7, 0.6, 0.1, 0.2]})
    entries = [
        {"file": f"set/{number:07}.jpg", "detections": boxes if number % 5 else []}
        for number in range(images)
    ]
    more = {
        "info": {"detector": "md_v5a.0.0.pt"},
        "detection_categories": {"1": "animal", "2": "person"},
        "classification_categories": {"0": "red fox", "1": "badger"},
    }
    return json.dumps({"images": entries} | more).encode()


def send(ground: Ground, content: bytes) -> dict[str, Any]:
    """Upload a file, and wait until it is imported."""
    caller = Caller(ground.port, ground.owner)
    path = f"/imports?project={ground.project}&format=megadetector&filename=results.json"
    taken: dict[str, Any] = json.loads(caller.call("POST", path, content))
    while taken["state"] in ("queued", "reading"):
        time.sleep(0.05)
        taken = caller.ask("GET", f"/imports/{taken['id']}")
    if taken["state"] != "completed" or taken["faults"]:
        raise SystemExit(f"it was not imported: {taken}")
    return taken


def peak_of_background(pid: int) -> int:
    """Return the peak private memory of the background process in bytes, including mapped files."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(
                line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines()
            )
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(lines["PPid"]) == pid and b"background" in command:
            return int(lines["VmHWM"].split()[0]) * 1024
    return 0


def copy_again(ground: Ground) -> float:
    """Copy the same rows into the same tables after truncating them; return the seconds."""
    with psycopg.connect(ground.database) as connection:
        kept = {}
        for table in TABLES:
            rows = io.BytesIO()
            with (
                connection.cursor() as cursor,
                cursor.copy(f"copy {table} to stdout (format binary)") as out,
            ):
                for piece in out:
                    rows.write(piece)
            kept[table] = rows.getvalue()
        connection.execute(
            "truncate analyses, analysis_details, annotations, image_classes cascade"
        )
        connection.commit()
        began = time.monotonic()
        for table, content in kept.items():
            with (
                connection.cursor() as cursor,
                cursor.copy(f"copy {table} from stdin (format binary)") as into,
            ):
                into.write(content)
        connection.commit()
        return time.monotonic() - began


def main() -> None:
    """Measure both and print them."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    content = make_file(images)
    with open_ground() as ground:
        ground.add_images(images)
        ground.settle()
        began, worked = time.monotonic(), ground.processor_time()
        taken = send(ground, content)
        took, own = time.monotonic() - began, ground.processor_time() - worked
        began = time.monotonic()
        send(ground, content)
        again = time.monotonic() - began
        memory = peak_of_background(ground.pid)
        worked = ground.processor_time()
        floor = copy_again(ground)
        least = ground.processor_time() - worked
    print(describe_machine())
    print(
        f"{images:,} images, {taken['annotations']:,} annotations, a file of "
        f"{len(content) / 1e6:,.0f} MB"
    )
    print(f"taken in: {took:.1f} s, {images / took:,.0f} images/s, from its being sent to its end")
    print(f"the same file again: {again:.1f} s, {images / again:,.0f} images/s")
    print(f"floor, the same rows by COPY: {floor:.1f} s, {images / floor:,.0f} images/s")
    print(
        f"processor time: {own:.1f} s and {least:.1f} s, {least / own:.2f}, which says more on a "
        "busy machine"
    )
    print(
        f"ratio: {floor / took:.2f}; memory of the background process: {memory / 1e6:,.0f} MB at "
        "most"
    )


if __name__ == "__main__":
    main()
