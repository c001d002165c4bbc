"""A running Trapline for the acceptance tests: one shared, and one for each test that breaks it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.annotation_gallery import Exhibit, make_exhibit
from tests.support.browser_session import Watched, open_browser
from tests.support.known_image_project import make_scene
from tests.support.map_archive import build_map_archive
from tests.support.oidc_test_provider import CLIENT_ID, CLIENT_SECRET
from tests.support.prepared_database import copy_prepared, prepare
from tests.support.running_server import METRICS_TOKEN, SHARED_SECRET, RunningServer
from tests.support.signed_in_browser import Seat, sign_in_by_call
from trapline.server.platform.postgres.postgres import find_free_port


@pytest.fixture(scope="session")
def make_folder() -> Iterator[Callable[[], Path]]:
    """Create empty data folders that PostgreSQL's unprivileged uid can access.

    They are removed at the end.
    """
    parent = Path(tempfile.mkdtemp(prefix="trapline-acceptance-"))
    parent.chmod(0o711)

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(dir=parent))
        folder.chmod(0o711)
        return folder

    yield make
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture(scope="session")
def make_prepared(make_folder: Callable[[], Path]) -> Callable[[], Path]:
    """Make data folders with an empty database in them, for all that is not about a first start."""
    prepared = prepare(make_folder() / "prepared")

    def make() -> Path:
        folder = make_folder()
        copy_prepared(prepared, folder)
        return folder

    return make


@pytest.fixture(scope="session")
def server(
    make_prepared: Callable[[], Path], make_folder: Callable[[], Path]
) -> Iterator[RunningServer]:
    """Return a running Trapline without a worker, shared by all tests.

    Never kill it, and create your own project.
    """
    tiles = make_folder() / "red.pmtiles"
    tiles.write_bytes(build_map_archive((200, 40, 40)))
    # The ports of the mail server and the OpenID provider are closed, unless a test opens them.
    settings = {
        "TRAPLINE_LOG_FORMAT": "json",
        "TRAPLINE_METRICS_TOKEN": METRICS_TOKEN,
        "TRAPLINE_METRICS_LISTEN": str(find_free_port()),
        "ML_CALLBACK_HMAC_SECRET": SHARED_SECRET,
        "TRAPLINE_OIDC_ISSUER": f"http://127.0.0.1:{find_free_port()}",
        "TRAPLINE_OIDC_CLIENT_ID": CLIENT_ID,
        "TRAPLINE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "TRAPLINE_OIDC_NAME": "the university",
        "TRAPLINE_MAP_TILES": str(tiles),
        "TRAPLINE_MAP_ATTRIBUTION": "One red tile (https://example.org/licence)",
        "TRAPLINE_SMTP_URL": f"smtp://127.0.0.1:{find_free_port()}",
    }
    running = RunningServer(make_prepared(), find_free_port(), settings=settings)
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.fixture
def own_server(make_prepared: Callable[[], Path]) -> Iterator[RunningServer]:
    """Return a Trapline of the test with short leases, not started yet."""
    running = RunningServer(make_prepared(), find_free_port())
    try:
        yield running
    finally:
        running.end()
        shutil.rmtree(running.data, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start one Chromium for each test file.

    Its event loop would block asynchronous tests of other files.
    """
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def seat(browser: Browser, server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Seat:
    """A signed-in browser on the shared server, with known images in a separate project."""
    scene = make_scene(server, tmp_path_factory.mktemp("pictures"))
    return Seat(browser, server, scene, sign_in_by_call(browser, server))


@pytest.fixture
def tab(seat: Seat) -> Iterator[Watched]:
    """A signed-in tab in which nothing may go wrong."""
    with seat.tab() as opened:
        yield opened
        opened.expect_nothing_wrong()


@pytest.fixture(scope="module")
def gallery(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Exhibit:
    """Single-coloured images in a separate project."""
    return make_exhibit(seat.server, tmp_path_factory.mktemp("plain"))


@pytest.fixture
def exhibit(gallery: Exhibit) -> Iterator[Exhibit]:
    """The single-coloured images, at first without annotations."""
    yield gallery
    gallery.forget()
