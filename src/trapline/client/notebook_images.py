"""Display of images with their boxes in a notebook."""

import base64
from collections.abc import Iterable
from html import escape
from typing import Literal

import httpx2

from trapline.client.api_session import build_status_error
from trapline.client.errors import ApiConnectionError, ApiStatusError
from trapline.wire.annotations import ThumbnailBox
from trapline.wire.images import Image, ImageDetail

Size = Literal["thumbnail", "preview", "file"]

FETCH_TIMEOUT_S = 30.0
SHOWN = 24
"""Maximum number of images shown of a list; each is downloaded first."""
WIDE_PX, SMALL_PX, LETTER_PX = 800, 240, 13
COLOUR = "#ff9f1c"


class DisplayableImage(Image):
    """Image that a notebook can download and show."""

    def read(self, size: Size = "file") -> bytes:
        """Download the upright original, or a smaller copy of it.

        The thumbnail has 320 pixels, the preview 1280, if it is stored.

        The URL is valid for some hours; get the image again after that.

        Raises:
            ApiStatusError: the server or its store refused the request.
            ApiConnectionError: there is no response.
        """
        with _open_session() as session:
            return _fetch(session, _find_address(self, size)).content

    def _repr_html_(self) -> str:
        with _open_session() as session:
            return _draw(session, self, "preview", WIDE_PX)


class NotebookImage(DisplayableImage):
    """Stored image of a list."""


class NotebookImageDetail(DisplayableImage, ImageDetail):
    """Stored image with all its analyses."""


class Gallery:
    """Images side by side in a notebook.

    Example:
        Gallery(islice(iterate(server.list_images, project=1), 12))
    """

    def __init__(self, images: Iterable[Image]) -> None:
        self.images = list(images)

    def to_html(self) -> str:
        """Return the first images as self-contained HTML."""
        with _open_session() as session:
            shown = "".join(
                _draw(session, image, "thumbnail", SMALL_PX) for image in self.images[:SHOWN]
            )
        more = len(self.images) - SHOWN
        told = f"<p>and {more:,} more</p>" if more > 0 else ""
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{shown}</div>{told}'

    def _repr_html_(self) -> str:
        return self.to_html()


def _open_session() -> httpx2.Client:
    # The URLs are signed: no token is sent, whatever host they name.
    return httpx2.Client(trust_env=False, follow_redirects=False, timeout=FETCH_TIMEOUT_S)


def _find_address(image: Image, size: Size) -> str:
    smaller = {"thumbnail": image.thumbnail_url, "preview": image.preview_url, "file": None}[size]
    return smaller or image.file_url


def _fetch(session: httpx2.Client, url: str) -> httpx2.Response:
    try:
        answer = session.get(url)
    except httpx2.TransportError as error:
        where = httpx2.URL(url)
        raise ApiConnectionError(
            f"no answer from {where.scheme}://{where.netloc.decode()}: "
            f"{error or type(error).__name__}"
        ) from error
    if not answer.is_success:
        raise build_status_error(answer)
    return answer


def _draw(session: httpx2.Client, image: Image, size: Size, width_px: int) -> str:
    """Render an image as self-contained HTML, without its signed URL."""
    caption = escape(
        f"{image.filename} · {image.deployment_name} · {image.captured_at:%Y-%m-%d %H:%M:%S}"
    )
    try:
        answer = _fetch(session, _find_address(image, size))
    except (ApiStatusError, ApiConnectionError) as error:
        return f"<p>{caption}: the image cannot be shown: {escape(str(error))}</p>"
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    content = base64.b64encode(answer.content).decode()
    data = f"data:{escape(kind or image.media_type)};base64,{content}"
    width, height = image.width, image.height
    shown_px = min(width, width_px)
    letter = LETTER_PX * width / shown_px
    boxes = "".join(_draw_box(box, letter) for box in image.boxes)
    return (
        f'<figure style="margin:0;width:{shown_px}px;max-width:100%">'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'style="width:100%;display:block">'
        f'<image href="{data}" width="{width}" height="{height}" '
        f'preserveAspectRatio="none"/>{boxes}</svg>'
        f'<figcaption style="font-size:small">{caption}</figcaption></figure>'
    )


def _draw_box(box: ThumbnailBox, letter: float) -> str:
    """Render a box with its class; `letter` is the font size in pixels of the original."""
    sure = "" if box.confidence is None else f" {box.confidence:.0%}"
    name = escape(f"{box.class_name or ''}{sure}".strip())
    above = box.y_min - letter / 3 if box.y_min > 1.5 * letter else box.y_min + letter
    return (
        f'<rect x="{box.x_min:g}" y="{box.y_min:g}" width="{box.x_max - box.x_min:g}" '
        f'height="{box.y_max - box.y_min:g}" fill="none" stroke="{COLOUR}" stroke-width="2" '
        'vector-effect="non-scaling-stroke"/>'
        f'<text x="{box.x_min:g}" y="{above:g}" font-size="{letter:g}" '
        f'font-family="sans-serif" fill="{COLOUR}" stroke="#000" stroke-width="{letter / 8:g}" '
        f'paint-order="stroke">{name}</text>'
    )
