"""Camera times read as UTC: the warning, the preview, dating all images again, and undo."""

import asyncio
import io
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.camera_server import running_camera
from tests.support.image_factory import make_jpeg
from tests.support.source_client import PATH, open_desk

from trapline.server.images.actions import clock_offsets, deployments
from trapline.server.images.actions.clock_offsets import update_capture_times
from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import pull_runs

BERLIN = {"latitude": 52.52, "longitude": 13.4}
# Local times of a camera in Berlin, and the moments that they are there. In spring 02:30 did not
# exist: a clock without summer time still shows it. In autumn 02:30 came twice: the first is meant.
LOCAL = {
    "2026-01-10 12:00": "2026-01-10T11:00:00Z",
    "2026-03-29 01:59": "2026-03-29T00:59:00Z",
    "2026-03-29 02:30": "2026-03-29T01:30:00Z",
    "2026-03-29 03:00": "2026-03-29T01:00:00Z",
    "2026-07-01 12:00": "2026-07-01T10:00:00Z",
    "2026-10-25 01:59": "2026-10-24T23:59:00Z",
    "2026-10-25 02:30": "2026-10-25T00:30:00Z",
    "2026-10-25 03:00": "2026-10-25T02:00:00Z",
}
FLAGS = {"2026-03-29 02:30": "nonexistent_local_time", "2026-10-25 02:30": "ambiguous_local_time"}


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def call(
    field: Field, method: str, path: str, body: Any = None, expect: int = 200
) -> dict[str, Any]:
    answer = await field.call(method, path, body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


async def create(field: Field, **values: Any) -> str:
    body = {"project": field.project, "name": "Old oak"} | values
    return str((await call(field, "POST", "/deployments", body, 201))["id"])


async def upload(field: Field, deployment: str, name: str, content: bytes) -> str:
    answer = await field.client.post(
        "/api/v2/images",
        data={"project": str(field.project), "deployment": deployment},
        files=[("files", (name, content, "image/jpeg"))],
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.json()["imported"] == 1, answer.text
    return str(answer.json()["files"][0]["image_id"])


async def upload_local(field: Field, deployment: str) -> dict[str, str]:
    """Upload an image for each local time; return their IDs by it."""
    return {
        local: await upload(
            field, deployment, f"{seed}.jpg", make_jpeg(seed, taken=datetime.fromisoformat(local))
        )
        for seed, local in enumerate(LOCAL)
    }


async def read(field: Field, images: dict[str, str]) -> dict[str, tuple[str, str, list[str]]]:
    found = {local: await call(field, "GET", f"/images/{image}") for local, image in images.items()}
    for image in found.values():
        image["flags"] = [flag for flag in image["flags"] if flag != "in_the_future"]
    return {
        local: (one["captured_at"], one["time_zone"], one["flags"]) for local, one in found.items()
    }


def in_utc() -> dict[str, tuple[str, str, list[str]]]:
    return {local: (f"{local.replace(' ', 'T')}:00Z", "UTC", []) for local in LOCAL}


def in_berlin() -> dict[str, tuple[str, str, list[str]]]:
    flags = {local: [FLAGS[local]] if local in FLAGS else [] for local in LOCAL}
    return {local: (moment, "Europe/Berlin", flags[local]) for local, moment in LOCAL.items()}


async def date_rest(field: Field) -> None:
    while await update_capture_times(field.system, SYSTEM):
        pass


async def test_times_read_as_utc_are_warned_of_and_dated_again(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "BATCH", 3)
    monkeypatch.setattr(clock_offsets, "BATCH", 3)
    deployment = await create(field)
    at = f"/deployments/{deployment}"
    assert (await call(field, "GET", at))["utc_assumed"] is False, "there is no image yet"
    images = await upload_local(field, deployment)
    assert await read(field, images) == in_utc()
    warned = await call(field, "GET", at)
    assert (warned["utc_assumed"], warned["suggested_time_zone"]) == (True, None)
    warned = await call(field, "PATCH", at, BERLIN)
    assert (warned["utc_assumed"], warned["suggested_time_zone"], warned["time_zone"]) == (
        True,
        "Europe/Berlin",
        "UTC",
    )
    assert await read(field, images) == in_utc(), "nothing moves before the fix is requested"
    [listed] = [
        one
        for one in (await call(field, "GET", f"/deployments?project={field.project}"))["results"]
        if one["images"]
    ]
    assert listed["utc_assumed"] is True

    preview = await call(field, "POST", f"{at}/clock/preview", {"time_zone": "Europe/Berlin"})
    assert (preview["moved"], preview["edited"], preview["without_camera_time"]) == (8, 0, 0)
    assert (preview["time_zone"], preview["time_zone_now"]) == ("Europe/Berlin", "UTC")
    assert (preview["first"][0]["captured_at"], preview["first"][0]["would_be"]) == (
        "2026-01-10T12:00:00Z", "2026-01-10T11:00:00Z",
    )  # fmt: skip
    assert await read(field, images) == in_utc()

    fix = {"time_zone": "Europe/Berlin", "redate_images": True}
    fixed = await call(field, "PATCH", at, fix)
    assert (fixed["capture_times_pending"], fixed["images_to_date"], fixed["images_dated"]) == (
        True,
        8,
        3,
    )
    assert (fixed["utc_assumed"], fixed["time_zone_source"]) == (False, "given")
    assert await update_capture_times(field.system, SYSTEM)
    shown = await call(field, "GET", at)
    assert (shown["capture_times_pending"], shown["images_to_date"], shown["images_dated"]) == (
        True,
        8,
        6,
    )
    await date_rest(field)
    assert (await call(field, "GET", at))["capture_times_pending"] is False
    assert await read(field, images) == in_berlin()
    # The same request again, and again in the background: nothing moves twice.
    again = await call(field, "PATCH", at, fix)
    assert again["images_to_date"] == 0
    await date_rest(field)
    assert await read(field, images) == in_berlin()
    preview = await call(field, "POST", f"{at}/clock/preview", {"time_zone": "Europe/Berlin"})
    assert (preview["moved"], preview["first"]) == (0, [])

    undone = await call(field, "POST", f"{at}/clock/undo")
    assert (undone["time_zone"], undone["previous_time_zone"]) == ("UTC", "Europe/Berlin")
    await date_rest(field)
    assert await read(field, images) == in_utc()
    assert (await call(field, "GET", at))["utc_assumed"] is True
    await call(field, "POST", f"{at}/clock/undo")
    await date_rest(field)
    assert await read(field, images) == in_berlin()
    lines = (await call(field, "GET", f"/audit?project={field.project}&action=set clock"))[
        "results"
    ]
    assert [line["details"].get("to_zone") for line in lines] == [
        "Europe/Berlin",
        "UTC",
        "Europe/Berlin",
    ]


async def test_a_zone_and_an_offset_are_applied_together(field: Field) -> None:
    deployment = await create(field)
    at = f"/deployments/{deployment}"
    images = await upload_local(field, deployment)
    body = {"time_zone": "Europe/Berlin", "clock_offset_s": -60}
    preview = await call(field, "POST", f"{at}/clock/preview", body)
    assert preview["first"][0]["would_be"] == "2026-01-10T10:59:00Z"
    await call(field, "PATCH", at, body | {"redate_images": True})
    await date_rest(field)
    seconds = {
        local: (datetime.fromisoformat(moment)).timestamp() - 60 for local, moment in LOCAL.items()
    }
    found = await read(field, images)
    assert {
        local: datetime.fromisoformat(one[0]).timestamp() for local, one in found.items()
    } == seconds
    await call(field, "POST", f"{at}/clock/undo")
    await date_rest(field)
    assert await read(field, images) == in_utc()
    assert (await call(field, "GET", at))["clock_offset_s"] == 0


async def test_only_times_that_need_a_zone_move(field: Field) -> None:
    deployment = await create(field, **BERLIN, time_zone="UTC")
    at = f"/deployments/{deployment}"
    with_offset, without = make_offset_jpeg(), make_jpeg(2)
    own = await upload(field, deployment, "own.jpg", with_offset)
    arrival = await upload(field, deployment, "arrival.jpg", without)
    edited = await upload(
        field,
        deployment,
        "edited.jpg",
        make_jpeg(3, taken=datetime(2026, 5, 1, 12)),  # noqa: DTZ001 - local
    )
    await call(
        field, "PATCH", "/images", {"images": [edited], "captured_at": "2026-05-02T00:00:00Z"}
    )
    before = {
        image: (await call(field, "GET", f"/images/{image}"))["captured_at"]
        for image in (own, arrival, edited)
    }
    assert before[own] == "2026-05-01T14:00:00Z"
    preview = await call(field, "POST", f"{at}/clock/preview", {"time_zone": "Europe/Berlin"})
    assert (preview["moved"], preview["edited"], preview["without_camera_time"]) == (0, 1, 2)
    await call(field, "PATCH", at, {"time_zone": "Europe/Berlin", "redate_images": True})
    await date_rest(field)
    after = {image: await call(field, "GET", f"/images/{image}") for image in before}
    assert {image: one["captured_at"] for image, one in after.items()} == before
    assert {one["time_zone"] for one in after.values()} == {"Europe/Berlin"}
    assert after[edited]["read_at"] == "2026-05-01T10:00:00Z", (
        "what was read before a person changed it moves"
    )


ORIGINAL, DIGITIZED, OFFSET, ORIGINAL_OFFSET, DIGITIZED_OFFSET, HOURS = (
    0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x882A,
)  # fmt: skip


def make_offset_jpeg(tags: dict[int, Any] | None = None) -> bytes:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif.get_ifd(0x8769).update(
        {ORIGINAL: NOON, ORIGINAL_OFFSET: "-02:00"} if tags is None else tags
    )
    Image.new("RGB", (64, 48), (1, 2, 3)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


NOON = "2026:05:01 12:00:00"


@pytest.mark.parametrize(
    ("tags", "needs_zone"),
    [
        ({ORIGINAL: NOON, OFFSET: "   :  ", ORIGINAL_OFFSET: "   :  "}, True),
        ({ORIGINAL: NOON, DIGITIZED_OFFSET: "+02:00"}, True),
        ({ORIGINAL: NOON, ORIGINAL_OFFSET: "+15:00"}, True),
        ({ORIGINAL: NOON, ORIGINAL_OFFSET: "+14:99"}, True),
        ({ORIGINAL: NOON, HOURS: 99}, True),
        ({ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: NOON, ORIGINAL_OFFSET: "+02:00"}, True),
        ({ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: NOON, DIGITIZED_OFFSET: "+02:00"}, False),
        ({DIGITIZED: NOON, DIGITIZED_OFFSET: "-0930"}, False),
        ({ORIGINAL: NOON, ORIGINAL_OFFSET: " +14:00 "}, False),
        ({ORIGINAL: NOON, ORIGINAL_OFFSET: "", OFFSET: "+00:00"}, False),
        ({ORIGINAL: NOON, HOURS: 65_531}, False),
        ({ORIGINAL: NOON, HOURS: (2, 3)}, False),
        ({ORIGINAL: NOON, HOURS: 0}, False),
    ],
)
async def test_warning_and_preview_agree_with_the_dating(
    field: Field, tags: dict[int, Any], needs_zone: bool
) -> None:
    deployment = await create(field)
    at = f"/deployments/{deployment}"
    image = await upload(field, deployment, "1.jpg", make_offset_jpeg(tags))
    before = (await call(field, "GET", f"/images/{image}"))["captured_at"]
    warned = (await call(field, "GET", at))["utc_assumed"]
    preview = await call(field, "POST", f"{at}/clock/preview", {"time_zone": "Europe/Berlin"})
    await call(field, "PATCH", at, {"time_zone": "Europe/Berlin", "redate_images": True})
    await date_rest(field)
    after = (await call(field, "GET", f"/images/{image}"))["captured_at"]
    assert (after != before) is needs_zone, after
    assert (warned, preview["moved"], len(preview["first"])) == (needs_zone, needs_zone, needs_zone)


async def test_a_camera_whose_clock_is_in_utc_is_not_warned_of(field: Field) -> None:
    taken = datetime(2026, 5, 1, 12, tzinfo=UTC)
    given = await create(field, time_zone="UTC")
    await upload(field, given, "1.jpg", make_jpeg(1, taken=taken))
    assert (await call(field, "GET", f"/deployments/{given}"))["utc_assumed"] is False
    never = await create(field, name="Ford")
    await upload(field, never, "1.jpg", make_offset_jpeg())
    await upload(field, never, "2.jpg", make_jpeg(2))
    assert (await call(field, "GET", f"/deployments/{never}"))["utc_assumed"] is False
    await upload(field, never, "3.jpg", make_jpeg(3, taken=taken))
    assert (await call(field, "GET", f"/deployments/{never}"))["utc_assumed"] is True
    confirmed = await call(field, "PATCH", f"/deployments/{never}", {"time_zone": "UTC"})
    assert (confirmed["utc_assumed"], confirmed["time_zone_source"]) == (False, "given")


async def test_another_zone_alone_is_that_of_the_images_to_come(field: Field) -> None:
    deployment = await create(field)
    images = await upload_local(field, deployment)
    changed = await call(
        field, "PATCH", f"/deployments/{deployment}", {"time_zone": "Europe/Berlin"}
    )
    assert changed["capture_times_pending"] is False
    await date_rest(field)
    assert await read(field, images) == in_utc()
    await call(field, "PATCH", f"/deployments/{deployment}", {"redate_images": True})
    await date_rest(field)
    assert await read(field, images) == in_berlin()


async def test_undo_restores_the_zone_of_images_that_a_later_request_dated(field: Field) -> None:
    deployment = await create(field)
    at = f"/deployments/{deployment}"
    images = await upload_local(field, deployment)
    await call(field, "PATCH", at, {"clock_offset_s": 60})
    await date_rest(field)
    before = await read(field, images)
    await call(field, "PATCH", at, {"time_zone": "Europe/Berlin"})
    await call(field, "PATCH", at, {"redate_images": True})
    # A repeated request, during the dating and after it, changes nothing that undo restores.
    await call(field, "PATCH", at, {"redate_images": True})
    await date_rest(field)
    dated = await call(field, "PATCH", at, {"redate_images": True})
    await date_rest(field)
    assert (dated["previous_time_zone"], dated["previous_clock_offset_s"]) == ("UTC", 60)
    assert await read(field, images) != before
    undone = await call(field, "POST", f"{at}/clock/undo")
    await date_rest(field)
    assert (undone["time_zone"], undone["clock_offset_s"]) == ("UTC", 60)
    assert await read(field, images) == before
    lines = (await call(field, "GET", f"/audit?project={field.project}&action=set clock"))[
        "results"
    ]
    assert [
        (line["details"].get("from_zone"), line["details"].get("to_zone")) for line in lines
    ] == [("Europe/Berlin", "UTC"), ("UTC", "Europe/Berlin"), (None, None)]


async def test_a_request_repeated_while_images_are_dated_keeps_what_undo_restores(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "BATCH", 3)
    deployment = await create(field)
    at = f"/deployments/{deployment}"
    images = await upload_local(field, deployment)
    change = {"time_zone": "Europe/Berlin", "clock_offset_s": -60, "redate_images": True}
    for _ in range(2):
        changed = await call(field, "PATCH", at, change)
        assert changed["capture_times_pending"] is True
        assert (changed["previous_time_zone"], changed["previous_clock_offset_s"]) == ("UTC", 0)
    await call(field, "POST", f"{at}/clock/undo")
    await date_rest(field)
    assert await read(field, images) == in_utc()


@pytest.mark.parametrize(
    "change", [{"time_zone": "Europe/Berlin", "redate_images": True}, {"clock_offset_s": -7200}]
)
async def test_images_that_a_run_imports_during_the_change_follow_it(
    system: AppContext, change: dict[str, Any]
) -> None:
    async with running_camera() as camera, open_desk(system) as desk:
        desk.reach(camera.port)
        noon, one = (datetime.fromisoformat(f"2026-07-01 {hour}:00") for hour in (12, 13))
        camera.files = {"a1.jpg": make_jpeg(1, taken=noon), "b1.jpg": make_jpeg(2, taken=one)}
        camera.faults["b1.jpg"] = "hang"
        source = (await desk.make(camera.url)).json()["id"]
        accepted = await desk.client.post(f"{PATH}/{source}/process?max_files=0")
        run = asyncio.create_task(
            pull_runs.run_pull(desk.system, SYSTEM, UUID(accepted.json()["run_id"]))
        )
        await camera.reached.wait()
        at = f"/api/v2/deployments/{desk.house.ids['deployment_id']}"
        changed = await desk.client.patch(at, json=change)
        assert changed.status_code == 200, changed.text
        while await update_capture_times(desk.system, SYSTEM):
            pass
        assert (await desk.client.get(at)).json()["capture_times_pending"] is False
        camera.go_on.set()
        await run
        listed = await desk.client.get(
            "/api/v2/images", params={"project": desk.house.ids["project_id"]}
        )
        times = {image["filename"]: image["captured_at"] for image in listed.json()["results"]}
        assert times["b1.jpg"] == "2026-07-01T11:00:00Z"
        assert times["a1.jpg"] == "2026-07-01T10:00:00Z"
