"""Colours of classes: no two of the twelve most frequent classes of a project share one."""

import json
from pathlib import Path
from uuid import UUID

from PIL import Image
from playwright.sync_api import Page, expect
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import Seat, wait_for_picture

from trapline.wire.projects import NewProject

FREQUENT = [
    "marten",
    "squirrel",
    "raccoon",
    "agouti",
    "paca",
    "capybara",
    "wolf",
    "boar",
    "otter",
    "ocelot",
]
"""With "person" and "vehicle" the twelve most frequent classes of the project."""
RARE = ["tapir", "chamois"]
PERSON, VEHICLE = "rgb(230, 159, 0)", "rgb(204, 121, 167)"
"""Orange and reddish purple of Okabe and Ito."""
READ_COLOURS = """often => {
    const boxes = [...document.querySelectorAll("[data-testid=overlay] rect[data-class]")]
    const colours = Object.fromEntries(
        boxes.map((one) => [one.dataset.class, getComputedStyle(one).stroke]))
    return new Set(often.map((name) => colours[name] ?? "")).size === often.length && colours
}"""
"""Returns the colours of all classes on the image once those of the given classes all differ."""


def import_classes(seat: Seat, project: int, file: Path, found: dict[str, list[str]]) -> None:
    """Import one box of each class by image."""
    names = sorted({name for classes in found.values() for name in classes})
    boxes = {name: [0.05 + 0.06 * number, 0.1, 0.05, 0.3] for number, name in enumerate(names)}
    results = {
        "info": {"format_version": "1.4", "detector": file.stem},
        "detection_categories": {str(number): name for number, name in enumerate(names)},
        "images": [
            {
                "file": image,
                "detections": [
                    {"category": str(names.index(name)), "conf": 0.9, "bbox": boxes[name]}
                    for name in classes
                ],
            }
            for image, classes in found.items()
        ],
    }
    file.write_text(json.dumps(results), encoding="utf-8")
    with seat.server.open() as owner:
        imported = owner.import_results(file, "megadetector", project=project)
        owner.wait_for_import(imported.id, timeout_s=60)


def read_colours(page: Page, url: str, often: list[str]) -> dict[str, str]:
    """Return the colour of each class with a box, when the most frequent ones differ."""
    page.goto(url)
    wait_for_picture(page)
    # The classes of the project can arrive after the image.
    colours: dict[str, str] = page.wait_for_function(READ_COLOURS, arg=often).json_value()
    return colours


def test_the_twelve_most_frequent_classes_have_colours_of_their_own(
    tab: Watched, seat: Seat, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number, file in enumerate(files):
        Image.new("RGB", (400, 300), (40 + number, 50, 60)).save(file)
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name="Many classes")).id
        owner.upload_images(files, project=project)
        images: dict[str, UUID] = {
            one.filename: one.id for one in owner.list_images(project=project).results
        }
    often = [*FREQUENT, "person", "vehicle"]
    import_classes(seat, project, tmp_path / "first.json", {"0.jpg": often + RARE, "1.jpg": often})
    viewer = f"{seat.server.base_url}/projects/{project}/images/{images['0.jpg']}"
    colours = read_colours(tab.page, viewer, often)
    assert len({colours[name] for name in often}) == 12
    assert (colours["person"], colours["vehicle"]) == (PERSON, VEHICLE)

    # The order among the twelve changes, and no colour with it.
    import_classes(
        seat, project, tmp_path / "second.json", {"2.jpg": often[6:], "3.jpg": often[9:]}
    )
    assert read_colours(tab.page, viewer, often) == colours

    # The same colours on other screens.
    page = tab.open(f"/projects/{project}")
    bars = page.locator(".class-bars a")
    expect(bars).to_have_count(7)
    for bar in bars.all():
        name = bar.locator("span:not(.dot)").inner_text()
        expect(bar.locator(".dot")).to_have_css("background-color", colours[name])
    tab.expect_nothing_wrong()
