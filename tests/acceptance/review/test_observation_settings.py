"""The settings of observations in a browser: preview, save, progress, and what lists show then."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import Watched
from tests.support.filter_bar import find_option, open_filter
from tests.support.known_image_project import Scene, make_scene
from tests.support.populated_project import write_results
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.observation_settings import ObservationSettings, ObservationSettingsChange

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.fixture(scope="module")
def scene(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A project with a faint badger and a sure lynx, and a second pipeline."""
    folder = tmp_path_factory.mktemp("thresholds")
    made = make_scene(seat.server, folder, "Thresholds")
    file = folder / "field.json"
    file.write_text(json.dumps(write_results("wide.jpg")))
    with seat.server.open() as owner:
        imported = owner.import_results(file, "megadetector", project=made.project)
        owner.wait_for_import(imported.id, timeout_s=60)
    return made


@pytest.fixture
def settings(seat: Seat, scene: Scene) -> Iterator[None]:
    """Restore the settings of a new project after the test."""
    yield
    apply(seat, scene, detection_threshold=0.2, classification_threshold=0.5, class_thresholds={})


def apply(seat: Seat, scene: Scene, **values: object) -> None:
    """Change the settings, and wait until they are applied."""
    with seat.server.open() as owner:
        change = ObservationSettingsChange.model_validate(values)
        owner.change_observation_settings(scene.project, change)
        wait_for(
            "the observations",
            lambda: owner.get_observation_settings(scene.project).progress is None,
        )


def show(seat: Seat, scene: Scene) -> ObservationSettings:
    with seat.server.open() as owner:
        return owner.get_observation_settings(scene.project)


def open_settings(tab: Watched, project: int) -> Page:
    page = tab.open_whole(f"/projects/{project}/settings/observations")
    page.get_by_test_id("observation-settings").wait_for()
    return page


def read_row(page: Page, name: str) -> list[str]:
    return page.locator(f'[data-preview-class="{name}"] .number').all_inner_texts()


