"""The pages of failures and workers in a real browser: view, retry one, some or all, evict."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser_session import EACH_SIZE, Watched
from tests.support.known_image_project import Scene, work
from tests.support.running_server import RunningServer, wait_for
from tests.support.signed_in_browser import Seat

from trapline.client import Trapline
from trapline.wire.jobs import Job, NewJob
from trapline.wire.results import Failure, Result
from trapline.wire.tasks import Task

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

LONG = "image is not an image: a " + "very" * 60 + " long reason"


def lease(server: RunningServer, scene: Scene, job: Job, count: int) -> list[Task]:
    """Lease `count` tasks of a job as soon as they exist."""
    tasks: list[Task] = []

    def lease_more() -> bool:
        with Trapline(server.base_url, scene.worker_token) as worker:
            tasks.extend(worker.lease_tasks(job.id, count - len(tasks)))
        return len(tasks) == count

    wait_for("the tasks", lease_more)
    return tasks


def fail(server: RunningServer, scene: Scene, job: Job, words: Sequence[str]) -> None:
    """Fail images of a job permanently, each with its message."""
    tasks = lease(server, scene, job, len(words))
    failures = [
        Result(
            reply_subject=task.reply_subject, result=Failure(error=error, image_id=task.image_id)
        )
        for task, error in zip(tasks, words, strict=True)
    ]
    with Trapline(server.base_url, scene.worker_token) as worker:
        told = worker.post_results(job.id, failures)
    assert {one.status for one in told.tasks} == {"accepted"}


@pytest.fixture
def job(seat: Seat) -> Job:
    with seat.server.open() as owner:
        return owner.create_job(
            NewJob(project=seat.scene.project, pipeline="known", name="Failing job")
        )


def test_failures_are_looked_at_and_retried_one_some_or_all(
    tab: Watched, seat: Seat, job: Job
) -> None:
    words = [
        "image is not an image: 7 bytes",
        "image is not an image: 9 bytes",
        "image is not an image at all",
    ]
    fail(seat.server, seat.scene, job, words)
    page = tab.open(f"/projects/{seat.scene.project}/jobs/{job.id}")
    expect(page.get_by_text("3 images failed, for 2 reasons.")).to_be_visible()
    group = page.get_by_role("button", name=re.compile("^image is not an image: … bytes"))
    group.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".failed-task")).to_have_count(2)
    assert "reason=" in page.url
    page.reload()
    page.locator(".failed-task").first.locator(".fold").click()
    story = page.get_by_test_id("story")
    expect(story).to_contain_text("image is not an image: 7 bytes")
    expect(story).to_contain_text("127.0.0.1")
    page.locator(".failed-task input").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Retry selected").click()
    expect(page.get_by_text("2 images failed, for 2 reasons.")).to_be_visible()
    expect(page.locator(".failed-task")).to_have_count(1)
    page.get_by_role("button", name="Retry it: image is not an image at all").click()
    expect(page.get_by_text("1 image failed, for 1 reason.")).to_be_visible()
    page.get_by_role("button", name="Retry it", exact=True).first.click()
    expect(page.get_by_text("No image failed.")).to_be_visible()
    names = {str(image.id): name for name, image in seat.scene.images.items()}
    wait_for(
        "the work",
        lambda: work(seat.server, seat.scene.worker_token, job, names) >= 0 and _done(seat, job),
    )
    expect(page.locator('h1 ~ [data-state="completed"]')).to_be_visible(timeout=10_000)
    tab.expect_nothing_wrong()


def _done(seat: Seat, job: Job) -> bool:
    with seat.server.open() as owner:
        return owner.get_job(job.id).status == "completed"


@pytest.mark.parametrize("size", EACH_SIZE)
def test_long_reasons_stay_on_the_screen(seat: Seat, job: Job, size: str) -> None:
    fail(seat.server, seat.scene, job, [LONG])
    with seat.tab(size) as tab:
        page = tab.open(f"/projects/{seat.scene.project}/jobs/{job.id}")
        page.locator(".fold").first.click()
        page.locator(".failed-task .fold").first.click()
        expect(page.get_by_test_id("story")).to_contain_text("long reason")
        wider = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wider <= 0
        tab.expect_nothing_wrong()


def test_a_job_is_made_for_later_renamed_hurried_and_run(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/jobs")
    page.get_by_role("button", name="Start a job").click()
    page.get_by_label("Do not start it yet").check()
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    expect(page.get_by_test_id("why")).to_have_text(re.compile("^Not started; "))
    expect(page.locator('h1 ~ [data-state="not_started"]')).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("A quiet night")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="A quiet night")).to_be_visible()
    page.get_by_label("Priority").select_option("high")
    expect(page.get_by_text("Priority set to High.")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    number = int(page.url.rsplit("/", 1)[1])
    with seat.server.open() as owner:
        assert (owner.get_job(number).priority, owner.get_job(number).not_started) == (
            "high",
            False,
        )
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    tab.expect_nothing_wrong()


@dataclass
class Greeted:
    """A worker that said hello, and what it leased."""

    id: str
    tasks: int


def greet(seat: Seat, name: str) -> Greeted:
    """Say hello as a worker of the known service, and lease two tasks."""
    said = {
        "service": "known service", "name": name, "host": "barn", "pid": 7, "version": "3.2.1",
        "devices": ["RTX 4090"],
        "pipelines": ["known"],
    }  # fmt: skip
    headers = {"Authorization": f"Token {seat.scene.worker_token}"}
    root = f"{seat.server.base_url}/api/v2"
    hello = httpx2.post(f"{root}/workers/hello", json=said, headers=headers)
    assert hello.status_code == 201, hello.text
    headers["X-Trapline-Worker"] = hello.json()["worker_id"]
    body = {"pipelines": ["known"], "limit": 2, "wait_s": 10}
    leased = httpx2.post(f"{root}/tasks/lease", json=body, headers=headers, timeout=20)
    tasks = leased.json()["tasks"]
    body = {
        "leases": [task["reply_subject"] for task in tasks],
        "report": {
            "provider": "CUDAExecutionProvider",
            "model_load_s": 2.51,
            "batch_size": 16,
            "free_memory": 3_200_000_000,
        },
    }
    renewed = httpx2.post(f"{root}/tasks/renew", json=body, headers=headers, timeout=20)
    assert renewed.status_code == 200, renewed.text
    return Greeted(hello.json()["worker_id"], len(tasks))


def test_a_worker_is_shown_and_evicted(tab: Watched, seat: Seat, job: Job) -> None:
    worker = greet(seat, "gpu-9")
    assert worker.tasks > 0
    page = tab.open(f"/projects/{seat.scene.project}/workers")
    row = _row(page, "gpu-9 on barn")
    expect(row).to_contain_text(
        "Version 3.2.1 · RTX 4090 (CUDAExecutionProvider) · model loaded in 2.5 s · batch of 16 · "
        "3.2 GB of memory free · process 7"
    )
    expect(row.get_by_role("link", name=re.compile(r"\d of job \d+")).first).to_be_visible()
    row.get_by_role("button", name="Evict gpu-9 on barn").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("return to the queue immediately")
    dialog.get_by_role("button", name="Cancel").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Evict gpu-9 on barn").click()
    page.get_by_role("button", name="Evict the worker").click()
    expect(page.get_by_text("Worker evicted.")).to_be_visible()
    expect(row).to_have_count(0)
    with seat.server.open() as owner:
        assert owner.get_job(job.id).progress.processing == 0
    tab.expect_nothing_wrong()


def _row(page: Page, name: str) -> Locator:
    return page.locator(f'[data-worker="{name}"]')
