"""The image files of the survey: scenes with a marker, EXIF as of cameras, and damaged files."""

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tests.survey.fauna import OTHERS, SPECIES
from tests.survey.marker import BITS, STRIP, encode_number

COLOURS = {**{label: one["colour"] for label, one in SPECIES.items()}, **OTHERS}
LYING = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""How an upright image is turned before it is stored with an orientation."""
LOGIN = b"<!DOCTYPE html><html><body>Please sign in to the camera.</body></html>"


def draw_picture(file: dict[str, Any], camera: dict[str, Any]) -> bytes:
    """Draw the image of a file as its camera stores it."""
    width, height = file["width"], file["height"]
    ground = (24, 26, 30) if file["night"] else (96, 128, 84)
    picture = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(picture)
    for thing in file["objects"]:
        x1, y1, x2, y2 = thing["box"]
        draw.ellipse((x1, y1, x2 - 1, y2 - 1), fill=COLOURS[thing["class"]])
    top = height - height // STRIP
    for place, bit in enumerate(encode_number(file["number"])):
        left, right = place * width / BITS, (place + 1) * width / BITS
        draw.rectangle((left, top, right - 1, height), fill=(255, 255, 255) if bit else (0, 0, 0))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = camera["make"], camera["model"]
    if file["orientation"] != 1:
        exif[0x0112] = file["orientation"]
        picture = picture.transpose(LYING[file["orientation"]])
    if file["in_exif"]:
        exif.get_ifd(0x8769)[0x9003] = datetime.fromisoformat(file["camera_time"]).strftime(
            "%Y:%m:%d %H:%M:%S"
        )
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, exif=exif)
    content = out.getvalue()
    if file.get("damage") == "truncated":
        return content[: len(content) // 4]
    return LOGIN if file.get("damage") == "html" else content


def write_files(truth: dict[str, Any], folder: Path, poll: int = 1) -> None:
    """Write the files of a poll to `folder/<root>/<path>`; add digests and sizes to the truth."""
    deployments = {one["key"]: one for one in truth["deployments"]}
    for file in truth["files"]:
        if file["poll"] != poll:
            continue
        deployment = deployments[file["deployment"]]
        content = draw_picture(file, deployment["camera"])
        path = folder / deployment["root"] / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        file["sha256"], file["size_bytes"] = hashlib.sha256(content).hexdigest(), len(content)
        at = datetime.fromisoformat(file["camera_time"] if file["in_exif"] else file["captured_at"])
        if file["fate"] == "duplicate":
            # Sources import the oldest files first, so that the original becomes the image.
            at += timedelta(days=400)
        stamp = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        os.utime(path, (stamp, stamp))
