"""Health of sources: a source without new images is not reported as `ok` if it should have some."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.support.camera_server import MODIFIED, Camera, running_camera
from tests.support.image_factory import make_jpeg
from tests.support.source_client import PATH, SYSTEM, Desk, open_desk

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import pull_runs

LOGIN = b"<!doctype html><html>Please sign in</html>"
HTML = {"Content-Type": "text/html"}


@dataclass
class Watch:
    """A camera with a source, whose health is read over HTTP."""

    desk: Desk
    camera: Camera
    source: str = ""

    async def add(self, **settings: Any) -> dict[str, Any]:
        answer = await self.desk.make(self.camera.url, **settings)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        self.source = made["id"]
        return made

    async def run(self, max_files: int = 0) -> dict[str, Any]:
        accepted = await self.desk.client.post(
            f"{PATH}/{self.source}/process?max_files={max_files}"
        )
        assert accepted.status_code == 202, accepted.text
        await pull_runs.run_pull(self.desk.system, SYSTEM, UUID(accepted.json()["run_id"]))
        run: dict[str, Any] = (await self.desk.client.get(accepted.headers["location"])).json()
        return run

    async def health(self) -> tuple[str, str]:
        """Return health and detail; the list and the source must agree."""
        shown = (await self.desk.client.get(f"{PATH}/{self.source}")).json()
        sources = (await self.desk.client.get(PATH)).json()["results"]
        [listed] = [one for one in sources if one["id"] == self.source]
        assert (listed["health"], listed["health_detail"]) == (
            shown["health"],
            shown["health_detail"],
        )
        return shown["health"], shown["health_detail"] or ""

    async def test(self, files: int = 2, **settings: Any) -> dict[str, Any]:
        """Test settings before a source is created."""
        body = {
            "name": "trial",
            "base_url": self.camera.url,
            "location_id": self.desk.house.ids["deployment_id"],
        }
        answer = await self.desk.client.post(
            f"{PATH}/test?files={files}", json={"source": body | settings}
        )
        assert answer.status_code == 200, answer.text
        tested: dict[str, Any] = answer.json()
        return tested

    def fill(self, *names: str) -> None:
        for name in names:
            self.camera.files[name] = make_jpeg(len(self.camera.files) + 1)


@pytest.fixture
async def watch(system: AppContext) -> AsyncIterator[Watch]:
    async with running_camera() as camera, open_desk(system) as desk:
        desk.reach(camera.port)
        yield Watch(desk, camera)


async def test_a_source_is_new_until_a_run_has_ended_and_then_well(watch: Watch) -> None:
    watch.fill("a.jpg")
    await watch.add()
    assert (await watch.health())[0] == "new"
    await watch.run()
    assert await watch.health() == ("ok", "")
    assert (await watch.test())["health"] == "ok"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            '<a href="http://other.example/a.jpg">a</a>\n<a href="/outside/b.jpg">b</a>\n',
            "2 link out of the source",
        ),
        ("<p>Welcome to the new portal</p>", "no file"),
        ('<a href=".hidden.jpg">a</a>  01-May-2026 06:00  10\n', "1 hidden name"),
    ],
)
async def test_a_listing_without_anything_to_import_has_no_images(
    watch: Watch, page: str, words: str
) -> None:
    watch.camera.pages["cards/"] = f"<html><pre>{page}</pre></html>".encode(), HTML
    watch.camera.url += "cards/"
    tested = await watch.test()
    assert (tested["health"], tested["new"]) == ("no_images", 0)
    assert words in tested["detail"]
    await watch.add()
    run = await watch.run()
    assert (run["state"], run["imported"]) == ("completed", 0)
    health, detail = await watch.health()
    assert health == "no_images"
    assert words in detail


async def test_files_that_are_not_images_are_no_images(watch: Watch) -> None:
    watch.camera.files |= {
        "clip.mp4": b"\x00\x00\x00\x20ftypisom" + bytes(40),
        "notes.dat": b"line\n" * 400,
    }
    tested = await watch.test()
    assert (tested["health"], tested["listed"]) == ("no_images", 2)
    await watch.add()
    assert (await watch.run())["skipped"] == 2
    health, detail = await watch.health()
    assert health == "no_images"
    assert "2 files are not images" in detail
    watch.fill("a.jpg")
    await watch.run()
    assert (await watch.health())[0] == "ok"


async def test_a_source_whose_listing_turned_into_links_is_noticed_and_an_emptied_one_is_well(
    watch: Watch,
) -> None:
    watch.fill("a.jpg", "b.jpg")
    await watch.add()
    await watch.run()
    watch.camera.files.clear()
    await watch.run()
    assert (await watch.health())[0] == "ok", "files may be moved away after their import"
    watch.camera.pages[""] = (
        b'<html><pre><a href="https://elsewhere.example/x.jpg">x</a></pre></html>',
        HTML,
    )
    await watch.run()
    assert (await watch.health())[0] == "no_images"


async def test_every_file_that_fails_is_all_failing(watch: Watch) -> None:
    watch.camera.files |= {f"{number}.jpg": LOGIN for number in range(3)}
    tested = await watch.test()
    assert (tested["ok"], tested["health"]) == (False, "all_failing")
    assert "sign-in" in tested["detail"]
    await watch.add()
    assert (await watch.run())["failed"] == 3
    health, detail = await watch.health()
    assert health == "all_failing"
    assert "sign-in" in detail


async def test_files_that_fail_since_the_last_import_are_all_failing_and_single_ones_are_not(
    watch: Watch,
) -> None:
    watch.fill("a.jpg")
    watch.camera.files["bad.jpg"] = LOGIN
    await watch.add()
    await watch.run()
    assert (await watch.health())[0] == "ok"
    watch.camera.files["later.jpg"] = LOGIN
    await watch.run()
    assert (await watch.health())[0] == "ok", "one bad file does not affect the source"
    watch.camera.files |= {f"later {number}.jpg": LOGIN + bytes([number]) for number in range(4)}
    await watch.run()
    health, detail = await watch.health()
    assert (health, "5" in detail) == ("all_failing", True), detail
    watch.fill("good.jpg")
    await watch.run()
    assert (await watch.health())[0] == "ok"


async def test_a_backlog_is_reported_with_its_time(watch: Watch) -> None:
    watch.fill(*[f"IMG_{number:04}.JPG" for number in range(1, 26)])
    tested = await watch.test(max_files_per_run=10)
    assert (tested["ok"], tested["health"]) == (True, "behind")
    assert "behind: 25 waiting, about " in tested["detail"]
    await watch.add()
    assert (await watch.run(10))["remaining"] == 15
    health, detail = await watch.health()
    assert health == "behind"
    assert detail.startswith("behind: 15 waiting, about ")
    assert detail.endswith(" at this rate")
    await watch.run()
    assert await watch.health() == ("ok", "")


async def test_a_source_that_cannot_be_listed_is_failing_in_a_test(watch: Watch) -> None:
    watch.camera.faults[""] = "500"
    tested = await watch.test()
    assert (tested["ok"], tested["health"]) == (False, "failing")


async def test_the_order_of_a_source_decides_which_files_come_first(watch: Watch) -> None:
    for number, name in enumerate(("c.jpg", "a.jpg", "b.jpg", "d.jpg")):
        watch.fill(name)
        watch.camera.modified[name] = MODIFIED + timedelta(days=number)
    made = await watch.add(order="newest", concurrency=1)
    assert made["order"] == "newest"
    await watch.run(1)
    assert await watch.desk.images() == {"d.jpg"}
    await watch.run(1)
    assert await watch.desk.images() == {"d.jpg", "b.jpg"}
    changed = await watch.desk.client.patch(f"{PATH}/{watch.source}", json={"order": "oldest"})
    assert (changed.status_code, changed.json()["order"]) == (200, "oldest")
    await watch.run(1)
    assert await watch.desk.images() == {"d.jpg", "b.jpg", "c.jpg"}


async def test_the_oldest_come_first_unless_set_and_unknown_orders_are_refused(
    watch: Watch,
) -> None:
    for number, name in enumerate(("z.jpg", "a.jpg")):
        watch.fill(name)
        watch.camera.modified[name] = MODIFIED + timedelta(days=number)
    refused = await watch.desk.make(watch.camera.url, order="latest")
    assert refused.status_code == 422
    assert "newest" in refused.text
    made = await watch.add()
    assert made["order"] == "oldest"
    emptied = await watch.desk.client.patch(f"{PATH}/{watch.source}", json={"order": None})
    assert emptied.status_code == 422
    await watch.run(1)
    assert await watch.desk.images() == {"z.jpg"}


@pytest.mark.parametrize("order", ["oldest", "newest"])
async def test_more_files_than_one_page_of_the_ledger_come_once_each_in_order(
    watch: Watch, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trapline.server.sources.actions import file_scheduler

    monkeypatch.setattr(file_scheduler, "LISTED_AT_ONCE", 3)
    names = [f"{number:02}.jpg" for number in range(11)]
    for place, name in enumerate(names):
        watch.fill(name)
        watch.camera.modified[name] = MODIFIED + timedelta(days=(place * 4 % 11) // 2)
    await watch.add(order=order, concurrency=1)
    await watch.run()
    asked = [path for path in watch.camera.asked() if path]
    expected = sorted(
        names, key=lambda name: (watch.camera.modified[name], name), reverse=order == "newest"
    )
    assert sorted(asked) == names
    assert [watch.camera.modified[path] for path in asked] == [
        watch.camera.modified[path] for path in expected
    ]