@pytest.mark.usefixtures("settings")
def test_a_threshold_is_previewed_saved_and_applied(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = open_settings(tab, scene.project)
    form = page.get_by_test_id("observation-settings")
    expect(form.get_by_role("button", name="Save and apply")).to_be_disabled()
    form.get_by_label("Detection threshold, %").fill("10")
    form.get_by_label("Classification threshold, %").fill("12")
    form.get_by_role("button", name="Preview").click()
    preview = page.get_by_test_id("preview")
    expect(preview).to_contain_text("2 images would show something else.")
    assert read_row(page, "badger") == ["0", "2", "+2"]
    expect(preview).to_be_focused()
    assert show(seat, scene).detection_threshold == 0.2, "a preview changes nothing"

    form.get_by_label("Detection threshold, %").fill("11")
    expect(preview).to_contain_text("The settings were edited after this preview.")
    form.get_by_label("Detection threshold, %").press("Enter")
    expect(page.get_by_test_id("build")).to_contain_text("New settings are being applied")
    expect(page.get_by_text("The new settings are applied.")).to_be_visible()
    expect(page.get_by_test_id("build")).to_have_count(0)
    expect(form.get_by_label("Detection threshold, %")).to_have_value("11")
    stored = show(seat, scene)
    assert (stored.detection_threshold, stored.classification_threshold) == (0.11, 0.12)
    page.get_by_role("link", name="Images", exact=True).click()
    badger = find_option(open_filter(page, "Species"), "badger")
    expect(badger).to_have_text("badger2")


@pytest.mark.usefixtures("settings")
def test_a_project_in_which_everything_counts_is_offered_thresholds(
    seat: Seat, tab: Watched, scene: Scene
) -> None:
    apply(seat, scene, detection_threshold=0, classification_threshold=0)
    page = open_settings(tab, scene.project)
    offer = page.get_by_test_id("recommendation")
    expect(offer).to_contain_text("Every finding of a model counts")
    offer.get_by_role("button", name="Preview 20 % and 50 %").click()
    expect(page.locator('[data-preview-class="badger"]')).to_be_visible()
    assert read_row(page, "badger") == ["2", "0", "−2"]
    form = page.get_by_test_id("observation-settings")
    expect(form.get_by_label("Detection threshold, %")).to_have_value("20")
    assert show(seat, scene).detection_threshold == 0
    form.get_by_role("button", name="Discard changes").click()
    expect(form.get_by_label("Detection threshold, %")).to_have_value("0")
    form.get_by_label("Detection threshold, %").fill("101")
    form.get_by_role("button", name="Preview").click()
    assert form.get_by_label("Detection threshold, %").evaluate("e => e.validity.rangeOverflow")
    offer.get_by_role("button").click()
    form.get_by_role("button", name="Save and apply").click()
    expect(page.get_by_text("The new settings are applied.")).to_be_visible()
    expect(offer).to_have_count(0)


@pytest.mark.usefixtures("settings")
def test_pipelines_and_classes_are_set_by_keys(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = open_settings(tab, scene.project)
    rows = page.get_by_test_id("pipelines").locator("tbody tr")
    expect(rows).to_have_count(2)
    last = rows.nth(1).get_attribute("data-pipeline")
    first = rows.nth(0).get_attribute("data-pipeline")
    assert {first, last} == {"known", "a detector of the field"}
    page.get_by_role("button", name=f"Move {last} up").focus()
    page.keyboard.press("Enter")
    expect(rows.nth(0)).to_have_attribute("data-pipeline", str(last))
    expect(page.get_by_role("status").filter(has_text="now has priority 1")).to_have_count(1)
    page.get_by_label(f"Use of {first}").select_option(label=f"Replaced by {last}")
    expect(page.get_by_label(f"Use of {last}").locator("option")).to_have_count(3)

    page.get_by_role("button", name="Add class").click()
    page.get_by_label("Class", exact=True).fill("lynx")
    page.get_by_label("Threshold of lynx, %").fill("95")
    page.get_by_role("button", name="Add class").click()
    page.get_by_label("Class", exact=True).nth(1).fill("lynx ")
    fault = "“lynx” has two thresholds. Remove one of them."
    expect(page.get_by_role("alert")).to_have_text(fault)
    expect(page.get_by_role("button", name="Save and apply")).to_be_disabled()
    page.get_by_role("button", name="Remove lynx").nth(1).click()
    page.get_by_label("Labels for blank images").fill("vide, leer")
    page.get_by_label("Expert first").check()
    page.get_by_role("button", name="Save and apply").click()
    expect(page.get_by_text("The new settings are applied.")).to_be_visible()
    stored = show(seat, scene)
    assert [(one.name, one.counts, one.superseded_by) for one in stored.pipelines] == [
        (last, True, None),
        (first, False, last),
    ]
    assert stored.class_thresholds == {"lynx": 0.95}
    assert (stored.blank_labels, stored.rule) == (["vide", "leer"], "expert")
    page.reload()
    expect(page.get_by_label(f"Use of {first}")).to_have_value(f"by:{last}")


@pytest.mark.usefixtures("settings")
def test_a_change_of_another_user_is_not_overwritten(seat: Seat, scene: Scene) -> None:
    with seat.tab() as tab:
        page = open_settings(tab, scene.project)
        page.get_by_label("Review threshold, %").fill("30")
        apply(seat, scene, review_threshold=0.4)
        page.get_by_role("button", name="Save and apply").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert show(seat, scene).review_threshold == 0.4
        page.get_by_role("button", name="Discard changes").click()
        expect(page.get_by_label("Review threshold, %")).to_have_value("40")
        page.get_by_label("Review threshold, %").fill("0")
        page.get_by_role("button", name="Save and apply").click()
        expect(page.get_by_text("The new settings are applied.")).to_be_visible()
        assert show(seat, scene).review_threshold == 0


def test_a_viewer_reads_the_settings_and_changes_nothing(seat: Seat) -> None:
    with seat.as_role("viewer"), seat.tab() as tab:
        page = open_settings(tab, seat.scene.project)
        expect(page.get_by_text("Managers and owners change these settings.")).to_be_visible()
        expect(page.get_by_label("Detection threshold, %")).to_be_disabled()
        expect(page.get_by_role("button", name="Save and apply")).to_have_count(0)
        tab.expect_nothing_wrong()
