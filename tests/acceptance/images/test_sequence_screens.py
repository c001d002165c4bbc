"""Sequences as strips that play, and what a clock's offset does, seen before it is set."""

import io
import time
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.deployments import NewDeployment
from trapline.wire.projects import NewProject


def test_a_visit_is_a_strip_that_plays_and_a_clock_is_set_and_set_back(
    tab: Watched, seat: Seat
) -> None:
    project, scene = f"/projects/{seat.scene.project}", seat.scene
    with seat.server.open() as client:
        images = client.list_images(project=scene.project, deployment=str(scene.deployment)).results
        first = min(image.captured_at for image in images)
        near = [first + timedelta(seconds=number) for number in range(len(images))]
        for image, moment in zip(images, near, strict=True):
            client.update_images([image.id], captured_at=moment)
        page = tab.open(f"{project}/sequences?least=2")
        deadline = time.monotonic() + 30
        # The images are dated one by one: some of them are grouped before the others.
        while page.locator(".sequence-tile").count() != len(images):
            assert time.monotonic() < deadline, "the images were not grouped"
            page.reload()
            page.locator(".sequence, .empty").first.wait_for()
        expect(page.locator(".sequence")).to_have_count(1)
        with seat.tab("phone") as phone:
            phone.open(f"{project}/sequences")
            phone.page.locator(".sequence-tile").first.wait_for()
            assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
        page.get_by_role("button", name="Play").click()
        # A playing sequence changes its frame often, so each frame is checked.
        page.wait_for_function(
            "words => document.body.innerText.includes(words)", arg=f"2 of {len(images)}"
        )
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("link", name="Show in the grid").click()
        page.locator(".tile[data-image-id]").first.wait_for()
        # The icon is before the number of images, and does not cover it.
        expect(page.locator(".tile-sequence svg").first).to_have_css("width", "13px")
        assert "sequence=" in page.url
        client.update_images([image.id for image in images], as_read=True)

        page = tab.open(f"{project}/deployments/{scene.deployment}")
        offset = page.get_by_label("Clock offset, seconds")
        offset.fill("3600")
        moved = page.locator(".clock-preview li").first
        expect(moved).to_contain_text("→")
        said = [
            # Only the distance counts.
            datetime.strptime(part.strip(), "%d/%m/%Y, %H:%M:%S")  # noqa: DTZ007
            for part in moved.inner_text().split("→")
        ]
        assert [later - earlier for earlier, later in pairwise(said)] == [timedelta(hours=1)]
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert min(
            image.captured_at for image in client.list_images(project=scene.project).results
        ) == first + timedelta(hours=1)
        tab.open(f"{project}/deployments/{scene.deployment}")
        page.get_by_role("button", name="Restore 0 s").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert (
            min(image.captured_at for image in client.list_images(project=scene.project).results)
            == first
        )
    tab.expect_nothing_wrong()


def test_a_long_sequence_stays_inside_the_screen_of_a_phone(seat: Seat, tmp_path: Path) -> None:
    for second in range(12):
        exif, out = Image.Exif(), io.BytesIO()
        exif.get_ifd(0x8769)[0x9003] = f"2026:05:01 10:00:{second:02}"
        Image.new("RGB", (640, 480), (second, 90, 60)).save(out, "JPEG", exif=exif)
        (tmp_path / f"{second:02}.jpg").write_bytes(out.getvalue())
    with seat.server.open() as client:
        project = client.create_project(NewProject(name="One long visit")).id
        place = client.create_deployment(
            NewDeployment(project=project, name="Ford", time_zone="Europe/Berlin")
        )
        client.upload_images(tmp_path, deployment=place.id)
        wait_for(
            "one sequence of all images",
            lambda: [one.images for one in client.list_sequences(project=project).results] == [12],
        )
    with seat.tab("phone") as phone:
        page = phone.open(f"/projects/{project}/sequences")
        page.locator(".sequence-tile").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        # The strip is several screens long and scrolls within the list.
        assert (
            page.locator(".sequence-row").evaluate("row => row.scrollWidth - row.clientWidth") > 390
        )
        phone.expect_nothing_wrong()


def test_deployments_come_in_as_a_sheet_and_what_is_wrong_is_said_by_line(
    tab: Watched, seat: Seat, tmp_path: Path
) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/deployments")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("name,latitude\nBy sheet,north\n", encoding="utf-8")
    page.get_by_test_id("sheet").set_input_files(sheet)
    expect(page.get_by_role("dialog")).to_contain_text("line 2, latitude: must be a number")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    tab.wrong.clear()  # the browser's word on the answer 422
    sheet.write_text("name,latitude,longitude\nBy sheet,48,8\n", encoding="utf-8")
    page.get_by_test_id("sheet").set_input_files(sheet)
    expect(page.get_by_role("link", name="By sheet")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Export CSV").click()
    assert "By sheet,48.0" in saved.value.path().read_text(encoding="utf-8")
    tab.expect_nothing_wrong()
