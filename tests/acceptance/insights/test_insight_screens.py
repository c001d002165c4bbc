"""The screen Insights: an ecologist's questions, downloads, and projects without events."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import WINDOWS, Watched, open_tab, open_webgl_browser
from tests.support.insight_map import find_place, save_map, without_tiles
from tests.support.signed_in_browser import Seat

from trapline.client import Trapline
from trapline.wire.deployments import NewDeployment
from trapline.wire.identifications import IdentificationKind, NewIdentification
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

START = datetime(2026, 5, 1, tzinfo=UTC)
NIGHTS = 20
SIGHTINGS = {
    "Old oak": ["fox"] * 10 + ["badger"] * 2,
    "Ford": ["fox"] * 2 + ["otter"],
    "Ridge": ["fox"],
}
"""Species by deployment; each image is a day after the one before, so each is an event."""
PLACES = {"Old oak": (48.11, 8.20), "Ford": (48.12, 8.24), "Ridge": (48.15, 8.22)}
MOST_CLICKS = 3
DRAWN_MS = 60_000
"""How long a map may take to be drawn in software on a busy machine."""


@dataclass
class Survey:
    """A project with 16 events of 3 species in 60 camera-nights, and one without images."""

    project: int
    empty: int
    deployments: dict[str, str]

    @property
    def path(self) -> str:
        """The URL of the screen."""
        return f"/projects/{self.project}/insights"


def draw_image(taken: datetime, number: int) -> bytes:
    """Draw an image of one colour with its capture time."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (number * 9 % 256, 80, 90)).save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture(scope="module")
