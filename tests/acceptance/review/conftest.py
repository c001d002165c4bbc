"""A project to draw in."""

import pytest
from tests.support.known_image_project import make_scene
from tests.support.signed_in_browser import Seat


@pytest.fixture(scope="module")
def drawing(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Seat:
    """The same browser and server, with a project of these tests: two images with a lynx."""
    scene = make_scene(seat.server, tmp_path_factory.mktemp("drawn"), "Drawing")
    return Seat(seat.browser, seat.server, scene, seat.state)
