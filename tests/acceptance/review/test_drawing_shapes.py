"""Points and polygons drawn in a real browser, by mouse and keyboard: what is stored."""

import pytest
from playwright.sync_api import Page, expect
from tests.support.drawing import list_drawn, viewing
from tests.support.known_image_project import make_scene
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.human_boxes import HumanBoxUpdate
from trapline.wire.projects import DrawnShapeKind, ProjectUpdate

NAME = "wide.jpg"
Place = tuple[float, float]


@pytest.fixture(scope="module")
def drawing(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Seat:
    """The same browser and server, with a project of this test that uses all shapes."""
    scene = make_scene(seat.server, tmp_path_factory.mktemp("shapes"), "Shapes")
    return Seat(seat.browser, seat.server, scene, seat.state)


def list_places(seat: Seat) -> list[tuple[str, list[Place]]]:
    """The type and the positions of each stored shape, oldest first."""
    found = []
    for one in list_drawn(seat, NAME):
        given = one.data.get("points") or [
            (point["x"], point["y"]) for point in one.data.get("keypoints", ())
        ]
        found.append((str(one.annotation_type), [(x, y) for x, y in given]))
    return found


def wait_for_shapes(seat: Seat, *wanted: tuple[str, list[Place]], off_by: float = 0) -> None:
    """Wait until exactly these shapes are stored, oldest first."""

    def are_stored() -> bool:
        found = list_places(seat)
        return [kind for kind, _ in found] == [kind for kind, _ in wanted] and all(
            len(one) == len(other)
            and all(
                abs(a - c) <= off_by and abs(b - d) <= off_by
                for (a, b), (c, d) in zip(one, other, strict=True)
            )
            for (_, one), (_, other) in zip(found, wanted, strict=True)
        )

    wait_for(f"{wanted} to be stored", are_stored)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_points_and_polygons_are_drawn_where_the_project_uses_them(drawing: Seat) -> None:
    with viewing(drawing, NAME) as (page, _, _):
        expect(page.get_by_role("button", name="Draw a box")).to_be_visible()
        expect(page.get_by_role("button", name="Draw a polygon")).to_have_count(0)
        press(page, "l", "p")
        expect(page.get_by_test_id("draft")).to_have_count(0)
    with drawing.tab() as tab:
        page = tab.open(f"/projects/{drawing.scene.project}/settings")
        page.get_by_label("Points").check()
        page.get_by_label("Polygons").check()
        page.get_by_role("button", name="Save").first.click()
        expect(page.get_by_text("Settings saved.")).to_be_visible()
    with drawing.server.open() as owner:
        assert owner.get_project(drawing.scene.project).shapes == list(DrawnShapeKind)


def test_the_mouse_draws_and_changes_points_and_polygons(drawing: Seat) -> None:
    offer_all(drawing)
    with viewing(drawing, NAME) as (page, pencil, _):
        near = pencil.off_by
        page.get_by_role("button", name="Draw a point").click()
        page.mouse.click(*pencil.at(100, 100))
        point = ("keypoint", [(100.0, 100.0)])
        wait_for_shapes(drawing, point, off_by=near)
        # It is selected, and is dragged.
        page.locator("[data-corner]").wait_for()
        pencil.drag((100, 100), (140, 120))
        point = ("keypoint", [(140.0, 120.0)])
        wait_for_shapes(drawing, point, off_by=2 * near)

        page.get_by_role("button", name="Draw a polygon").click()
        corners: list[Place] = [(300, 200), (500, 200), (500, 400), (420, 500)]
        for corner in corners:
            page.mouse.click(*pencil.at(*corner))
        page.keyboard.press("Backspace")
        page.mouse.dblclick(*pencil.at(300, 400))
        square: list[Place] = [*corners[:3], (300, 400)]
        wait_for_shapes(drawing, point, ("segmentation", square), off_by=2 * near)
        expect(page.locator('path[data-type="segmentation"]')).to_have_count(1)
        expect(page.locator("[data-corner]")).to_have_count(4)
        pencil.drag((300, 400), (260, 460))
        square[3] = (260, 460)
        wait_for_shapes(drawing, point, ("segmentation", square), off_by=2 * near)
        pencil.drag((400, 300), (440, 280))
        moved = [(x + 40, y - 20) for x, y in square]
        wait_for_shapes(drawing, point, ("segmentation", moved), off_by=3 * near)
        # A corner across another edge is refused, and nothing is stored.
        pencil.drag((540, 380), (200, 250))
        expect(page.get_by_text("Edges of the polygon touch or cross")).to_be_visible()
        press(page, "z", "z")
        square[3] = (300, 400)
        wait_for_shapes(drawing, point, ("segmentation", square), off_by=2 * near)
        page.keyboard.press("z")
        wait_for_shapes(drawing, point, off_by=2 * near)
        press(page, "z", "z")
        wait_for_shapes(drawing)
        page.keyboard.press("Shift+Z")
        wait_for_shapes(drawing, ("keypoint", [(100.0, 100.0)]), off_by=near)
        page.keyboard.press("z")
        wait_for_shapes(drawing)
        expect_sent(page)


def test_keys_draw_and_change_points_and_polygons(drawing: Seat) -> None:
    offer_all(drawing)
    with viewing(drawing, NAME) as (page, pencil, tab):
        said = page.get_by_test_id("box-announcement")
        step = round(8 / pencil.scale)
        page.keyboard.press("p")
        expect(said).to_contain_text("Point in the middle")
        press(page, "ArrowLeft", "ArrowDown", "Enter")
        point = ("keypoint", [(400.0 - step, 300.0 + step)])
        wait_for_shapes(drawing, point)
        expect(said).to_contain_text("Point of lynx saved")
        press(page, "e", "ArrowRight", "Enter")
        point = ("keypoint", [(400.0, 300.0 + step)])
        wait_for_shapes(drawing, point)

        page.keyboard.press("l")
        expect(said).to_contain_text("Space adds a corner")
        press(page, " ", "Enter")
        expect(said).to_have_text("A polygon has at least 3 corners.")
        for way in ("ArrowRight", "ArrowDown", "ArrowLeft"):
            press(page, *[way] * 6, " ")
        press(page, "Backspace", "Enter")
        side = 6 * step
        triangle: list[Place] = [(400, 300), (400 + side, 300), (400 + side, 300 + side)]
        wait_for_shapes(drawing, point, ("segmentation", triangle))
        expect(said).to_have_text("Polygon of lynx saved with 3 corners.")
        # The second corner, then the whole polygon.
        press(page, "e", " ", " ", "ArrowUp")
        expect(said).to_contain_text("Corner 2 at")
        press(page, " ", " ", "ArrowLeft", "Enter")
        triangle = [(x - step, y - (step if at == 1 else 0)) for at, (x, y) in enumerate(triangle)]
        wait_for_shapes(drawing, point, ("segmentation", triangle))
        press(page, "l", " ", "Escape")
        expect(page.get_by_test_id("draft")).to_have_count(0)
        expect_sent(page)

        # Another user changes the polygon meanwhile: both versions are shown.
        polygon = list_drawn(drawing, NAME)[1]
        with drawing.server.open() as owner:
            theirs = [[10.0, 10.0], [90.0, 10.0], [90.0, 90.0]]
            owner.update_annotation(polygon.id, HumanBoxUpdate(polygon=theirs))
        press(page, "e", "ArrowLeft", "Enter")
        outbox = page.get_by_test_id("outbox")
        expect(outbox).to_contain_text("1 refused")
        outbox.click()
        conflict = page.get_by_test_id("box-conflict")
        expect(conflict.locator("svg polygon")).to_have_count(2)
        expect(conflict).to_contain_text("polygon with 3 corners")
        conflict.get_by_role("button", name="Keep mine").click()
        triangle = [(x - step, y) for x, y in triangle]
        wait_for_shapes(drawing, point, ("segmentation", triangle))
        page.keyboard.press("Escape")
        expect_sent(page)
        tab.wrong.clear()


def offer_all(seat: Seat) -> None:
    """Let the project offer all shapes."""
    with seat.server.open() as owner:
        change = ProjectUpdate(shapes=list(DrawnShapeKind))
        owner.update_project(seat.scene.project, change)
