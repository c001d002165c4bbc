"""Pictures: fetched without the API's token, and decoded as they come."""

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
    """A picture that cannot be worked on. Its message begins with words that servers know.

    "image is not an image" is for good, "failed to load image" may be otherwise the next time.
    """


class _Passing(Exception):
    """A fetch that may succeed when tried again."""


class ImageFetcher:
    """Fetches pictures over a session of its own: image hosts never see the API's token.

    Safe in several threads.
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
        """End the session."""
        self._session.close()

    def fetch(self, url: str, given_up: Callable[[], bool] = lambda: False) -> bytes:
        """The bytes at an address, tried again after passing failures.

        BadImage says why there are none.
        """
        attempt = 0
        while True:
            try:
                return self._fetch_once(url)
            except _Passing as problem:
                if attempt >= self._retry.times or given_up():
                    raise ImageLoadError(f"{NOT_LOADED}: {problem}") from problem
            self._retry.sleep(self._retry.wait_s(attempt))
            attempt += 1

    def _fetch_once(self, url: str) -> bytes:
        try:
            with self._session.stream("GET", url) as response:
                if response.status_code == 429 or response.status_code >= 500:
                    raise _Passing(f"the image host answered {response.status_code}")
                if not response.is_success:
                    raise ImageLoadError(
                        f"{NOT_LOADED}: the image host answered {response.status_code}"
                    )
                taken = bytearray()
                for part in response.iter_bytes(256 * 1024):
                    taken += part
                    if len(taken) > self._max_bytes:
                        raise ImageLoadError(
                            f"{NOT_LOADED}: it is larger than {self._max_bytes} bytes"
                        )
                return bytes(taken)
        except httpx2.TransportError as error:
            raise _Passing(str(error) or type(error).__name__) from error
        except (httpx2.InvalidURL, httpx2.HTTPError) as error:
            raise ImageLoadError(f"{NOT_LOADED}: {error or type(error).__name__}") from error


class PixelBudget:
    """Bounds the pixels that are decoded and not yet worked on, however large or small the pictures are."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._taken = 0
        self._changed = threading.Condition()

    def acquire(self, pixels: int, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Wait until there is room; a picture larger than all of it waits until it is alone.

        False if given up.
        """
        with self._changed:
            while self._taken and self._taken + pixels > self._pixels:
                if given_up():
                    return False
                self._changed.wait(0.2)
            self._taken += pixels
            return True

    def give_back(self, pixels: int) -> None:
        """A picture is done with."""
        with self._changed:
            self._taken -= pixels
            self._changed.notify_all()


def parse_image_size(data: bytes, max_pixels: int) -> tuple[int, int]:
    """Width and height from a picture's header.

    BadImage where it is no picture, or has more pixels than allowed.
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
    """A picture as height x width x 3 RGB bytes, without applying its EXIF rotation.

    BadImage where it cannot be decoded wholly: half a picture must not be taken for an empty scene.
    """
    if data[:2] == b"\xff\xd8":
        # CMYK and damaged files: Pillow converts the first and says what is wrong with the others.
        with suppress(ValueError, LookupError):
            return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True))
    try:
        with Image.open(io.BytesIO(data)) as opened:
            # Pillow clips 16-bit greyscale where it should scale it.
            sixteen = opened.mode.startswith("I;16")
            shown = opened.point(lambda value: value / 256).convert("L") if sixteen else opened
            return np.array(shown.convert("RGB"))
    except MemoryError:
        raise
    except Exception as error:
        raise ImageLoadError(f"{NOT_AN_IMAGE}: {_reason(error, data)}") from error


def _reason(error: Exception, data: bytes) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, UnidentifiedImageError):
        return "it is of no known format"
    return str(error) or type(error).__name__
