"""The life cycle of exports: create, gather, write, download, cancel, delete and expire."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from tests.support.api_project import SYSTEM, success
from tests.support.export_client import Desk, make_desk

from trapline.server.exports.actions import export_gathering
from trapline.server.exports.actions.export_attempt import (
    ExportAttempt,
    get_work_folder,
    lock_folder,
)
from trapline.server.exports.actions.export_build import build_export
from trapline.server.exports.actions.export_gathering import gather_records
from trapline.server.exports.actions.exports import purge_exports
from trapline.server.exports.formats.export_records import ExportMetadata, ExportSpool
from trapline.server.exports.queries.exports import claim_export
from trapline.server.operations.actions.image_deletion import purge_discarded_files, purge_images
from trapline.server.platform import failpoints
from trapline.server.platform.app_context import AppContext
from trapline.wire.exports import Export


@pytest.fixture
async def desk(system: AppContext) -> Desk:
    return await make_desk(system)


async def test_export_is_downloaded_whole_and_in_parts(desk: Desk) -> None:
    asked = await desk.ask()
    assert (asked["state"], asked["images"], asked["size_bytes"]) == ("queued", 0, None)
    refused = await desk.download(asked["id"], expect=409)
    assert "wait until it is ready" in refused.json()["detail"]
    made = await desk.build(asked["id"])
    assert (made["state"], made["images"], made["expected"], made["annotations"]) == (
        "ready",
        3,
        3,
        6,
    )
    rows = await desk.read(made["id"])
    assert len(rows) == made["written"] == 3
    assert {row["image_id"] for row in rows} == {str(image) for image in desk.field.images}
    whole = await desk.download(made["id"])
    assert (len(whole.content), whole.headers["content-type"]) == (
        made["size_bytes"],
        "text/csv; charset=utf-8",
    )
    assert made["filename"] in whole.headers["content-disposition"]
    begun = await desk.download(made["id"], expect=206, Range="bytes=0-9")
    rest = await desk.download(
        made["id"], 206, **{"Range": "bytes=10-", "If-Range": begun.headers["etag"]}
    )
    assert begun.content + rest.content == whole.content
    other = await desk.download(made["id"], 200, **{"Range": "bytes=10-", "If-Range": '"another"'})
    assert other.content == whole.content
    await desk.download(made["id"], 416, Range=f"bytes={made['size_bytes']}-")
    told = await desk.field.ask(
        "select action, count(*) from audit where subject_type = 'export' group by 1"
    )
    assert dict(told) == {"export": 1, "download": 1}


async def test_export_killed_between_pages_continues_to_the_same_file(
    desk: Desk, tmp_path: Path
) -> None:
    system = desk.field.system
    undisturbed = await desk.make()
    asked = await desk.ask()
    folder = get_work_folder(system) / asked["id"]
    (system.work_folder.parent / failpoints.MARK).touch()
    plan = tmp_path / "plan"
    export_gathering.PAGE, page = 1, export_gathering.PAGE
    try:
        for number in (1, 2):
            plan.write_text(f"{number} export page|*|1|fail\n")
            failpoints.enable(str(plan), system.work_folder.parent)
            with pytest.raises(ConnectionResetError):
                await build_export(system, SYSTEM, UUID(asked["id"]))
            shown = await desk.show(asked["id"])
            assert (shown["state"], shown["images"]) == ("gathering", number)
            with (folder / "images.jsonl").open("ab") as spool:
                spool.write(b"half a line that was never commit")
        plan.write_text("3 export writing|*|1|fail\n")
        failpoints.enable(str(plan), system.work_folder.parent)
        with pytest.raises(ConnectionResetError):
            await build_export(system, SYSTEM, UUID(asked["id"]))
        assert (await desk.show(asked["id"]))["state"] == "writing"
    finally:
        failpoints.enable(None, system.work_folder.parent)
        export_gathering.PAGE = page
    made = await desk.build(asked["id"])
    assert (made["state"], made["sha256"], made["images"]) == ("ready", undisturbed["sha256"], 3)
    assert not folder.exists()


async def test_lost_spool_is_gathered_again(desk: Desk, tmp_path: Path) -> None:
    system = desk.field.system
    undisturbed, asked = await desk.make(), await desk.ask()
    (system.work_folder.parent / failpoints.MARK).touch()
    plan = tmp_path / "plan"
    plan.write_text("1 export writing|*|1|fail\n")
    try:
        failpoints.enable(str(plan), system.work_folder.parent)
        with pytest.raises(ConnectionResetError):
            await build_export(system, SYSTEM, UUID(asked["id"]))
    finally:
        failpoints.enable(None, system.work_folder.parent)
    (get_work_folder(system) / asked["id"] / "images.jsonl").unlink()
    assert (await desk.build(asked["id"]))["sha256"] == undisturbed["sha256"]


async def test_export_has_the_images_of_its_start(desk: Desk) -> None:
    asked = await desk.ask()
    first, second, _ = desk.field.images
    await desk.field.change(
        "update images set created_at = clock_timestamp() where id = %s", second
    )
    # A later analysis would set this value.
    await desk.field.change("update images set blank = true")
    rows = await desk.read((await desk.build(asked["id"]))["id"])
    assert {row["image_id"] for row in rows} == {
        str(one) for one in desk.field.images if one != second
    }
    assert {(row["said"], row["reviewed"], row["blank"]) for row in rows} == {
        ("", "False", "False")
    }
    asked = await desk.ask()
    said = {"kind": "correct", "images": [str(first)], "label": "Lynx lynx"}
    assert (
        await desk.field.call("POST", "/identifications", {"identifications": [said]})
    ).status_code == 201
    # An identification before the image is gathered is exported.
    rows = await desk.read((await desk.build(asked["id"]))["id"])
    assert len([row for row in rows if row["said"]]) == 1
    after = await desk.read((await desk.make())["id"])
    [corrected] = [row for row in after if row["said"]]
    assert {row["reviewed"] for row in after if row["image_id"] == str(first)} == {"True"}
    assert (corrected["type"], corrected["said_label"], corrected["said_by"]) == (
        "image",
        "Lynx lynx",
        "reviewer 1",
    )
    assert "@" not in str(after)


async def test_identification_is_kept_after_a_new_run(desk: Desk) -> None:
    field = desk.field
    [(box,)] = await field.ask(
        "select id from annotations where annotation_type = 'bounding_box' order by id limit 1"
    )
    said = {"kind": "correct", "annotations": [str(box)], "label": "Lynx lynx"}
    assert (
        await field.call("POST", "/identifications", {"identifications": [said]})
    ).status_code == 201
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    rows = await desk.read((await desk.make())["id"])
    assert [(row["observation_id"], row["said_label"]) for row in rows if row["said"]] == [
        (str(box), "Lynx lynx")
    ]
    assert len(rows) == 3, "and the new box in its place is not beside it"


async def test_visibility_and_sequence_sizes_are_gathered(desk: Desk) -> None:
    field, system = desk.field, desk.field.system
    first, second, third = field.images
    await field.change("update images set thumbnails_at = now()")
    await field.change(
        "update images set sequence_id = %s where id <> %s", sequence := uuid4(), third
    )
    await field.change(
        "update annotations set class_name = 'person', confidence = 0.1 where image_id = %s", second
    )
    for is_public, shown in ((True, {first}), (False, set())):
        await field.change(
            "update projects set public = %s where id = %s", is_public, field.project
        )
        chosen: dict[str, Any] = {
            "selection": {"images": [str(first), str(second)]},
            "options": {"confidence_min": 0.5},
        }
        export = UUID((await desk.ask(**chosen))["id"])
        folder = get_work_folder(system) / str(export)
        with lock_folder(folder):
            async with system.database.transaction(SYSTEM) as tx:
                row = await claim_export(SYSTEM, tx, export, still_for_s=30)
            assert row is not None
            await gather_records(ExportAttempt(system, SYSTEM, row, folder))
        spool = ExportSpool(
            folder,
            msgspec.json.decode((folder / "about.json").read_bytes(), type=ExportMetadata),
            str.encode,
        )
        images = list(spool.images())
        assert spool.about.public == is_public
        assert {image.id for image in images if image.shown} == shown
        assert {(image.sequence_id, image.sequence_images) for image in images} == {(sequence, 2)}


async def test_images_deleted_since_are_counted(desk: Desk) -> None:
    made = await desk.make()
    images = [str(image) for image in desk.field.images]
    body = {"images": images[:2], "reason": "people on it"}
    assert (await desk.field.call("POST", "/images/delete", body)).status_code == 200
    assert (await desk.show(made["id"]))["deleted_since"] == 2
    later = await desk.make()
    assert (later["images"], later["deleted_since"]) == (1, 0)
    await desk.field.call("POST", "/images/restore", {"images": images[:1]})
    assert (await desk.show(made["id"]))["deleted_since"] == 1
    await desk.field.change(
        "update images set deleted_at = deleted_at - interval '61 days' where id = %s", images[1]
    )
    await purge_images(desk.field.system, SYSTEM)
    assert (await desk.show(made["id"]))["deleted_since"] == 1, "also when it is gone for good"


async def test_exports_are_canceled_deleted_and_expired(desk: Desk) -> None:
    system = desk.field.system
    asked = await desk.ask()
    for _ in range(2):
        answer = await desk.field.call("POST", f"/exports/{asked['id']}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
    assert (await desk.build(asked["id"]))["state"] == "canceled"
    made = await desk.make()
    assert (await desk.field.call("POST", f"/exports/{made['id']}/cancel")).status_code == 409
    [(key,)] = await desk.field.ask("select storage_key from exports where id = %s", made["id"])
    assert (await desk.field.call("DELETE", f"/exports/{made['id']}")).status_code == 204
    assert (await desk.field.call("GET", f"/exports/{made['id']}")).status_code == 404
    await desk.field.change("update discarded_files set due_at = now()")
    await purge_discarded_files(system, SYSTEM)
    assert await system.store.find_size(key) is None
    held = "select count(*) from export_images where export_id = %s"
    unmade = await desk.make("camtrap-dp")
    assert (unmade["state"], await desk.field.ask(held, unmade["id"])) == ("invalid", [(3,)])
    old = await desk.make()
    (get_work_folder(system) / str(uuid4())).mkdir(parents=True)
    await desk.field.change("update exports set expires_at = now() where id = %s", old["id"])
    await purge_exports(system, SYSTEM)
    assert (await desk.show(old["id"]))["state"] == "expired"
    assert "Export again" in (await desk.download(old["id"], expect=409)).json()["detail"]
    assert list(get_work_folder(system).iterdir()) == []
    assert await desk.field.ask(held, unmade["id"]) == [(0,)]
    assert await desk.field.ask(held, old["id"]) == [(3,)], (
        "it is told of what somebody may have downloaded"
    )


WRONG: tuple[tuple[dict[str, Any], int], ...] = (
    ({"selection": {"deployment": str(uuid4())}}, 404),
    ({"selection": {"taxon": str(uuid4())}}, 404),
    ({"selection": {"sequence": str(uuid4())}}, 404),
    ({"selection": {"job": 2**62}}, 404),
    ({"selection": {"images": [str(uuid4())]}}, 404),
    ({"selection": {"images": []}}, 422),
    ({"selection": {"deployment": None}}, 422),
    ({"selection": {"images": [str(uuid4())], "starred": True}}, 422),
    ({"selection": {"class_name": "a\0"}}, 422),
    ({"selection": {"confidence_min": 1e400}}, 422),
    ({"selection": {"nonsense": 1}}, 422),
    ({"options": {"confidence_min": 2}}, 422),
    ({"options": {"title": "x"}}, 422),
    ({"format": "xlsx"}, 422),
    ({"project": 2**62}, 404),
)


async def test_invalid_request_stores_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Authorization": f"Token {desk.field.owner}", "Content-Type": "application/json"}
    for wrong, status in WRONG:
        body = json.dumps({"project": desk.field.project, "format": "csv"} | wrong)
        answer = await desk.field.client.post("/api/v2/exports", content=body, headers=headers)
        assert answer.status_code == status, f"{wrong}: {answer.text}"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for form in ("parquet", "geoparquet"):
        assert "'.[server,parquet]' in a clone" in (await desk.ask(form, expect=422))["detail"]
    assert await desk.field.ask("select count(*) from exports") == [(0,)]


async def test_idempotency_key_creates_one_export(desk: Desk) -> None:
    body = {
        "project": desk.field.project,
        "format": "csv",
        "selection": {"starred": False},
        "options": {},
    }
    headers = {"Authorization": f"Token {desk.field.owner}", "Idempotency-Key": "one"}
    told = [
        await desk.field.client.post("/api/v2/exports", json=body, headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in told] == [202, 202]
    assert told[0].json() == told[1].json()
    assert Export.model_validate(told[1].json()).selection.starred is False


async def test_selection_filters_images(desk: Desk) -> None:
    one = str(desk.field.images[0])
    await desk.field.call(
        "PATCH", "/images", {"images": [one], "starred": True, "add_tags": ["=1+1"]}
    )
    chosen: list[tuple[dict[str, Any], int]] = [
        ({"starred": True}, 1),
        ({"tag": "=1+1"}, 1),
        ({"images": [one]}, 1),
        ({"class_name": "nothing"}, 0),
        ({"blank": False}, 3),
        ({"reviewed": True}, 0),
        ({"day_after": "1990-01-01", "analysis_state": "completed"}, 3),
    ]
    for selection, images in chosen:
        made = await desk.make(selection=selection)
        assert (made["state"], made["images"], made["selection"]["starred"]) == (
            "ready", images, selection.get("starred"),
        )  # fmt: skip
    named = await desk.make(selection={"images": [one]})
    [row] = await desk.read(named["id"])
    assert row["tags"] == "'=1+1"
    # Ten thousand IDs are not part of a list, and not of the audit.
    listed = (await desk.field.call("GET", "/exports?limit=1")).json()["results"]
    assert [(each["id"], each["named_images"], each["selection"]["images"]) for each in listed] == [
        (named["id"], 1, None)
    ]
    assert (named["named_images"], named["selection"]["images"]) == (1, [one])
    assert (await desk.show(made["id"]))["named_images"] is None
    [(audited,)] = await desk.field.ask(
        "select details from audit where subject_id = %s limit 1", named["id"]
    )
    assert (audited["selection"], audited["named_images"]) == ({}, 1)
    sure = await desk.make(options={"confidence_min": 1.0})
    assert (sure["images"], sure["annotations"]) == (3, 0)


async def test_image_whose_time_changes_meanwhile_is_exported(desk: Desk, tmp_path: Path) -> None:
    asked, system = await desk.ask(), desk.field.system
    (system.work_folder.parent / failpoints.MARK).touch()
    plan = tmp_path / "plan"
    plan.write_text("1 export page|*|1|fail\n")
    export_gathering.PAGE, page = 1, export_gathering.PAGE
    try:
        failpoints.enable(str(plan), system.work_folder.parent)
        with pytest.raises(ConnectionResetError):
            await build_export(system, SYSTEM, UUID(asked["id"]))
    finally:
        failpoints.enable(None, system.work_folder.parent)
        export_gathering.PAGE = page
    last = "(select id from images order by captured_at desc limit 1)"
    await desk.field.change(
        f"update images set captured_at = captured_at - interval '9 years' where id = {last}"
    )
    made = await desk.build(asked["id"])
    rows = await desk.read(made["id"])
    assert made["images"] == len({row["image_id"] for row in rows}) == 3
    assert [row["captured_at"] for row in rows] == sorted(row["captured_at"] for row in rows)


async def test_errors_are_reported(desk: Desk) -> None:
    asked = await desk.ask()
    await desk.field.change(
        "update annotations set data = '{\"x_min\": 1}' where annotation_type = 'bounding_box'"
    )
    (get_work_folder(desk.field.system) / asked["id"] / "file").mkdir(parents=True)
    failed = await desk.build(asked["id"])
    assert (failed["state"], failed["size_bytes"]) == ("failed", None)
    assert "disk" in failed["error"]
    assert "The export failed" in (await desk.download(asked["id"], expect=409)).json()["detail"]
    asked = await desk.ask()
    await desk.field.change("update exports set attempt = 50 where id = %s", asked["id"])
    assert "Export fewer images at a time" in (await desk.build(asked["id"]))["error"]
    assert (await desk.make())["state"] == "ready", "a box without corners is exported without them"


async def test_megadetector_results_have_the_format_of_timelapse(desk: Desk) -> None:
    made = await desk.make("megadetector")
    found = json.loads((await desk.download(made["id"])).content)
    assert found["info"]["format_version"] == "1.6"
    assert len(found["images"]) == 3
    for image in found["images"]:
        [detection] = image["detections"]
        assert found["detection_categories"][detection["category"]] in (
            "animal",
            "person",
            "vehicle",
        )
        x, y, width, height = detection["bbox"]
        assert 0 <= x < x + width <= 1
        assert 0 <= y < y + height <= 1
        [[number, confidence]] = detection["classifications"]
        assert found["classification_categories"][number]
        assert 0 <= confidence <= 1
