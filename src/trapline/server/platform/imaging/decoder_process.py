"""The confined process that decodes images; no other process decodes them.

    python -m trapline.server.platform.imaging.decoder_process MEMORY CPU_SECONDS OUTPUT

Each request is one line with its open files, and each answer is one line (see requests.py). Memory
and the size of each written file are limited (both in bytes), and so is the processor time of each
request. The process loads only the supported formats, and drops its other rights (see
confinement.py).
"""

import codecs
import errno
import json
import math
import os
import resource
import socket
import sys
import warnings
from typing import Any, BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

from trapline.server.platform.imaging.confinement import confine, describe
from trapline.server.platform.imaging.exif import parse_exif, parse_orientation
from trapline.server.platform.imaging.file_types import (
    HEAD_BYTES,
    HEIC,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    SupportedFormat,
    UnsupportedFormat,
    detect_file_type,
)
from trapline.server.platform.imaging.jpeg_scans import MAX_SCANS, has_too_many_scans
from trapline.server.platform.imaging.requests import DISK_FULL, receive
from trapline.server.platform.imaging.tile_writer import write_tiles
from trapline.server.platform.imaging.truncated_jpeg import LEAST_ROWS, decode_truncated
from trapline.server.platform.imaging.upright_images import (
    convert_to_rgb,
    find_profile,
    get_remaining_orientation,
    save_jpeg,
    transpose,
)

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF")
INLINE = ("image/jpeg", "image/png", "image/webp")
COPY_QUALITY = 92
THUMBNAIL_QUALITY = 82
NEW_SUBFILE_TYPE = 254
MOST_COPIES = 10
"""A TIFF file with more reduced copies of its image than this counts as one with several pages."""

Answer = dict[str, Any]


def main() -> None:
    """Answer requests until standard input ends."""
    memory_bytes, cpu_s, output_bytes = (int(limit) for limit in sys.argv[1:4])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    connection = socket.socket(fileno=os.dup(0))
    _load_formats()
    user = confine()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    # The server's limit is checked before any pixel is decoded. Pillow's warning would be a second,
    # lower limit.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    while (received := receive(connection)) is not None:
        request, files = received
        _allow_processor_time(min(cpu_s, request.get("cpu_base_s", cpu_s)))
        request["cpu_s"] = cpu_s
        result = (
            {"given_up": describe(user)}
            if request["do"] == "describe"
            else handle_request(request, files)
        )
        answers.write(json.dumps(result) + "\n")
        answers.flush()
        for descriptor in files:
            os.close(descriptor)


