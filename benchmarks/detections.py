"""Count the correct, missed and false detections on real images, with Wilson intervals of 95 %.

    python benchmarks/detections.py --images DIR [--pipeline yolox-nano]

DIR has images and a manifest.csv with the columns `file` and `ground_truth`; without it, the folder
`images` of TRAPLINE_SAMPLES is used. An image whose ground truth is `blank` has no animal; an image
without ground truth counts for persons only. No image has a person, unless its ground truth names
one. Files that cannot be decoded are skipped and listed.
"""

import argparse
import csv
import math
import os
from collections import Counter
from pathlib import Path

from trapline.worker.images import ImageLoadError, decode_image
from trapline.worker.model_files import fetch_model_file
from trapline.worker.pipeline import Device, InputImage, ModelDetection, build_pipeline
from trapline.worker.settings import get_model_cache

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
PIPELINES = ("animal-detector", "yolox-nano")
EMPTY = ("blank", "empty")


def main() -> None:
    """Count and print a table."""
    samples = os.environ.get("TRAPLINE_SAMPLES")
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--images", type=Path, default=Path(samples) / "images" if samples else None
    )
    arguments.add_argument("--pipeline", choices=PIPELINES, default=PIPELINES[0])
    given = arguments.parse_args()
    if given.images is None or not (given.images / "manifest.csv").is_file():
        print(
            "skipped: there is no manifest.csv; name a folder with --images, or set "
            "TRAPLINE_SAMPLES"
        )
        return
    pipeline = build_pipeline(given.pipeline)
    cache = get_model_cache()
    pipeline.load(Device("cpu", os.cpu_count() or 1, lambda file: fetch_model_file(file, cache)))
    with (given.images / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts: Counter[str] = Counter()
    for row in rows:
        try:
            pixels = decode_image((given.images / row["file"]).read_bytes())
        except ImageLoadError as error:
            print(f"skipped: {row['file']}: {error}")
            continue
        [found] = pipeline.run([InputImage(row["file"], pixels)])
        groups = Counter(_name_group(one) for one in found)
        truth = row["ground_truth"].strip().lower()
        kind = (
            "person"
            if "person" in truth or "human" in truth
            else "none"
            if truth in EMPTY
            else "animal"
            if truth
            else "unknown"
        )
        counts["images"] += 1
        counts[f"of {kind}"] += 1
        counts[f"right {kind}"] += kind in groups
        counts["persons"] += groups["person"]
        counts["false person"] += kind != "person" and groups["person"] > 0
        counts["false animal"] += kind == "none" and groups["animal"] > 0
    print(f"{given.pipeline}: {counts['images']} images")
    print(
        f"images with an animal in which one is found   "
        f"{format_share(counts['right animal'], counts['of animal'])}"
    )
    print(
        f"images without an animal in which one is found "
        f"{format_share(counts['false animal'], counts['of none'])}"
    )
    people = counts["images"] - counts["of person"]
    print(
        f"images without a person in which one is found  "
        f"{format_share(counts['false person'], people)}"
    )
    print(f"boxes of persons in all {counts['persons']}")


def format_share(count: int, of: int) -> str:
    """Format a count with its Wilson interval (Wilson, 1927) in per cent."""
    if of == 0:
        return "0 of 0"
    share, square = count / of, Z * Z / of
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    low, high = 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)
    return f"{count} of {of} ({low:.0f} to {high:.0f} %)"


def _name_group(found: ModelDetection) -> str:
    """Return the group of a box:

    its first class that is a group, because animals also have finer classes.
    """
    names = [named.name for named in found.names]
    return next((name for name in names if name in ("animal", "person", "vehicle")), names[-1])


if __name__ == "__main__":
    main()
