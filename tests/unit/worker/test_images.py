"""Decode images as they are stored, and download them."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support.worker_test_server import Asked, FakeServer, make_jpeg, refuse

from trapline.client import RetryPolicy
from trapline.worker.images import (
    ImageFetcher,
    ImageLoadError,
    PixelBudget,
    decode_image,
    parse_image_size,
)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    into = io.BytesIO()
    image.save(into, kind, **options)
    return into.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_pictures_become_rgb(kind: str) -> None:
    data = encode(Image.new("RGB", (40, 30), (200, 30, 60)), kind)
    assert parse_image_size(data, 10_000) == (40, 30)
    pixels = decode_image(data)
    assert pixels.shape == (30, 40, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[15, 20].astype(int) - [200, 30, 60]).max() <= 6


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 130), ("CMYK", (0, 120, 120, 0)), ("1", 1), ("P", 0), ("RGBA", 0)]
)
def test_other_modes_become_rgb(mode: str, colour: object) -> None:
    image = Image.new(mode, (16, 8), colour)  # type: ignore[arg-type]
    data = encode(image, "JPEG" if mode in ("L", "CMYK") else "PNG")
    assert parse_image_size(data, 10_000) == (16, 8)
    assert decode_image(data).shape == (8, 16, 3)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.full((8, 16), 128 * 256, np.uint16)
    assert decode_image(encode(Image.fromarray(values), "PNG"))[0, 0].tolist() == [128, 128, 128]


def test_exif_rotation_is_left_alone() -> None:
    image = Image.new("RGB", (40, 30))
    exif = image.getexif()
    exif[0x0112] = 6
    assert decode_image(encode(image, "JPEG", exif=exif)).shape == (30, 40, 3)


def test_half_a_picture_is_none() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    data = encode(noise, "JPEG")
    with pytest.raises(ImageLoadError, match=r"^image is not an image: image file is truncated"):
        decode_image(data[: len(data) // 2])


@pytest.mark.parametrize("data", [b"", b"<html>no</html>", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_not_an_image_is_called_so(data: bytes) -> None:
    with pytest.raises(ImageLoadError, match=r"^image is not an image: "):
        parse_image_size(data, 10_000)


def test_too_many_pixels_are_refused_before_decoding() -> None:
    with pytest.raises(ImageLoadError, match="100 x 101 pixels are more than the limit of 10000"):
        parse_image_size(encode(Image.new("1", (100, 101)), "PNG"), 10_000)


@pytest.fixture
def fetcher() -> Iterator[ImageFetcher]:
    made = ImageFetcher(
        user_agent="t", timeout_s=5, max_bytes=1_000_000, retry=RetryPolicy(2, 0.001)
    )
    yield made
    made.close()


def test_fetching_tries_again_after_passing_failures_only(
    server: FakeServer, fetcher: ImageFetcher
) -> None:
    server.images["a"] = make_jpeg()
    server.meddle = lambda _: refuse(503) if len(server.asked) < 3 else None
    assert fetcher.fetch(f"{server.image_url}/a") == server.images["a"]
    assert len(server.asked) == 3
    server.meddle = lambda _: refuse(403)
    with pytest.raises(ImageLoadError, match=r"^failed to load image: the image host answered 403"):
        fetcher.fetch(f"{server.image_url}/a")
    assert len(server.asked) == 4


def test_a_host_that_is_away_and_a_file_too_large_are_said(
    server: FakeServer, fetcher: ImageFetcher
) -> None:
    server.images["a"] = bytes(2_000_000)
    with pytest.raises(ImageLoadError, match="larger than 1000000 bytes"):
        fetcher.fetch(f"{server.image_url}/a")
    with pytest.raises(ImageLoadError, match=r"^failed to load image: "):
        fetcher.fetch("http://127.0.0.1:9/a")
    with pytest.raises(ImageLoadError, match=r"^failed to load image: "):
        fetcher.fetch("nonsense")


def test_redirects_between_image_hosts_are_followed(
    server: FakeServer, fetcher: ImageFetcher
) -> None:
    server.images["a"] = b"image"

    def meddle(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        return (302, {"Location": "/a"}, b"") if asked.path == "/old" else None

    server.meddle = meddle
    assert fetcher.fetch(f"{server.image_url}/old") == b"image"


def test_the_budget_waits_and_gives_up() -> None:
    budget = PixelBudget(100)
    assert budget.acquire(60)
    gave_up = threading.Event()
    timer = threading.Timer(0.1, gave_up.set)
    timer.start()
    assert not budget.acquire(60, gave_up.is_set)
    timer = threading.Timer(0.1, budget.give_back, [60])
    timer.start()
    started = time.monotonic()
    assert budget.acquire(500)
    assert time.monotonic() - started > 0.05
    timer.join()


def test_shared_pictures_decode(samples: Path) -> None:
    for path in sorted((samples / "images").glob("*.[jJ][pP][gG]")):
        data = path.read_bytes()
        width, height = parse_image_size(data, 100_000_000)
        if "truncated" in path.name:
            with pytest.raises(ImageLoadError):
                decode_image(data)
        else:
            assert decode_image(data).shape == (height, width, 3)
