"""The form of a deployment: its place, its period, its time zone, and messages for what cannot be."""

from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.acceptance.browsing import Watched
from tests.acceptance.seat import Seat
from trapline.wire.deployments import Deployment


def test_a_form_keeps_the_period_and_the_uncertainty_of_a_deployment(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/deployments/new")
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("Beech hollow")
    form.get_by_label("Latitude").fill("52.52")
    expect(form.get_by_text("Missing: enter it as well, or clear the latitude.")).to_be_visible()
    expect(form.get_by_role("button", name="Add the deployment")).to_be_disabled()
    form.get_by_label("Longitude").fill("13.4")
    form.get_by_text("More settings").click()
    form.get_by_label("Start").fill("2026-05-02T06:00:00")
    form.get_by_label("End").fill("2026-05-01T06:00:00")
    expect(form.get_by_text("The end is before the start.")).to_be_visible()
    expect(form.get_by_role("button", name="Add the deployment")).to_be_disabled()
    form.get_by_label("End").fill("2026-06-01T06:00:00")
    form.get_by_label("Coordinate uncertainty, metres").fill("-5")
    expect(form.get_by_text("A number of metres, 0 or more.")).to_be_visible()
    form.get_by_label("Coordinate uncertainty, metres").fill("12.5")
    form.get_by_role("button", name="Add the deployment").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    def find() -> Deployment:
        with seat.server.open() as client:
            return next(one for one in client.list_deployments(seat.scene.project) if one.name == "Beech hollow")

    made = find()
    assert (made.time_zone, made.time_zone_source) == ("Europe/Berlin", "coordinates")
    assert (made.coordinate_uncertainty_m, made.started_at is None, made.ended_at is None) == (12.5, False, False)
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
