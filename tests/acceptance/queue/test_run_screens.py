"""The page of runs in a real browser: presets, image counts, requesters, and the audit log."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.support.browser_session import EACH_SIZE, Watched
from tests.support.known_image_project import work
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.jobs import Job, JobStart, JobUpdate, NewJob
from trapline.wire.presets import NewPreset, PresetUpdate

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

FITS = "document.documentElement.scrollWidth <= innerWidth"
WITHIN = """dialog => {
    const { right } = dialog.querySelector(".form").getBoundingClientRect()
    return [...dialog.querySelectorAll(".form .input, .form .option, .form p")]
        .every(one => one.getBoundingClientRect().right <= right + 1)
}"""
PAGE_OF_AUDIT = 50


@pytest.fixture(autouse=True)
def _without_open_jobs(seat: Seat) -> Iterator[None]:
    """Leave no job waiting: the next test would find its images in the line."""
    yield
    with seat.server.open() as owner:
        for job in owner.list_jobs(seat.scene.project).results:
            if job.status in ("queued", "processing"):
                owner.transition_job(job.id, "cancel")


def make_preset(page: Page, name: str = "night") -> Locator:
    """Make a preset on the page; answers its row."""
    page.get_by_role("button", name="Create preset").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Description (optional)").fill("For pictures by infrared light")
    dialog.get_by_label("Parameters").fill("threshold: 0.4")
    dialog.get_by_label("Priority").select_option("high")
    dialog.get_by_role("button", name="Create preset").click()
    expect(dialog).to_contain_text("This is not a JSON object")
    dialog.get_by_label("Parameters").fill('{"threshold": 0.4}')
    dialog.get_by_role("button", name="Create preset").click()
    row = page.locator(f'[data-preset="{name}"]')
    expect(row).to_be_visible()
    return row


def delete_preset(page: Page, name: str) -> None:
    """Delete a preset on the page."""
    page.get_by_role("button", name=f"Delete {name}").click()
    page.get_by_role("button", name="Delete the preset").click()
    expect(page.locator(f'[data-preset="{name}"]')).to_have_count(0)


def read_job(page: Page, seat: Seat) -> Job:
    """The job whose page is open."""
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    with seat.server.open() as owner:
        return owner.get_job(int(page.url.rsplit("/", 1)[1]))


def is_over(seat: Seat, job: Job) -> bool:
    """Do what is to be done of a job; answers whether that was all."""
    names = {str(image.id): name for name, image in seat.scene.images.items()}
    work(seat.server, seat.scene.worker_token, job, names)
    with seat.server.open() as owner:
        return owner.get_job(job.id).status == "completed"


def test_a_preset_is_made_run_changed_and_deleted(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/integrations")
    page.get_by_role("link", name="Presets").click()
    expect(page.get_by_role("heading", name="No preset yet")).to_be_visible()
    row = make_preset(page)
    expect(row).to_contain_text('{"threshold":0.4}')
    expect(row).to_contain_text("High")
    row.get_by_role("button", name="Run night").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name=re.compile("^night"))).to_be_checked()
    expect(dialog.get_by_test_id("run-sum")).to_contain_text("3 images")
    dialog.get_by_label("Which images").select_option(seat.scene.deployment)
    dialog.get_by_label("Taken from").fill("2026-05-02")
    expect(dialog.get_by_test_id("run-sum")).to_contain_text("2 images")
    dialog.locator("summary").click()
    dialog.get_by_label("Parameters").fill("[640]")
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(dialog).to_contain_text("This is not a JSON object")
    dialog.get_by_label("Parameters").fill('{"size": 640}')
    dialog.get_by_role("button", name="Start", exact=True).click()
    job = read_job(page, seat)
    assert (job.preset, job.priority, job.parameters) == (
        "night",
        "high",
        {"threshold": 0.4, "size": 640},
    )
    expect(page.locator(".facts")).to_contain_text('"size": 640')
    wait_for("the run", lambda: is_over(seat, job))
    expect(page.locator('h1 ~ [data-state="completed"]')).to_be_visible(timeout=10_000)
    expect(page.get_by_role("heading", name="Results", exact=True)).to_be_visible()
    page.get_by_role("link", name="Jobs", exact=True).first.click()
    asked = page.locator(f'[data-job-id="{job.id}"]').get_by_test_id("asked")
    expect(asked).to_contain_text(re.compile("Preset night.*Requested by .*started .*ended "))
    page.go_back()
    page.get_by_role("link", name="night", exact=True).click()
    page.get_by_role("button", name="Edit night").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("dusk")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator('[data-preset="dusk"]')).to_contain_text("For pictures by infrared light")
    delete_preset(page, "dusk")
    expect(page.get_by_role("heading", name="No preset yet")).to_be_visible()


def test_a_preset_that_somebody_else_changed_is_not_overwritten(tab: Watched, seat: Seat) -> None:
    with seat.server.open() as owner:
        slug = owner.list_pipelines(seat.scene.project)[0].slug
        new = NewPreset(
            project=seat.scene.project,
            name="shared",
            pipeline=slug,
            parameters=dict.fromkeys("abcdef", 1),
        )
        preset = owner.create_preset(new).id
        page = tab.open(f"/projects/{seat.scene.project}/integrations/presets")
        page.get_by_role("button", name="Edit shared").click()
        dialog = page.get_by_role("dialog")
        assert dialog.get_by_label("Parameters").evaluate(
            "e => e.scrollHeight <= e.clientHeight"
        ), "all lines are seen"
        dialog.get_by_label("Priority").select_option("high")
        owner.update_preset(preset, PresetUpdate(description="Of Ann, not of Ben"))
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_contain_text(
            "Someone else changed this after you read it. Nothing was changed."
        )
        [refused, _] = tab.wrong
        assert refused.startswith("412: PATCH ")
        tab.wrong.clear()
        dialog.get_by_role("button", name="Show the current version").click()
        expect(dialog.get_by_label("Description (optional)")).to_have_value("Of Ann, not of Ben")
        dialog.get_by_label("Priority").select_option("low")
        dialog.get_by_role("button", name="Save").click()
        expect(page.locator('[data-preset="shared"]')).to_contain_text("Low")
        assert owner.get_preset(preset).description == "Of Ann, not of Ben"
        owner.delete_preset(preset)


def test_a_run_whose_answer_is_lost_is_one_run(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/jobs")
    sent: list[str] = []

    def lose_the_first(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        sent.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        if len(sent) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    page.route("**/api/v2/jobs", lose_the_first)
    page.get_by_role("button", name="Start a job").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name (optional)").fill("Asked for twice")
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    tab.wrong.clear()
    dialog.get_by_role("button", name="Start", exact=True).click()
    assert read_job(page, seat).name == "Asked for twice"
    with seat.server.open() as owner:
        assert [it.name for it in owner.list_jobs(seat.scene.project).results].count(
            "Asked for twice"
        ) == 1
    assert sent[0] == sent[1]


def test_a_run_takes_what_the_grid_shows(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/images?class=lynx")
    expect(page.locator(".tile[data-image-id]")).to_have_count(2)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Run a pipeline").click()
    dialog = page.get_by_role("dialog")
    total = dialog.get_by_test_id("run-sum")
    expect(total).to_contain_text("2 images")
    dialog.get_by_label("Which images").select_option("")
    expect(total).to_contain_text("3 images")
    dialog.get_by_label("Only images that this pipeline has not analysed").check()
    expect(total).to_contain_text("At most 3 images")
    dialog.get_by_label("Only images that this pipeline has not analysed").uncheck()
    dialog.get_by_label("Which images").select_option(
        label="Images that match the filters of the grid"
    )
    expect(total).to_contain_text("2 images")
    dialog.get_by_label("Name (optional)").fill("The lynx again")
    page.keyboard.press("Enter")
    job = read_job(page, seat)
    lynx = {str(seat.scene.images[name].id) for name in ("wide.jpg", "turned.jpg")}
    assert set(job.selection["images"]) == lynx
    expect(page.get_by_role("heading", name="The lynx again")).to_be_visible()


def test_a_run_takes_pictures_at_addresses_and_may_wait(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/jobs")
    page.get_by_role("button", name="Start a job").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Which images").select_option(
        label="Images at URLs, which the server downloads"
    )
    start = dialog.get_by_role("button", name="Create")
    dialog.get_by_label("Do not start it yet").check()
    expect(start).to_be_disabled()
    addresses = dialog.get_by_label("URLs")
    addresses.fill("https://a.example/IMG_1.JPG\n\nIMG_2.JPG")
    expect(dialog).to_contain_text("Line 3 is not the URL of an image")
    expect(start).to_be_disabled()
    addresses.fill("\n".join(f"https://a.example/IMG_{number}.JPG" for number in range(101)))
    expect(dialog).to_contain_text("There are 101 URLs; a run accepts at most 100.")
    addresses.fill(
        "https://a.example/IMG_1.JPG\n https://a.example/Über.JPG \nhttps://a.example/IMG_1.JPG\n"
    )
    expect(dialog.get_by_test_id("run-sum")).to_contain_text("2 images")
    dialog.get_by_label("Deployment").select_option(seat.scene.deployment)
    assert dialog.evaluate(WITHIN)
    start.click()
    job = read_job(page, seat)
    assert (job.not_started, job.selection, job.content_preview) == (
        True,
        {"url_count": 2},
        "2 images: IMG_1.JPG, ..",
    )


def test_a_run_over_nothing_is_not_started(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/jobs")
    page.get_by_role("button", name="Start a job").press("Enter")
    dialog = page.get_by_role("dialog")
    start = dialog.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_enabled()
    dialog.get_by_label("Taken from").fill("2031-01-01")
    expect(dialog.get_by_test_id("run-sum")).to_have_text(
        "No image matches: there is nothing to run."
    )
    expect(start).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_owners_read_the_audit(tab: Watched, seat: Seat) -> None:
    with seat.server.open() as owner:
        job = owner.create_job(
            NewJob(
                project=seat.scene.project, pipeline="known", name="Renamed", start=JobStart.LATER
            )
        )
        for number in range(PAGE_OF_AUDIT):
            owner.update_job(job.id, JobUpdate(name=f"Renamed {number}"))
    page = tab.open(f"/projects/{seat.scene.project}/settings")
    page.get_by_role("link", name="Audit").click()
    rows = page.get_by_test_id("audit").locator("tbody tr")
    expect(rows).to_have_count(PAGE_OF_AUDIT)
    expect(rows.first).to_contain_text(f"changed the job Renamed {PAGE_OF_AUDIT - 1}")
    expect(rows.first).to_contain_text("127.0.0.1")
    page.get_by_role("button", name="Show more").click()
    expect(rows).not_to_have_count(PAGE_OF_AUDIT)
    page.get_by_label("Object").select_option("image")
    page.get_by_label("Action", exact=True).select_option("upload")
    expect(rows).to_have_count(3)
    expect(page.get_by_text("uploaded the image wide.jpg")).to_be_visible()
    page.reload()
    expect(rows).to_have_count(3)
    rows.first.locator("summary").click()
    expect(rows.first.locator("pre")).to_contain_text("filename")
    page.get_by_label("Since").fill("2090-01-01")
    expect(page.get_by_role("heading", name="No entry matches these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").last.click()
    rows.first.get_by_role("link", name=f"Renamed {PAGE_OF_AUDIT - 1}").click()
    expect(page.get_by_test_id("job")).to_be_visible()


@pytest.mark.parametrize("size", EACH_SIZE)
def test_the_screens_fit(seat: Seat, size: str) -> None:
    with seat.tab(size, "dark") as tab:
        page = tab.open(f"/projects/{seat.scene.project}/integrations/presets")
        make_preset(page, "a-" + "long-" * 30 + "name").get_by_role(
            "button", name=re.compile("^Run a-")
        ).click()
        expect(page.get_by_test_id("run-sum")).to_contain_text("3 images")
        page.get_by_role("dialog").locator("summary").click()
        assert page.get_by_role("dialog").evaluate(WITHIN)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.evaluate(FITS)
        delete_preset(page, "a-" + "long-" * 30 + "name")
        tab.open(f"/projects/{seat.scene.project}/settings/audit")
        expect(page.get_by_test_id("audit")).to_be_visible()
        assert page.evaluate(FITS)
        tab.open(f"/projects/{seat.scene.project}/jobs")
        expect(page.get_by_test_id("asked").first).to_be_visible()
        assert page.evaluate(FITS)
        tab.expect_nothing_wrong()
