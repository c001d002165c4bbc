"""A signed-in browser, a project with known images, and the positions of elements on the screen."""

import io
import json
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.support.browser_session import Watched, open_tab
from tests.support.known_image_project import Scene
from tests.support.running_server import EMAIL, PASSWORD, RunningServer
from trapline.server.platform.postgres.postgres import find_running_url

CALLER_KEPT_S = 0.6
"""Each process of the API keeps a caller with its roles for half a second."""


@dataclass
class Seat:
    """Signed-in browser, the server, and the project with known images."""

    browser: Browser
    server: RunningServer
    scene: Scene
    state: StorageState

    def tab(self, size: str = "laptop", colours: str = "light") -> AbstractContextManager[Watched]:
        """A signed-in tab."""
        return open_tab(
            self.browser,
            self.server.base_url,
            size=size,
            colours="dark" if colours == "dark" else "light",
            state=self.state,
        )

    def change(self, statement: LiteralString, *about: object) -> None:
        """Change something in the database that no call changes."""
        address = find_running_url(self.server.data)
        assert address is not None
        with psycopg.connect(address) as connection:
            connection.execute(statement, about)

    @contextmanager
    def as_role(self, role: str) -> Iterator[None]:
        """Change the role of the user within the block; another user becomes the owner."""
        self._set_role(role)
        try:
            yield
        finally:
            self._set_role("owner")

    def _set_role(self, role: str) -> None:
        self.change("update members set role = %s where project_id = %s", role, self.scene.project)
        # A page that asks before that is answered by the previous role, and does not ask again.
        time.sleep(CALLER_KEPT_S)


def sign_in(tab: Watched) -> None:
    """Sign in by password, as the owner."""
    page = tab.open("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/projects/"))


def sign_in_by_call(browser: Browser, server: RunningServer) -> StorageState:
    """Sign in as the owner without the page; return the cookies of a new session.

    Loading the page twice takes longer than everything else in a `Seat`.
    """
    context = browser.new_context(base_url=server.base_url)
    try:
        body = {"email": EMAIL, "password": PASSWORD}
        answer = context.request.post("/api/v2/auth/sign-in", data=body)
        assert answer.ok, answer.text()
        return context.storage_state()
    finally:
        context.close()


def box_of(place: Locator) -> dict[str, float]:
    """Where an element is, in CSS pixels of the window: x, y, width, height."""
    found = place.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def picture_of(image: Locator) -> dict[str, float]:
    """Return the place of the image in an element that it does not fill, in CSS pixels."""
    box = box_of(image)
    wide, high = image.evaluate("e => [e.naturalWidth, e.naturalHeight]")
    scale = min(box["width"] / wide, box["height"] / high)
    width, height = wide * scale, high * scale
    x, y = box["x"] + (box["width"] - width) / 2, box["y"] + (box["height"] - height) / 2
    return {"x": x, "y": y, "width": width, "height": height}


def find_white(
    page: Page, within: dict[str, float], inset: int = 0
) -> tuple[float, float, float, float]:
    """Return the edges of the white area in a rectangle: x1, y1, x2, y2 in CSS pixels."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("L")
    left, top = max(0, round(within["x"])) + inset, max(0, round(within["y"])) + inset
    right, bottom = (
        round(within["x"] + within["width"]) - inset,
        round(within["y"] + within["height"]) - inset,
    )
    area = shot.crop((left, top, right, bottom))
    found = area.point(lambda value: 255 if value > 200 else 0).getbbox()
    assert found is not None, "nothing white is on the screen"
    return (found[0] + left, found[1] + top, found[2] + left, found[3] + top)


def expect_around(
    box: dict[str, float], white: tuple[float, float, float, float], off_by: float = 2.0
) -> None:
    """The box's line runs along the edges of the white thing."""
    edges = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    apart = [abs(edge - other) for edge, other in zip(edges, white, strict=True)]
    assert max(apart) <= off_by, f"the box is at {edges}, the white thing at {white}"


def line_of(page: Page, name: str = "lynx") -> dict[str, float]:
    """Where a class's box is.

    The rectangle of an SVG element is that of its geometry, without its line.
    """
    at = page.locator(f'[data-testid="overlay"] rect[data-class="{name}"]')
    expect(at).to_have_count(1)
    found: dict[str, float] = json.loads(
        at.evaluate("e => JSON.stringify(e.getBoundingClientRect())"),
    )
    return found


def open_image(tab: Watched, scene: Scene, name: str, search: str = "") -> Page:
    """Open the viewer, and wait until the image is shown."""
    page = tab.open(f"/projects/{scene.project}/images/{scene.images[name].id}{search}")
    wait_for_picture(page)
    return page


def wait_for_picture(page: Page) -> None:
    """Wait until every part of the image is drawn."""
    page.get_by_test_id("picture").wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=picture] img')].every(i => i.complete "
        "&& i.naturalWidth > 0)"
    )