def _load_formats() -> None:
    """Load the modules that decoders import late, because no file can be opened afterwards."""
    Image.preinit()
    import pi_heif
    from PIL import (
        BmpImagePlugin,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    for plugin in (
        BmpImagePlugin,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    ):
        assert plugin
    assert pi_heif
    for name in ("utf-8", "ascii", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        codecs.lookup(name)


def handle_request(request: Answer, files: list[int]) -> Answer:
    """Handle one request; every fault of the image is reported in the answer."""
    try:
        with os.fdopen(os.dup(files[0]), "rb") as file:
            request |= _resolve(request, files)
            if request["do"] == "thumbnails":
                return _generate_thumbnails(file, request)
            if request["do"] == "tiles":
                return _generate_tiles(file, request)
            if request["do"] == "cut":
                return _crop(file, request)
            return _inspect(file, request)
    except MemoryError:
        return {"broken": "decoding it needs more memory than is allowed"}
    except UnidentifiedImageError:
        return {"broken": "it begins like an image, but cannot be decoded as one"}
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return {"no_room": True}
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return {"broken": "its copy, thumbnail or tiles would be a larger file than is allowed"}
        # Decoders raise any kind of exception for damaged files.
        return {"broken": _describe_error(error)}


def _resolve(request: Answer, files: list[int]) -> Answer:
    """Replace the indexes of the output files by their descriptors."""
    outputs = {size: files[index] for size, index in request.get("outputs", {}).items()}
    pieces = [[files[index], *sides] for index, *sides in request.get("pieces", [])]
    upright = request.get("upright")
    return {
        "outputs": outputs,
        "pieces": pieces,
        "upright": None if upright is None else files[upright],
    }


def _describe_error(error: Exception) -> str:
    message = str(error).replace("\x00", "")[:200]
    lowered = message.lower()
    if (
        "truncated" in lowered
        or "premature end" in lowered
        or "unexpected end" in lowered
        or isinstance(error, EOFError)
    ):
        return (
            f"the file is truncated: it ends before the image does ({message})"
            if message
            else "the file is truncated"
        )
    return f"it cannot be decoded ({message or type(error).__name__})"


def _open(file: BinaryIO, request: Answer) -> tuple[SupportedFormat, Image.Image] | Answer:
    max_pixels = request["max_pixels"]
    kind = detect_file_type(file.read(HEAD_BYTES))
    file.seek(0)
    if isinstance(kind, UnsupportedFormat):
        return {"skipped": kind.reason}
    if not isinstance(kind, SupportedFormat):
        return {"broken": kind.reason}
    if kind == HEIC:
        import pi_heif

        pi_heif.register_heif_opener()
    if kind == WEBP and _is_truncated_webp(file):
        return {"broken": "the file is truncated: it ends before the image does"}
    if kind == JPEG and has_too_many_scans(file.read()):
        return {
            "broken": f"it is a progressive JPEG with more than {MAX_SCANS} scans, which takes too "
            "long to decode; save it again as a baseline JPEG"
        }
    file.seek(0)
    image = Image.open(file, formats=(kind.pillow_format,))
    pixels = image.width * image.height
    if pixels > max_pixels:
        has, may = f"{pixels / 1e6:.0f}", f"{max_pixels / 1e6:.0f}"
        return {
            "broken": f"it has {has} million pixels, more than the {may} million that are allowed"
        }
    if kind in (PNG, WEBP) and getattr(image, "is_animated", False):
        return {
            "skipped": "it is an animation, and animations are not supported; send its frames as "
            "separate images"
        }
    if kind == TIFF and _has_pages(image):
        return {
            "skipped": "it has several pages, and only files with one image are supported; send "
            "its pages as separate images"
        }
    if "cpu_s_per_megapixel" in request:
        by_size = request["cpu_base_s"] + request["cpu_s_per_megapixel"] * pixels / 1e6
        _allow_processor_time(min(request["cpu_s"], by_size))
    return kind, image


def _is_truncated_webp(file: BinaryIO) -> bool:
    """Return whether a WebP file is shorter than in its header, which the decoder ignores."""
    head = file.read(8)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size < int.from_bytes(head[4:8], "little") + 8


def _has_pages(image: Image.Image) -> bool:
    """Return whether a TIFF file has more than one image, except reduced copies and masks."""
    try:
        for page in range(1, MOST_COPIES):
            image.seek(page)
            if image.tag_v2.get(NEW_SUBFILE_TYPE, 0) == 0:  # type: ignore[attr-defined]
                return True
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _inspect(file: BinaryIO, request: Answer) -> Answer:
    opened = _open(file, request)
    if isinstance(opened, dict):
        return opened
    kind, image = opened
    exif = parse_exif(image)
    orientation = parse_orientation(image)
    rows = 1.0
    is_whole = True
    try:
        image.load()
    except OSError as error:
        if kind != JPEG or "truncated" not in str(error):
            raise
        file.seek(0)
        image, rows = decode_truncated(file.read())
        is_whole = False
        if rows < LEAST_ROWS:
            return {
                "broken": f"the file is truncated: only {rows:.0%} of its rows can be decoded, "
                "less than half"
            }
    turn = get_remaining_orientation(kind, orientation)
    width, height = (image.height, image.width) if turn >= 5 else (image.width, image.height)
    mode = image.mode
    # Strict decoders, such as those of workers, refuse a file without its end mark.
    needs_copy = not is_whole or orientation != 1 or kind.media_type not in INLINE or mode == "CMYK"
    if needs_copy and request["upright"] is not None:
        copy = transpose(convert_to_rgb(image), turn)
        save_jpeg(copy, request["upright"], COPY_QUALITY, icc_profile=find_profile(image))
        del copy
    return {
        "image": {
            "width": width,
            "height": height,
            "media_type": kind.media_type,
            "mode": mode,
            "orientation": orientation,
            "exif": exif,
            "is_truncated": rows < 1,
            "upright_made": bool(needs_copy and request["upright"] is not None),
            "thumbnails_made": bool(request.get("outputs"))
            and _try_thumbnails(image, turn, request["outputs"]),
        }
    }


def _generate_thumbnails(file: BinaryIO, request: Answer) -> Answer:
    opened = _open(file, request)
    if isinstance(opened, dict):
        return opened
    kind, image = opened
    orientation = parse_orientation(image)
    largest = max(int(size) for size in request["outputs"])
    image.draft("RGB", (largest, largest))
    turn = get_remaining_orientation(kind, orientation)
    _write_thumbnails(image, turn, request["outputs"])
    return {"thumbnails": True}


def _generate_tiles(file: BinaryIO, request: Answer) -> Answer:
    """Write the tiles of the upright image to one file."""
    opened = _open(file, request)
    if isinstance(opened, dict):
        return opened
    kind, image = opened
    orientation = parse_orientation(image)
    image = transpose(convert_to_rgb(image), get_remaining_orientation(kind, orientation))
    [descriptor] = request["outputs"].values()
    write_tiles(image, descriptor)
    return {"tiles": True}


def _crop(file: BinaryIO, request: Answer) -> Answer:
    """Write crops of the upright image; each is requested by its file and its four sides."""
    opened = _open(file, request)
    if isinstance(opened, dict):
        return opened
    kind, image = opened
    orientation = parse_orientation(image)
    turn = get_remaining_orientation(kind, orientation)
    upright = transpose(convert_to_rgb(image), turn)
    for descriptor, left, top, right, bottom in request["pieces"]:
        save_jpeg(
            upright.crop((left, top, right, bottom)), descriptor, COPY_QUALITY, find_profile(image)
        )
    return {"cut": True}


def _try_thumbnails(image: Image.Image, turn: int, outputs: dict[str, int]) -> bool:
    """Write thumbnails and return whether that worked; if not, they are requested again later."""
    try:
        _write_thumbnails(image, turn, outputs)
    except Exception:
        return False
    return True


def _write_thumbnails(image: Image.Image, turn: int, outputs: dict[str, int]) -> None:
    """Write the thumbnails, which reduces the image in place."""
    sizes = sorted(((int(size), descriptor) for size, descriptor in outputs.items()), reverse=True)
    image.thumbnail((sizes[0][0], sizes[0][0]), Image.Resampling.LANCZOS, reducing_gap=2.0)
    thumbnail = transpose(convert_to_rgb(image), turn)
    for size, descriptor in sizes:
        thumbnail.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
        save_jpeg(thumbnail, descriptor, THUMBNAIL_QUALITY)


def _allow_processor_time(seconds: float) -> None:
    """Limit the further processor time of this process, rounded up to whole seconds.

    The kernel ends the process with SIGXCPU when it has used that time.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime + seconds), hard)
    )


if __name__ == "__main__":
    main()
