"""The images that benchmarks read: those of a folder, or generated ones."""

import io
import os
import random
from pathlib import Path

from PIL import Image

HELP = (
    "a folder with JPEG images "
    "(default: the folder `images` in TRAPLINE_SAMPLES, else generated images)"
)
GENERATED = 8


def read_images(folder: Path | None) -> list[bytes]:
    """Read the JPEG files of a folder by name; without a folder, generate images.

    The program ends if the folder does not exist or has no JPEG file.
    """
    samples = os.environ.get("TRAPLINE_SAMPLES")
    if folder is None and samples:
        folder = Path(samples) / "images"
    if folder is None:
        return [generate_jpeg(number) for number in range(GENERATED)]
    if not folder.is_dir():
        raise SystemExit(
            f"{folder} is not a folder; name one with JPEG images, or unset TRAPLINE_SAMPLES"
        )
    found = [
        path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in (".jpg", ".jpeg")
    ]
    if not found:
        raise SystemExit(f"{folder} has no JPEG files")
    return found


def generate_jpeg(seed: int) -> bytes:
    """Generate an image of 3 megapixels with coarse noise; the same seed gives the same bytes."""
    chance = random.Random(seed)
    coarse = Image.frombytes("RGB", (200, 150), chance.randbytes(200 * 150 * 3))
    out = io.BytesIO()
    coarse.resize((2000, 1500), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()
