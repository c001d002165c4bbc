"""Downloading and decoding of images.

The API token is never sent to image hosts.
"""

import io
import threading
from collections.abc import Callable
from contextlib import suppress

import httpx2
import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from trapline.client.retry import RetryPolicy
from trapline.worker.pipeline import Pixels

NOT_AN_IMAGE = "image is not an image"
NOT_LOADED = "failed to load image"


class ImageLoadError(Exception):
    """An image that cannot be processed; servers classify it by the start of the message.

    "image is not an image" is a permanent failure; "failed to load image" may succeed on a retry.
    """


class _TransientError(Exception):
    """A download that may succeed on a retry."""


class ImageFetcher:
    """Downloads images over a separate session, so that image hosts never get the API token.

    Safe to use from several threads.
    """

    def __init__(
        self, *, user_agent: str, timeout_s: float, max_bytes: int, retry: RetryPolicy
    ) -> None:
        self._max_bytes = max_bytes
        self._retry = retry
        self._session = httpx2.Client(
            headers={"User-Agent": user_agent},
            timeout=timeout_s,
            trust_env=False,
            follow_redirects=True,
            max_redirects=5,
            limits=httpx2.Limits(max_keepalive_connections=64),
        )

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def fetch(self, url: str, is_canceled: Callable[[], bool] = lambda: False) -> bytes:
        """Download the content of a URL, and retry after transient failures.

        Raises:
            ImageLoadError: the download failed; the message gives the reason.
        """
        attempt = 0
        while True:
            try:
                return self._fetch_once(url)
            except _TransientError as problem:
                if attempt >= self._retry.times or is_canceled():
                    raise ImageLoadError(f"{NOT_LOADED}: {problem}") from problem
            self._retry.sleep(self._retry.wait_s(attempt))
            attempt += 1

    def _fetch_once(self, url: str) -> bytes:
        try:
            with self._session.stream("GET", url) as response:
                if response.status_code == 429 or response.status_code >= 500:
                    raise _TransientError(f"the image host answered {response.status_code}")
                if not response.is_success:
                    raise ImageLoadError(
                        f"{NOT_LOADED}: the image host answered {response.status_code}"
                    )
                content = bytearray()
                for part in response.iter_bytes(256 * 1024):
                    content += part
                    if len(content) > self._max_bytes:
                        raise ImageLoadError(
                            f"{NOT_LOADED}: it is larger than {self._max_bytes} bytes"
                        )
                return bytes(content)
        except httpx2.TransportError as error:
            raise _TransientError(str(error) or type(error).__name__) from error
        except (httpx2.InvalidURL, httpx2.HTTPError) as error:
            raise ImageLoadError(f"{NOT_LOADED}: {error or type(error).__name__}") from error


class PixelBudget:
    """Limits the decoded pixels that wait for the model, for images of any size."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._reserved = 0
        self._changed = threading.Condition()

    def acquire(self, pixels: int, is_canceled: Callable[[], bool] = lambda: False) -> bool:
        """Reserve the pixels, and wait until they fit; return False if canceled.

        An image larger than the whole budget waits until it is alone.
        """
        with self._changed:
            while self._reserved and self._reserved + pixels > self._pixels:
                if is_canceled():
                    return False
                self._changed.wait(0.2)
            self._reserved += pixels
            return True

    def add(self, pixels: int) -> None:
        """Reserve pixels without waiting, for what is built from an image that is decoded."""
        with self._changed:
            self._reserved += pixels

    def give_back(self, pixels: int) -> None:
        """Release the pixels of an image."""
        with self._changed:
            self._reserved -= pixels
            self._changed.notify_all()


def parse_image_size(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Parse the width and height from the header of an image.

    Raises:
        ImageLoadError: the data is not an image, or it has more than `max_pixels` pixels.
    """
    width = height = 0
    if data[:2] == b"\xff\xd8":
        with suppress(ValueError, LookupError):
            height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    if not width:
        try:
            with Image.open(io.BytesIO(data)) as opened:
                width, height = opened.size
        except (
            UnidentifiedImageError,
            OSError,
            SyntaxError,
            ValueError,
            Image.DecompressionBombError,
        ) as error:
            raise ImageLoadError(f"{NOT_AN_IMAGE}: {_reason(error, data)}") from error
    if width * height > max_pixels:
        raise ImageLoadError(
            f"{NOT_AN_IMAGE}: {width} x {height} pixels are more than the limit of {max_pixels}"
        )
    return width, height


def decode_image(data: bytes) -> Pixels:
    """Decode an image to height x width x 3 RGB bytes, without its EXIF rotation.

    Raises:
        ImageLoadError: the image cannot be decoded completely. A partial image could pass for an
            empty scene.
    """
    if data[:2] == b"\xff\xd8":
        # Pillow decodes the rest: it converts CMYK and reports what is damaged.
        with suppress(ValueError, LookupError):
            return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True))
    try:
        with Image.open(io.BytesIO(data)) as opened:
            # Pillow clips 16-bit greyscale instead of scaling it.
            sixteen = opened.mode.startswith("I;16")
            shown = opened.point(lambda value: value / 256).convert("L") if sixteen else opened
            return np.array(shown.convert("RGB"))
    except MemoryError:
        raise
    except Exception as error:
        raise ImageLoadError(f"{NOT_AN_IMAGE}: {_reason(error, data)}") from error


def count_bytes(value: object) -> int:
    """Count the bytes of the arrays and tensors in a value."""
    if isinstance(value, dict):
        return sum(map(count_bytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(count_bytes, value))
    size = getattr(value, "nbytes", 0)
    return size if isinstance(size, int) else 0


def _reason(error: Exception, data: bytes) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, UnidentifiedImageError):
        return "its format is unknown"
    return str(error) or type(error).__name__
