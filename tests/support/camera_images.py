"""Small images with different content, and a camera that is slow enough to be interrupted."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image, ImageDraw

SLOWLY_S = 0.15
"""The server downloads several files at the same time, and a kill should hit it in between."""


def make_picture(number: int, size: tuple[int, int] = (160, 120)) -> bytes:
    """A JPEG whose bytes no other number has."""
    picture = Image.new("RGB", size, (number % 256, number // 256 % 256, 90))
    ImageDraw.Draw(picture).rectangle((20, 20, 60 + number % 50, 80), fill=(250, 250, 250))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, comment=f"picture {number}".encode())
    return out.getvalue()


def fill(folder: Path, count: int) -> list[Path]:
    """Write `count` images into a folder, named as a camera names them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"IMG_{number:04}.JPG" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(make_picture(number))
    return files


class _Slow(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.endswith(".JPG"):
            time.sleep(SLOWLY_S)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_slowly(folder: Path) -> Iterator[int]:
    """Serve a folder with a listing, each image after a pause; yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Slow, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
