"""Detect the type of a file from its first bytes: a supported image, another type, or a fault."""

from dataclasses import dataclass

HEAD_BYTES = 1024
IMAGE_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".png",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".heic",
    ".heif",
)

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"FLV\x01",
    b"OggS",
    b"0&\xb2u\x8ef\xcf\x11",
)


@dataclass(frozen=True)
class SupportedFormat:
    """A supported image format: its media type, and its name in Pillow."""

    media_type: str
    pillow_format: str


@dataclass(frozen=True)
class UnsupportedFormat:
    """A valid file of an unsupported type, such as a video; `reason` is a clause for the user."""

    reason: str


@dataclass(frozen=True)
class NotAnImage:
    """A file that should be an image and is not; `reason` is a clause for the user."""

    reason: str


JPEG = SupportedFormat("image/jpeg", "JPEG")
PNG = SupportedFormat("image/png", "PNG")
WEBP = SupportedFormat("image/webp", "WEBP")
TIFF = SupportedFormat("image/tiff", "TIFF")
BMP = SupportedFormat("image/bmp", "BMP")
HEIC = SupportedFormat("image/heic", "HEIF")


def detect_file_type(head: bytes) -> SupportedFormat | UnsupportedFormat | NotAnImage:
    """Return the type of a file from its first kilobyte."""
    if not head:
        return NotAnImage("the file is empty (0 bytes)")
    return (
        _detect_image(head) or _detect_other(head) or _detect_text(head) or _describe_unknown(head)
    )


def find_other_kind(head: bytes, path: str) -> str | None:
    """Return why a file is skipped; None for an image, and for a file with the name of an image.

    A file with the name of an image and other content is not skipped but fails: it can be a sign-in
    page or an incomplete file.
    """
    kind = detect_file_type(head)
    if isinstance(kind, UnsupportedFormat):
        return kind.reason
    is_named_image = path.lower().endswith(IMAGE_ENDINGS)
    return None if isinstance(kind, SupportedFormat) or is_named_image else kind.reason


def _detect_image(head: bytes) -> SupportedFormat | UnsupportedFormat | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return TIFF
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == bytes(4):
        return BMP
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _HEIC_BRANDS:
            return HEIC
        if brand in (b"avif", b"avis"):
            return UnsupportedFormat(
                "AVIF images are not supported; JPEG, PNG, WebP, TIFF, BMP and HEIC are"
            )
        return UnsupportedFormat("it is a video, and videos are not supported")
    return None


def _detect_other(head: bytes) -> UnsupportedFormat | NotAnImage | None:
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return UnsupportedFormat(
            "GIF images are not supported; JPEG, PNG, WebP, TIFF, BMP and HEIC are"
        )
    if (
        head.startswith(_VIDEO_STARTS)
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head[4:8] == b"moov"
    ):
        return UnsupportedFormat("it is a video, and videos are not supported")
    if (
        head[:4] in (b"PK\x03\x04", b"Rar!")
        or head[:6] == b"7z\xbc\xaf\x27\x1c"
        or head[:2] == b"\x1f\x8b"
    ):
        return UnsupportedFormat("it is an archive; unpack it first")
    if head[:5] == b"%PDF-":
        return UnsupportedFormat("it is a PDF document, not an image")
    if not head.strip(b"\x00"):
        return NotAnImage("the file begins with zeros only: writing it was probably interrupted")
    return None


def _detect_text(head: bytes) -> NotAnImage | None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return NotAnImage("it is an SVG drawing, not a photograph")
    if (
        text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script"))
        or b"<html" in text
    ):
        return NotAnImage(
            "this is an HTML page, not an image: the server probably requires a sign-in"
        )
    if text.startswith(b"<?xml"):
        return NotAnImage(
            "this is an XML document, not an image: the server probably answered with an error"
        )
    if text.startswith((b"{", b"[")):
        return NotAnImage(
            "this is JSON text, not an image: the server probably answered with an error"
        )
    return None


def _describe_unknown(head: bytes) -> NotAnImage:
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    if printable == len(head):
        return NotAnImage("this is text, not an image")
    return NotAnImage("the first bytes are not those of a JPEG, PNG, WebP, TIFF, BMP or HEIC image")
