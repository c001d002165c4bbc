"""Boxes that people draw in a browser: where they are drawn, and what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from tests.support.browser_session import Watched
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, box_of, open_image
from trapline.wire.annotations import AnnotationWithImage

Corners = tuple[float, float, float, float]


def list_drawn(seat: Seat, name: str) -> list[AnnotationWithImage]:
    """The boxes of people on an image, oldest first."""
    with seat.server.open() as owner:
        found = owner.list_image_annotations(seat.scene.images[name].id, source="human").results
    return sorted(found, key=lambda one: one.created_at)


def corners_of(box: AnnotationWithImage) -> Corners:
    """The corners in pixels of the upright image."""
    return tuple(box.data[name] for name in ("x_min", "y_min", "x_max", "y_max"))


def is_near(found: Corners, wanted: Corners, off_by: float) -> bool:
    """Whether each corner is where it was drawn, up to the pixels of the screen."""
    return all(abs(a - b) <= off_by for a, b in zip(found, wanted, strict=True))


def wait_for_boxes(seat: Seat, name: str, wanted: list[Corners], off_by: float = 0.0) -> None:
    """Wait until exactly these boxes are stored, in any order."""

    def are_stored() -> bool:
        found = sorted(corners_of(one) for one in list_drawn(seat, name))
        return len(found) == len(wanted) and all(
            is_near(one, other, off_by) for one, other in zip(found, sorted(wanted), strict=True)
        )

    wait_for(f"{wanted} to be stored on {name}", are_stored)


class Pencil:
    """Points of the screen by pixels of the upright image."""

    def __init__(self, page: Page, width: int) -> None:
        picture = box_of(page.get_by_test_id("picture"))
        self.page, self.left, self.top = page, picture["x"], picture["y"]
        self.scale = picture["width"] / width
        # A point of the screen is within half of a CSS pixel, and a box is in whole pixels.
        self.off_by = 1 + 1 / self.scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * self.scale, self.top + y * self.scale

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse between two points of the image."""
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=4)
        self.page.mouse.up()

    def touch(self, *paths: tuple[tuple[float, float], tuple[float, float]]) -> None:
        """Drag a finger for each path, all at the same time."""
        session = self.page.context.new_cdp_session(self.page)

        def send(kind: str, part: float) -> None:
            points: list[dict[str, Any]] = []
            for number, ((x1, y1), (x2, y2)) in enumerate(paths if kind != "touchEnd" else ()):
                x, y = self.at(x1 + (x2 - x1) * part, y1 + (y2 - y1) * part)
                points.append({"x": x, "y": y, "id": number})
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", 0)
        for step in (0.3, 0.6, 1):
            send("touchMove", step)
        send("touchEnd", 1)
        session.detach()


@contextmanager
def viewing(seat: Seat, name: str, size: str = "laptop") -> Iterator[tuple[Page, Pencil, Watched]]:
    """A tab on an image in the viewer."""
    with seat.tab(size) as tab:
        page = open_image(tab, seat.scene, name)
        page.locator('[data-testid="overlay"] rect[data-class="lynx"]').first.wait_for()
        yield page, Pencil(page, seat.scene.images[name].width), tab
        tab.expect_nothing_wrong()


def draft_of(page: Page) -> Corners:
    """The corners of the box that is drawn."""
    text = page.get_by_test_id("draft").get_attribute("data-corners") or ""
    left, top, right, bottom = map(float, text.split())
    return left, top, right, bottom