def survey(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Upload the images, and identify each of them."""
    folder: Path = tmp_path_factory.mktemp("survey")
    deployments: dict[str, str] = {}
    species: dict[str, str] = {}
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name="Fox survey")).id
        empty = owner.create_project(NewProject(name="Without images")).id
        for place, (latitude, longitude) in PLACES.items():
            made = owner.create_deployment(
                NewDeployment(
                    project=project,
                    name=place,
                    latitude=latitude,
                    longitude=longitude,
                    time_zone="UTC",
                    started_at=START,
                    ended_at=START + timedelta(days=NIGHTS),
                )
            )
            deployments[place] = str(made.id)
            files = []
            for day, name in enumerate(SIGHTINGS[place]):
                file = folder / f"{place}-{day}.jpg"
                taken = START + timedelta(days=day, hours=20 + day % 4)
                file.write_bytes(draw_image(taken, len(species)))
                species[file.name] = name
                files.append(file)
            owner.upload_images(files, deployment=made.id)
        images = owner.list_images(project=project, limit=100).results
        assert len(images) == len(species)
        owner.create_identifications(
            *(
                NewIdentification(
                    images=[image.id],
                    kind=IdentificationKind.CORRECT,
                    label=species[image.filename],
                )
                for image in images
            )
        )
    return Survey(project, empty, deployments)


@pytest.fixture
def screen(tab: Watched, survey: Survey) -> Page:
    """The screen, as it opens."""
    page = tab.open_whole(survey.path)
    expect(page.get_by_test_id("totals")).to_be_visible()
    return page


class Clicks:
    """Clicks on a page, counted; a choice in a list is two."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def link(self, name: str) -> None:
        """Click a link."""
        self.page.get_by_role("link", name=name).first.click()
        self.count += 1

    def part(self, name: str) -> None:
        """Open a part of the screen."""
        tabs = self.page.get_by_role("navigation", name="Insights")
        tabs.get_by_role("link", name=name, exact=True).click()
        self.count += 1

    def choose(self, label: str, option: str) -> None:
        """Choose in a list."""
        self.page.get_by_label(label, exact=True).first.select_option(label=option)
        self.count += 2


def test_ten_questions_are_answered_in_three_clicks(
    tab: Watched, survey: Survey, screen: Page
) -> None:
    row = screen.locator(".species-table tbody tr", has=screen.get_by_role("link", name="fox"))
    asks: list[tuple[str, Clicks]] = []

    def ask(question: str) -> Clicks:
        tab.open_whole(survey.path)
        clicks = Clicks(screen)
        asks.append((question, clicks))
        return clicks

    ask("Which species, how many events, how much effort?")
    expect(screen.get_by_test_id("totals")).to_contain_text(
        "16 events of 3 species in 60 camera-nights at 3 deployments."
    )
    ask("How often is a species at each deployment?")
    # In 20 nights each: 2 events at Ford, 10 at Old oak and 1 at Ridge.
    expect(row.locator(".species-cell")).to_have_text(["10.0", "50.0", "5.0"])
    ask("How sure is a rate?")
    # 13 events in 60 nights; an interval needs 10 deployments.
    expect(row.locator(".species-rate")).to_contain_text("21.7")
    expect(screen.get_by_text("at least 10 deployments").first).to_be_visible()
    ask("At which hours is it active?")
    expect(screen.get_by_label("Activity of fox by hour of the day")).to_be_visible()
    ask("Where is it?").choose("Species on the map", "otter")
    expect(screen.get_by_label("Map of the rate of otter at each deployment")).to_be_visible()
    expect(screen.locator("[data-panel=map] tbody tr").first).to_have_text(re.compile("Ford.*5.0"))
    ask("Which images are these?").link("fox, Ford")
    expect(screen.locator(".tile[data-image-id]")).to_have_count(2)
    ask("Have all species been found?").part("Species")
    expect(screen.get_by_test_id("chao2")).to_contain_text("3 of them observed")
    ask("When did the cameras record?").part("Effort")
    expect(screen.locator("[data-panel=timeline] .chart-frame svg")).to_be_visible()
    ask("What is it without one deployment?").choose("Deployment", "Ford")
    expect(screen.get_by_test_id("totals")).to_contain_text(
        "3 events of 2 species in 20 camera-nights at 1 deployment."
    )
    ask("Which camera needs a visit next?").part("Camera health")
    expect(screen.locator("[data-panel=health] tbody tr")).to_have_count(3)
    asked = {question: clicks.count for question, clicks in asks}
    assert len(asked) == 10
    assert max(asked.values()) <= MOST_CLICKS, asked


def test_species_over_time_are_shown_by_period(tab: Watched, survey: Survey) -> None:
    page = tab.open_whole(f"{survey.path}/species?step=week")
    panel = page.locator("[data-panel=trends]")
    expect(panel.get_by_label("Number of species in each period")).to_be_visible()
    expect(panel.locator("[data-chart=drawn] svg")).to_be_visible()
    panel.get_by_role("button", name="Show table").click()
    cells = panel.locator(".chart-table tbody td")
    # 1 May 2026 is a Friday: 3 cameras for 3 days, then for 2 whole weeks, then for 3 days. The
    # otter came on the third day, the badger on the eleventh.
    weeks = (
        "2026-04-27 9 7 2 2",
        "2026-05-04 21 7 1 0",
        "2026-05-11 21 2 1 1",
        "2026-05-18 9 0 0 0",
    )
    expect(cells).to_have_text(" ".join(weeks).split())
    panel.get_by_label("Values over time").select_option(label="Rate of badger")
    expect(panel.get_by_label("Events of badger per 100 camera-nights").first).to_be_visible()
    weeks = ("2026-04-27 9 0 0", "2026-05-04 21 0 0", "2026-05-11 21 2 9.5", "2026-05-18 9 0 0")
    expect(cells).to_have_text(" ".join(weeks).split())


def test_a_chart_has_a_table_and_downloads(tab: Watched, screen: Page) -> None:
    panel = screen.locator("[data-panel=activity]")
    expect(panel.locator("[data-chart=drawn] svg")).to_be_visible()
    panel.get_by_label("Compare with").select_option(label="badger")
    expect(panel).to_contain_text("badger: 2 events. At least 10 are needed for a curve.")
    expect(panel).to_contain_text("Clock time in the zone of each deployment.")
    panel.get_by_label("Time of day").select_option(label="Solar time")
    expect(panel).to_contain_text("Solar time: sunrise is 6:00 and sunset is 18:00.")
    expect(panel.locator("[data-chart=drawn] svg")).to_be_visible()
    panel.get_by_role("button", name="Show table").focus()
    screen.keyboard.press("Enter")
    rows = panel.locator(".chart-table tbody tr")
    expect(rows).to_have_count(24)
    counts = rows.locator("td:nth-child(2)").all_inner_texts()
    assert sum(map(int, counts)) == 13
    for name, first in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with screen.expect_download() as saved:
            panel.get_by_role("button", name=f"Download {name}").click()
        content = Path(saved.value.path()).read_bytes()
        assert content.startswith(first)
        assert b"var(" not in content or name == "PNG"
    link = screen.locator("[data-panel=species-table]").get_by_label("Download CSV")
    table = screen.request.get(tab.base_url + str(link.get_attribute("href")))
    assert table.ok, table.text()
    assert table.headers["content-disposition"].startswith("attachment")
    assert b"badger" in table.body()


def test_no_barrier_in_any_part_and_the_screen_is_never_wider_than_the_window(
    tab: Watched, survey: Survey
) -> None:
    axe = read_axe()
    found: list[str] = []
    looks = [("phone", "dark"), ("laptop", "light"), ("phone", "light"), ("large", "dark")]
    parts = ("", "/activity", "/species", "/effort", "/map", "/quality", "/health")
    for number, part in enumerate(parts):
        size, colours = looks[number % len(looks)]
        width, height = WINDOWS[size]
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.emulate_media(
            color_scheme="dark" if colours == "dark" else "light", reduced_motion="reduce"
        )
        page = tab.open_whole(survey.path + part)
        found.extend(f"{part}, {size}, {colours}: {said}" for said in find_barriers(page, axe))
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{part} is {wider} px wider than the window"
    assert not found, "\n".join(found)


def import_results(owner: Trapline, survey: Survey, folder: Path) -> None:
    """Import results of a model that finds a fox on 16 images; 13 of them show one."""
    images = owner.list_images(project=survey.project, limit=100).results
    content = {
        "info": {"format_version": "1.4"},
        "detection_categories": {"1": "fox"},
        "images": [
            {
                "file": one.filename,
                "detections": [
                    {"category": "1", "conf": 0.5 + number / 100, "bbox": [0.1, 0.1, 0.5, 0.5]}
                ],
            }
            for number, one in enumerate(images)
        ],
    }
    file = folder / "results.json"
    file.write_text(json.dumps(content))
    made = owner.import_results(
        file, "megadetector", project=survey.project, model_name="fox-net", model_version="1"
    )
    done = owner.wait_for_import(made.id)
    assert done.state == "completed", done


def test_quality_names_bias_and_a_random_sample_opens_in_the_review(
    seat: Seat, tab: Watched, survey: Survey, tmp_path: Path
) -> None:
    with seat.server.open() as owner:
        import_results(owner, survey, tmp_path)
    page = tab.open_whole(f"{survey.path}/quality")
    row = page.locator("[data-panel=quality] tbody tr", has_text="fox")
    # 13 of 16 are correct, and all reviews are of images that a person chose.
    expect(row).to_contain_text("81 % biased")
    expect(page.get_by_test_id("threshold")).to_contain_text("Threshold 0.5")
    expect(page.locator("[data-panel=reliability] [data-chart=drawn] svg")).to_be_visible()
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0
    assert not find_barriers(page, read_axe())
    with page.expect_response("**/audit-samples**") as created:
        row.get_by_role("button", name="more", exact=False).click()
    sample = created.value.json()
    assert (sample["kind"], sample["items"]) == ("random_audit", 16)
    page.wait_for_url(f"**/review?set={sample['id']}*")
    page = tab.open_whole(f"{survey.path}/quality")
    expect(page.get_by_role("link", name="Continue random sample of fox (0 of 16)")).to_be_visible()


def test_without_events_the_screen_names_the_next_step(tab: Watched, survey: Survey) -> None:
    page = tab.open_whole(f"/projects/{survey.empty}/insights")
    expect(page.get_by_role("heading", name="No events yet")).to_be_visible()
    expect(page.get_by_role("link", name="Review images")).to_be_visible()
    page = tab.open_whole(f"{survey.path}?from=2030-01-01")
    page.locator(".empty").get_by_role("button", name="Clear filters").click()
    expect(page.get_by_test_id("totals")).to_contain_text("16 events")


@pytest.fixture(scope="module")
def drawing_tab(seat: Seat) -> Iterator[Watched]:
    """A signed-in tab that draws maps."""
    with (
        open_webgl_browser(seat.browser) as browser,
        open_tab(browser, seat.server.base_url, state=seat.state) as tab,
    ):
        yield tab


def open_map(tab: Watched, survey: Survey) -> tuple[Page, Locator]:
    """Open the map, and wait until it is drawn."""
    page = tab.open(f"{survey.path}/map")
    drawn = page.locator("[data-map=drawn]")
    expect(drawn).to_be_visible(timeout=DRAWN_MS)
    return page, drawn


def test_the_map_has_circles_at_the_places_and_a_list(drawing_tab: Watched, survey: Survey) -> None:
    drawing_tab.page.route("**/insights/map", without_tiles)
    page, drawn = open_map(drawing_tab, survey)
    drawing_tab.page.unroute("**/insights/map")
    # Water or land, circles with their edges, and labels.
    assert len(save_map(page).getcolors(1_000_000) or ()) > 20
    panel = page.locator("[data-panel=map]")
    for place, text in (
        ("Ridge", "5.0 per 100 camera-nights, 1 event"),
        ("Old oak", "60.0 per 100 camera-nights, 12 events"),
    ):
        x, y = find_place(drawn, PLACES, place)
        drawn.click(position={"x": x, "y": y})
        expect(panel.locator(".rate-chosen")).to_contain_text(f"{place} {text}")
    expect(panel).to_contain_text("Natural Earth")
    page.get_by_label("Species on the map").select_option(label="otter")
    expect(panel.locator(".rate-chosen")).to_contain_text("Old oak 0.0 per 100")
    # By keys: a deployment of the list is selected on the map, and the map is zoomed.
    page.get_by_role("button", name="Show list").press("Enter")
    expect(panel.locator("tbody tr")).to_have_text(
        [re.compile("Ford.*5.0.*1"), re.compile("Old oak.*0.0"), re.compile("Ridge.*0.0")]
    )
    panel.get_by_role("button", name="Ford").press("Enter")
    expect(panel.locator(".rate-chosen")).to_contain_text("Ford 5.0 per 100 camera-nights, 1 event")
    scale = panel.locator(".maplibregl-ctrl-scale")
    before = scale.inner_text()
    panel.get_by_role("region", name="Map. Arrow keys").press("+")
    expect(scale).not_to_have_text(before)
    panel.get_by_role("link", name="See images").click()
    expect(page.locator(".tile[data-image-id]")).to_have_count(1)
    drawing_tab.expect_nothing_wrong()


def test_the_map_shows_the_tiles_of_the_operator(drawing_tab: Watched, survey: Survey) -> None:
    page, _ = open_map(drawing_tab, survey)
    expect(page.locator("[data-panel=map]")).to_contain_text("One red tile (example.org/licence)")
    colours = save_map(page).getcolors(1_000_000) or []
    pixel = max(colours)[1]
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    assert red > 2 * max(green, blue), "the tile of the whole world is red"
    drawing_tab.expect_nothing_wrong()


def test_without_webgl_or_its_code_the_list_is_shown(
    tab: Watched, drawing_tab: Watched, survey: Survey
) -> None:
    loaded: list[str] = []
    tab.page.on("request", lambda request: loaded.append(request.url))
    drawing_tab.page.route("**/assets/mapLibre*.js", lambda route: route.abort())
    for page in (tab.open(f"{survey.path}/map"), drawing_tab.open(f"{survey.path}/map")):
        panel = page.locator("[data-panel=map]")
        expect(panel).to_contain_text("cannot draw the map")
        expect(panel.locator("tbody tr")).to_have_text(
            [re.compile("Old oak.*60.0"), re.compile("Ford.*15.0"), re.compile("Ridge.*5.0")]
        )
    drawing_tab.wrong.clear()  # the request that was refused
    assert not [url for url in loaded if "mapLibre" in url or "land-" in url]
