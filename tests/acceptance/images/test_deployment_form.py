"""The form of a deployment: its place, its period, its time zone, and messages for what cannot be."""

import json
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.image_factory import make_jpeg
from tests.support.signed_in_browser import Seat

from trapline.wire.deployments import Deployment, DeploymentUpdate, NewDeployment
from trapline.wire.projects import NewProject


def test_a_form_keeps_the_period_and_the_uncertainty_of_a_deployment(
    tab: Watched, seat: Seat
) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/deployments/new")
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("Beech hollow")
    form.get_by_label("Latitude").fill("52.52")
    expect(form.get_by_text("Missing: enter it as well, or clear the latitude.")).to_be_visible()
    expect(form.get_by_role("button", name="Add deployment")).to_be_disabled()
    form.get_by_label("Longitude").fill("13.4")
    form.get_by_text("More settings").click()
    form.get_by_label("Start").fill("2026-05-02T06:00:00")
    form.get_by_label("End").fill("2026-05-01T06:00:00")
    expect(form.get_by_text("The end is before the start.")).to_be_visible()
    expect(form.get_by_role("button", name="Add deployment")).to_be_disabled()
    form.get_by_label("End").fill("2026-06-01T06:00:00")
    form.get_by_label("Coordinate uncertainty, metres").fill("-5")
    expect(form.get_by_text("A number of metres, 0 or more.")).to_be_visible()
    form.get_by_label("Coordinate uncertainty, metres").fill("12.5")
    form.get_by_role("button", name="Add deployment").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    def find() -> Deployment:
        with seat.server.open() as client:
            return next(
                one
                for one in client.list_deployments(seat.scene.project)
                if one.name == "Beech hollow"
            )

    made = find()
    assert (made.time_zone, made.time_zone_source) == ("Europe/Berlin", "coordinates")
    assert (made.coordinate_uncertainty_m, made.started_at is None, made.ended_at is None) == (
        12.5,
        False,
        False,
    )
    page = tab.open(f"/projects/{seat.scene.project}/deployments/{made.id}")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Coordinate uncertainty, metres")).to_have_value("12.5")
    form.get_by_label("Start").fill("2026-05-03T08:00:00")
    form.get_by_label("End").fill("")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    changed = find()
    assert (changed.started_at, changed.ended_at) == (datetime(2026, 5, 3, 6, tzinfo=UTC), None)
    assert changed.time_zone_source == "coordinates", "a field that was not changed is not sent"
    tab.expect_nothing_wrong()


def upload_in_utc(seat: Seat, folder: Path, name: str, **place: float) -> tuple[int, Deployment]:
    """Make a project with a deployment without a zone whose camera took an image on 1 July at 12:00 by its clock."""
    folder.mkdir()
    (folder / "1.jpg").write_bytes(make_jpeg(1, taken=datetime(2026, 7, 1, 12)))  # noqa: DTZ001 - a camera's clock
    with seat.server.open() as client:
        project = client.create_project(NewProject(name=name)).id
        made = client.create_deployment(NewDeployment(project=project, name=name))
        client.upload_images(folder, deployment=made.id)
        if place:
            client.update_deployment(made.id, DeploymentUpdate.model_validate(place))
        return project, client.get_deployment(made.id)


def read_time(seat: Seat, project: int) -> tuple[datetime, str]:
    with seat.server.open() as client:
        [image] = client.list_images(project=project).results
    return image.captured_at, image.time_zone


def test_a_press_corrects_times_that_were_read_as_utc(
    tab: Watched, seat: Seat, tmp_path: Path
) -> None:
    project, _ = upload_in_utc(seat, tmp_path / "card", "Warned", latitude=52.52, longitude=13.4)
    page = tab.open(f"/projects/{project}/deployments")
    warning = page.get_by_test_id("zone-warning")
    expect(warning).to_contain_text("The times of this camera were read as UTC.")
    warning.get_by_role("button", name="Set Europe/Berlin and correct all times").click()
    expect(warning).to_have_count(0)
    assert read_time(seat, project) == (datetime(2026, 7, 1, 10, tzinfo=UTC), "Europe/Berlin")
    tab.expect_nothing_wrong()


def test_the_form_dates_images_again_in_a_zone_that_is_entered(
    tab: Watched, seat: Seat, tmp_path: Path
) -> None:
    project, made = upload_in_utc(seat, tmp_path / "card", "Without coordinates")
    page = tab.open(f"/projects/{project}/deployments")
    page.get_by_test_id("zone-warning").get_by_role("link", name="Set the time zone").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Time zone").fill("Europe/Lisbon")
    expect(form.get_by_label("Update capture times of 1 image to this time zone")).to_be_checked()
    expect(form.locator(".clock-preview li")).to_contain_text("→")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert read_time(seat, project) == (datetime(2026, 7, 1, 11, tzinfo=UTC), "Europe/Lisbon")
    page = tab.open(f"/projects/{project}/deployments/{made.id}")
    page.get_by_role("button", name="Restore UTC").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert read_time(seat, project) == (datetime(2026, 7, 1, 12, tzinfo=UTC), "UTC")
    page.get_by_test_id("zone-warning").get_by_role(
        "button", name="The camera's clock is in UTC"
    ).click()
    expect(page.get_by_test_id("zone-warning")).to_have_count(0)
    assert read_time(seat, project) == (datetime(2026, 7, 1, 12, tzinfo=UTC), "UTC")
    tab.expect_nothing_wrong()


def test_the_command_line_warns_and_corrects(seat: Seat, tmp_path: Path) -> None:
    project, _ = upload_in_utc(
        seat, tmp_path / "card", "By command", latitude=52.52, longitude=13.4
    )
    within = ("By command", "--project", str(project))
    shown = seat.server.run("deployment", "show", *within)
    assert "UTC (by default)" in shown.stdout
    advice = "trapline deployment clock 'By command' --time-zone Europe/Berlin --apply"
    assert advice in shown.stderr
    preview = seat.server.run("deployment", "clock", *within, "--time-zone", "Europe/Berlin")
    assert preview.stdout.startswith("1 images would move;")
    assert read_time(seat, project)[1] == "UTC"
    done = seat.server.run(
        "deployment", "clock", *within, "--time-zone", "Europe/Berlin", "--apply"
    )
    assert "Warning" not in done.stderr
    assert read_time(seat, project) == (datetime(2026, 7, 1, 10, tzinfo=UTC), "Europe/Berlin")
    assert "Europe/Berlin (given)" in seat.server.run("deployment", "show", *within).stdout
    seat.server.run("deployment", "clock", *within, "--undo")
    assert read_time(seat, project)[1] == "UTC"
    kept = seat.server.run("deployment", "update", *within, "--time-zone", "UTC")
    assert "Warning" not in kept.stderr
    seat.server.run(
        "deployment", "update", *within, "--time-zone", "Europe/Berlin", "--redate-images"
    )
    assert read_time(seat, project)[1] == "Europe/Berlin"
    found = json.loads(
        seat.server.run("deployment", "create", "Fiji", "--project", str(project), "--lat", "-17.8", "--lon", "178",
            "--uncertainty", "30", "--start", "2026-05-01", "--end", "2026-06-01", "--json").stdout
    )  # fmt: skip
    assert (found["time_zone"], found["time_zone_source"]) == ("Pacific/Fiji", "coordinates")
    reversed_ = seat.server.run(
        "deployment",
        "update",
        "Fiji",
        "--project",
        str(project),
        "--end",
        "2026-04-01",
        check=False,
    )
    assert (reversed_.returncode, "is before started_at" in reversed_.stderr) == (4, True), (
        reversed_.stderr
    )
