"""The export and import pages in a real browser: from filter to file, from file to findings."""

import csv
import json
import re

import pytest
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.filter_bar import find_chip
from tests.support.populated_project import write_results
from tests.support.signed_in_browser import Seat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


def test_the_images_of_the_grid_are_exported_and_downloaded(seat: Seat, tab: Watched) -> None:
    project = f"/projects/{seat.scene.project}"
    page = tab.open(f"{project}/images?class=lynx")
    page.get_by_role("link", name="Export", exact=True).click()
    expect(find_chip(page, "class")).to_contain_text("Species lynx")
    page.get_by_role("radio", name="Table (CSV)").check()
    expect(page.locator("input[name=content][value=observations]")).to_be_checked()
    page.get_by_role("radio", name="Raw model output").check()
    expect(page.get_by_test_id("export-sum")).to_contain_text("2 images")
    page.get_by_role("button", name="Export", exact=True).click()

    page.wait_for_url(re.compile(r"/exports/[0-9a-f-]{36}$"))
    download = page.get_by_role("link", name="Download")
    download.wait_for(timeout=30_000)
    with page.expect_download() as told:
        download.click()
    with told.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["source"] for row in rows} == {"model"}
    expect(page.get_by_text("Raw model output")).to_be_visible()
    assert told.value.suggested_filename.endswith("-observations.csv")
    assert {name for row in rows for name in row.values() if str(name).endswith(".jpg")} >= {
        "wide.jpg",
        "turned.jpg",
    }

    page.get_by_role("link", name="Exports").last.click()
    line = page.locator("[data-export]").first
    expect(line).to_contain_text("showing lynx")
    expect(line.locator("[data-state]")).to_have_text("Ready")
    line.get_by_role("link", name="Table (CSV)").click()
    page.get_by_role("button", name="Export again").click()
    expect(find_chip(page, "class")).to_contain_text("Species lynx")
    expect(page.get_by_role("radio", name="Raw model output")).to_be_checked()
    page.go_back()
    page.get_by_role("button", name="Delete the export").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete export").click()
    expect(page.get_by_role("heading", name="No export yet")).to_be_visible()


def test_a_file_of_results_comes_in_and_its_faults_are_listed(seat: Seat, tab: Watched) -> None:
    project = f"/projects/{seat.scene.project}"
    page = tab.open(f"{project}/imports")
    page.get_by_role("link", name="New import").click()
    body = json.dumps(write_results("wide.jpg", "elsewhere.jpg")).encode()
    page.get_by_test_id("import-file").set_input_files(
        {"name": "megadetector.json", "mimeType": "application/json", "buffer": body}
    )
    expect(page.get_by_test_id("import-drop")).to_contain_text("megadetector.json")
    page.get_by_role("button", name="Import", exact=True).click()

    page.wait_for_url(re.compile(r"/imports/[0-9a-f-]{36}$"))
    expect(page.get_by_test_id("import-now")).to_contain_text(
        "1 image has new results. 1 problem is listed below", timeout=30_000
    )
    expect(page.get_by_test_id("faults").locator("tbody tr")).to_contain_text("elsewhere.jpg")
    page.get_by_role("link", name="Imports").first.click()
    expect(page.locator("[data-import]").first).to_contain_text("MegaDetector results")
    with seat.server.open() as owner:
        found = owner.get_image(seat.scene.images["wide.jpg"].id)
    assert "a detector of the field" in {one.model_name for one in found.analyses}
