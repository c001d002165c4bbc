"""The form of a deployment: its location, period and time zone, and messages for invalid values."""

import json
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.deployment_values import FULL
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
    # Two times with seconds do not fit next to each other in every dialog.
    start, end = (form.get_by_label(name).bounding_box() for name in ("Start", "End"))
    assert start is not None
    assert end is not None
    is_left = start["x"] + start["width"] <= end["x"]
    assert is_left or start["y"] + start["height"] <= end["y"]
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


TYPED: dict[str, tuple[str, str]] = {
    "name": ("Name", "Kaltenbach ford"), "latitude": ("Latitude", "-47.1234567"),
    "longitude": ("Longitude", "11.25"), "time_zone": ("Time zone", "Europe/Berlin"),
    "coordinate_uncertainty_m": ("Coordinate uncertainty, metres", "12"),
    "clock_offset_s": ("Clock offset, seconds", "0"), "camera": ("Camera ID", "P800HG08192031"),
    "habitat": ("Habitat", "beech forest, wet"), "notes": ("Notes", "=by the ford, 3 m above it"),
    "started_at": ("Start", "2020-03-01T23:00:00"), "ended_at": ("End", "2099-04-02T00:30:15"),
    "setup_by": ("Set up by", "Ada Lovelace | Field team"),
    "pickup_by": ("Picked up by", "Grace Hopper | Second team"),
    "camera_model": ("Camera model", "Reconyx-PC800"),
    "camera_delay_s": ("Camera delay, seconds", "120"),
    "camera_height_m": ("Camera height, metres", "1.25"),
    "camera_depth_m": ("Camera depth, metres", ""),
    "camera_tilt_deg": ("Camera tilt, degrees", "-10"),
    "camera_heading_deg": ("Camera heading, degrees", "225"),
    "detection_distance_m": ("Detection distance, metres", "9.5"),
    "timestamp_issues": ("Timestamp issues", "No"), "bait_use": ("Bait", "Yes"),
    "feature_type": ("Feature", "Water source"),
    "groups": ("Groups", "season:winter 2026 | grid:A1"),
    "tags": ("Tags", "forest edge | bait:food"),
    "inactive_periods": (
        "Inactive periods",
        "2026-05-01T02:00:00/2026-05-03T14:00:00 stolen\n2026-06-01T02:00:00/2026-06-01T02:00:00",
    ),
}  # fmt: skip
"""The label of each field of FULL, and its value as text in the form."""
CHOICES = {"timestamp_issues": "false", "bait_use": "true", "feature_type": "waterSource"}
SHOWN = CHOICES | {"started_at": "2020-03-01T23:00"}
"""The values of controls that differ from the text; browsers leave out seconds that are zero."""


def test_a_form_stores_and_shows_each_field(tab: Watched, seat: Seat) -> None:
    assert set(TYPED) == set(FULL)
    page = tab.open(f"/projects/{seat.scene.project}/deployments/new")
    form = page.get_by_role("dialog")
    form.get_by_text("More settings").click()
    for name, (label, text) in TYPED.items():
        control = form.get_by_label(label, exact=True)
        if name in CHOICES:
            control.select_option(label=text)
        else:
            control.fill(text)
    form.get_by_label("Camera depth, metres").fill("1")
    expect(form.get_by_text("A camera has a height or a depth, not both.")).to_be_visible()
    form.get_by_label("Camera depth, metres").fill("")
    form.get_by_label("Camera height, metres").fill("1,25")
    form.get_by_role("button", name="Add deployment").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with seat.server.open() as client:
        listed = client.list_deployments(seat.scene.project)
        made = next(one for one in listed if one.name == FULL["name"])
    shown = made.model_dump(mode="json")
    assert {name: shown[name] for name in FULL} == FULL
    page = tab.open(f"/projects/{seat.scene.project}/deployments/{made.id}")
    form = page.get_by_role("dialog")
    for name, (label, text) in TYPED.items():
        expect(form.get_by_label(label, exact=True)).to_have_value(SHOWN.get(name, text))
    form.get_by_label("Tags", exact=True).fill("")
    form.get_by_label("Bait", exact=True).select_option(label="Unknown")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with seat.server.open() as client:
        changed = client.get_deployment(made.id).model_dump(mode="json")
    expected = FULL | {"tags": [], "bait_use": None}
    assert {name: changed[name] for name in FULL} == expected
    tab.expect_nothing_wrong()


def upload_in_utc(seat: Seat, folder: Path, name: str, **place: float) -> tuple[int, Deployment]:
    """Create a project with a deployment without a zone and an image of 1 July, 12:00."""
    folder.mkdir()
    taken = datetime(2026, 7, 1, 12)  # noqa: DTZ001 - a camera's clock
    (folder / "1.jpg").write_bytes(make_jpeg(1, taken=taken))
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
    shown = seat.server.call("deployment", "show", *within)
    assert "UTC (by default)" in shown.stdout
    advice = "trapline deployment clock 'By command' --time-zone Europe/Berlin --apply"
    assert advice in shown.stderr
    preview = seat.server.call("deployment", "clock", *within, "--time-zone", "Europe/Berlin")
    assert preview.stdout.startswith("The capture times of 1 images would change.")
    assert read_time(seat, project)[1] == "UTC"
    done = seat.server.call(
        "deployment", "clock", *within, "--time-zone", "Europe/Berlin", "--apply"
    )
    assert "Warning" not in done.stderr
    assert read_time(seat, project) == (datetime(2026, 7, 1, 10, tzinfo=UTC), "Europe/Berlin")
    assert "Europe/Berlin (given)" in seat.server.call("deployment", "show", *within).stdout
    seat.server.call("deployment", "clock", *within, "--undo")
    assert read_time(seat, project)[1] == "UTC"
    kept = seat.server.call("deployment", "update", *within, "--time-zone", "UTC")
    assert "Warning" not in kept.stderr
    seat.server.call(
        "deployment", "update", *within, "--time-zone", "Europe/Berlin", "--redate-images"
    )
    assert read_time(seat, project)[1] == "Europe/Berlin"
    found = json.loads(
        seat.server.call(
            "deployment",
            "create",
            "Fiji",
            "--project",
            str(project),
            "--lat",
            "-17.8",
            "--lon",
            "178",
            "--uncertainty",
            "30",
            "--start",
            "2026-05-01",
            "--end",
            "2026-06-01",
            "--json",
        ).stdout
    )
    assert (found["time_zone"], found["time_zone_source"]) == ("Pacific/Fiji", "coordinates")
    reversed_ = seat.server.call(
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
