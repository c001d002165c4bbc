"""Imports of result files of other programs, whose entries are matched with images by path."""

import asyncio
import io
import json
import zipfile

import pytest
from tests.support.api_project import SYSTEM, Field
from tests.support.import_client import (
    box,
    faults,
    image,
    list_files,
    make_named_field,
    megadetector,
    send,
    show,
    take,
    wait_for_a_lock,
)

from trapline.server.catalogue.actions import day_counts
from trapline.server.catalogue.actions.changes import sample_changes
from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.imports.actions.result_import import run_import
from trapline.server.platform.app_context import AppContext
from trapline.wire.events import ChangeEvent


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_named_field(system)


async def blank(field: Field) -> list[bool | None]:
    rows = await field.ask(
        "select (select bool_and(o.kind = 'blank') from observations o where o.image_id = i.id) "
        "from images i order by filename"
    )
    return [is_blank for (is_blank,) in rows]


async def test_megadetector_results_become_analyses(field: Field) -> None:
    classified = [["1", 0.2], ["0", 0.7]]
    file = megadetector(
        {
            "file": "DCIM\\100\\img_0.jpg",
            "detections": [box(classifications=classified), box("2", 0.4)],
        },
        {"file": "IMG_1.JPG", "detections": []},
        {"file": "IMG_2.JPG", "failure": "Failure image access", "detections": None},
    )
    taken = await take(field, file)
    assert taken["state"] == "completed", taken
    assert (taken["total"], taken["done"], taken["stored"], taken["annotations"]) == (3, 3, 3, 3)
    assert (taken["faults"], taken["model_failures"]) == (0, 1)
    first, empty, failed, untouched = [await image(field, number) for number in range(4)]
    [analysis] = first["analyses"]
    assert (analysis["model_name"], analysis["model_version"]) == ("md_v5a.0.0", "v5a.0.0")
    assert analysis["status"] == "completed"
    assert analysis["provenance"]["import_id"] == taken["id"]
    animal, named, person = analysis["annotations"]
    width, height = first["width"], first["height"]
    assert (animal["class_name"], person["class_name"]) == ("animal", "person")
    assert animal["confidence"] == pytest.approx(0.9)
    assert animal["data"]["x_min"] == pytest.approx(0.1 * width)
    assert animal["data"]["y_max"] == pytest.approx(0.6 * height)
    assert (named["class_name"], named["parent_id"]) == ("fox", animal["id"])
    assert [one["class"] for one in named["data"]["topk"]] == ["fox", "badger"]
    assert first["classes"] == ["fox", "person"], "the classification names the box"
    assert await blank(field) == [False, True, None, None]
    assert empty["analyses"][0]["annotations"] == []
    assert failed["analyses"][0]["error_message"] == "Failure image access"
    assert untouched["analyses"] == []
    [dirty] = await field.ask(
        "select count(*) from dirty_days where project_id = %s", field.project
    )
    assert dirty[0] > 0


async def test_the_same_file_again_stores_nothing_twice(field: Field) -> None:
    entries = [{"file": f"IMG_{number}.JPG", "detections": [box()]} for number in range(4)]
    first = await take(field, megadetector(*entries))
    again = await take(field, megadetector(*entries, entries[0]))
    assert (first["stored"], first["unchanged"]) == (4, 0)
    assert (again["stored"], again["unchanged"], again["annotations"]) == (0, 4, 0)
    other = await take(field, megadetector(*entries), model_version="6")
    assert (other["stored"], other["unchanged"]) == (4, 0)
    [counted] = await field.ask(
        "select count(*) from annotations where project_id = %s", field.project
    )
    assert counted == (8,)


async def test_invalid_entries_are_reported_by_position(field: Field) -> None:
    file = megadetector(
        {"file": "IMG_0.JPG", "detections": [box()]},
        {"file": "elsewhere/IMG_9.JPG", "detections": []},
        {"file": "IMG_1.JPG", "detections": [box("7")]},
        {"file": "IMG_1.JPG", "detections": [box(conf=1.5)]},
        {"file": "IMG_1.JPG", "detections": [box(bbox=[10, 20, 30, 40])]},
        {"file": "IMG_1.JPG", "detections": [box(bbox=[0.1, 0.2, 0, 0])]},
        {"file": "IMG_1.JPG", "detections": [{"category": "1"}]},
        {"file": "IMG\x00_1.JPG", "detections": "many"},
        17,
    )
    taken = await take(field, file)
    assert (taken["state"], taken["total"], taken["done"]) == ("completed", 9, 9)
    assert (taken["stored"], taken["faults"], taken["unknown"]) == (1, 8, 1)
    told = await faults(field, taken)
    assert [one[:3] for one in told] == [
        ("unknown", "images 2", "elsewhere/IMG_9.JPG"),
        ("wrong", "images 3", "IMG_1.JPG"),
        ("wrong", "images 4", "IMG_1.JPG"),
        ("wrong", "images 5", "IMG_1.JPG"),
        ("wrong", "images 6", "IMG_1.JPG"),
        ("wrong", "images 7", "IMG_1.JPG"),
        ("wrong", "images 8", "IMG\\0_1.JPG"),
        ("wrong", "images 9", None),
    ]
    words = [one[3] for one in told]
    for part, message in zip(
        ("has this name", "category 7", "1.5", "exceeds its image", "no area"), words, strict=False
    ):
        assert part in message
    assert (await image(field, 1))["analyses"] == []


@pytest.mark.parametrize(
    "content",
    [
        b"not JSON",
        b"{}",
        b"[]",
        b'{"images": {}}',
        b'{"images": [{"file": "IMG_0.JPG", "detections": []}]',
        b'{"images": [{"file": "IMG_0.JPG", "detections": []} {}]}',
        b'{"images": [{"file": "IMG_0.JPG", "detections": []}], "detection_categories": {"1": 2}}',
        b'{"images": [{"file": "IMG_0.JPG", "detections": []}], "info": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}",
        b'{"images": [' + b'{"file":' * 50_000,
        b"\xff\xfe\x00",
    ],
)
async def test_broken_file_fails_with_a_reason_and_stores_nothing(
    field: Field, content: bytes
) -> None:
    taken = await take(field, content)
    assert taken["state"] == "failed"
    assert taken["error"].endswith("Nothing was imported.")
    assert "body" not in taken["error"]
    assert (await image(field, 0))["analyses"] == []


async def test_number_of_running_imports_is_limited(field: Field) -> None:
    file = megadetector({"file": "IMG_0.JPG", "detections": []})
    keyed = {"Idempotency-Key": "import-1"}
    first = await send(field, file, headers=keyed)
    await field.change(
        "insert into imports (id, project_id, format, state, filename, size_bytes, sha256,"
        " storage_key, options, requested_by)"
        " select gen_random_uuid(), project_id, format, state, filename, size_bytes, sha256,"
        " '', options, requested_by from imports, generate_series(1, 19)"
    )
    told = await send(field, file, status=409)
    assert told["detail"].startswith(
        "20 imports of this project are queued or running. Nothing was stored"
    )
    assert (await send(field, file, headers=keyed))["id"] == first["id"]
    assert len(list_files(field)) == 1
    await field.call("POST", f"/imports/{first['id']}/cancel")
    assert (await send(field, file))["requested_by"] == first["requested_by"]
    assert first["requested_by"].endswith("@field.example")


async def test_results_of_a_concurrent_import_are_unchanged(field: Field) -> None:
    await take(field, camtrap(), "camtrap-dp")
    async with field.system.database.transaction(SYSTEM) as tx:
        for table in ("identifications", "analyses"):
            await tx.execute(f"create table kept_{table} as select * from {table}")
    await field.change("delete from identifications")
    await field.change("delete from analyses")
    sent = await send(field, camtrap(), "camtrap-dp")
    async with field.system.database.transaction(SYSTEM) as tx:
        await tx.execute("insert into analyses select * from kept_analyses")
        taking = asyncio.create_task(run_import(field.system, SYSTEM, sent["id"]))
        await wait_for_a_lock(field)
    await taking
    assert (await show(field, sent))["state"] == "completed"
    assert (await show(field, sent))["unchanged"] == 2


async def test_import_is_canceled_and_deleted(field: Field) -> None:
    sent = await send(field, megadetector({"file": "IMG_0.JPG", "detections": []}))
    answer = await field.call("POST", f"/imports/{sent['id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
    await run_import(field.system, SYSTEM, sent["id"])
    assert (await image(field, 0))["analyses"] == []
    assert (await field.call("POST", f"/imports/{sent['id']}/cancel")).status_code == 200
    assert (await field.call("DELETE", f"/imports/{sent['id']}")).status_code == 204
    assert (await field.call("GET", f"/imports/{sent['id']}")).status_code == 404
    done = await take(field, megadetector({"file": "IMG_0.JPG", "detections": []}))
    assert (await field.call("POST", f"/imports/{done['id']}/cancel")).status_code == 409


async def test_webhooks_are_notified_of_imported_results(field: Field) -> None:
    await field.change(
        "insert into webhooks (id, project_id, name, url, host, event_types, analyses_of_jobs,"
        " secrets, is_active) values (gen_random_uuid(), %s, '', 'http://receiver.example/',"
        " 'receiver.example:80', '{}', false, '', true)",
        field.project,
    )
    await take(field, megadetector({"file": "IMG_0.JPG", "detections": [box()]}))
    told = await field.ask("select event_type, data->>'image_id' from webhook_deliveries")
    assert told == [("analysis.completed", str(field.images[0]))]


PACKAGE = {
    "resources": [
        {"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")
    ]
}
OBSERVATIONS = (
    "mediaID,observationType,scientificName,count,sex,bboxX,bboxY,bboxWidth,bboxHeight,"
    "classificationMethod,classifiedBy,classificationTimestamp,classificationProbability\n"
    "m0,animal,Vulpes vulpes,,,0.1,0.2,0.3,0.4,machine,Detector 2.0,,0.9\n"
    "m0,animal,meles  meles,2,female,,,,,human,Anna,2026-05-02T10:00:00Z,\n"
    "m1,blank,,,,,,,,human,Anna,2099-01-01T00:00:00Z,\n"
    "m2,animal,Lynx lynx,1,,,,,,human,Anna,,\n"
    "m2,human,,1,,0.5,0.5,0.2,0.2,human,Anna,,\n"
)


def camtrap(observations: str = OBSERVATIONS) -> bytes:
    media = "".join(
        f"m{number},d1,https://media.example/{number},IMG_{number}.JPG\n" for number in range(3)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datapackage.json", json.dumps(PACKAGE))
        archive.writestr(
            "deployments.csv",
            "deploymentID,locationName,latitude,longitude\nd1,camera,51,4\nd2,Old oak,52.5,13\n",
        )
        archive.writestr(
            "media.csv", f"mediaID,deploymentID,filePath,fileName\n{media}m3,d2,,IMG_3.JPG\n"
        )
        archive.writestr("observations.csv", observations)
    return out.getvalue()


async def test_imported_identifications_are_in_the_next_summary_and_reported(
    field: Field, system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_counts, "LONG_S", -1)
    monkeypatch.setattr(day_counts, "KEPT_FOR", 1e9)
    while await update_day_counts(system, SYSTEM):
        pass
    path = f"/summary?project={field.project}"
    assert (await field.call("GET", path)).json()["classes"] == []
    assert (await field.call("GET", path)).json()["is_behind"], "the summary is cached"
    event = ChangeEvent(project_id=field.project, kind="identification")
    before = await sample_changes(system, [field.project])
    rows = OBSERVATIONS.splitlines(keepends=True)
    await take(field, camtrap(rows[0] + rows[2]), "camtrap-dp")
    summary = (await field.call("GET", path)).json()
    assert summary["classes"] == [{"class_name": "meles  meles", "images": 1}]
    after = await sample_changes(system, [field.project])
    assert after.get(event) != before.get(event)


async def test_camtrap_dp_creates_results_and_identifications(
    field: Field,
) -> None:
    body = {"project": field.project, "scientific_name": "Meles meles"}
    taxon = (await field.call("POST", "/taxa", body)).json()["id"]
    taken = await take(field, camtrap(), "camtrap-dp")
    assert taken["state"] == "completed", taken
    assert (taken["deployments"], taken["identifications"], taken["stored"], taken["faults"]) == (
        1,
        4,
        2,
        2,
    )
    [(_, missing, _, reason), (kind, place, file, _)] = await faults(field, taken)
    assert missing == "line 3 of deployments"
    assert reason.startswith("the project has no deployment Old oak")
    assert (kind, place, file) == ("unknown", "line 5 of media", "IMG_3.JPG")
    # The deployment exists and had no location; the other one has no image.
    made = await field.ask("select name, latitude from deployments")
    assert made == [("camera", 51.0)]
    fox, nothing, both, _ = [await image(field, number) for number in range(4)]
    [analysis] = fox["analyses"]
    assert (analysis["model_name"], analysis["model_version"]) == ("Detector", "2.0")
    said = fox["identification"]
    assert (said["kind"], said["taxon_id"], said["label"], said["count"]) == (
        "correct",
        taxon,
        "Meles meles",
        2,
    )
    assert (said["sex"], said["comment"], said["created_at"]) == (
        "female",
        "By Anna",
        "2026-05-02T10:00:00Z",
    )
    assert (nothing["identification"]["kind"], nothing["reviewed"]) == ("blank", True)
    lynx, person = both["analyses"][0]["annotations"]
    assert (lynx["identification"]["label"], person["identification"]["label"]) == (
        "Lynx lynx",
        "human",
    )
    assert person["annotation_type"] == "bounding_box"
    later = {"identifications": [{"kind": "unsure", "images": [str(field.images[1])]}]}
    assert (await field.call("POST", "/identifications", later)).status_code == 201
    assert (await image(field, 1))["identification"]["kind"] == "unsure"
    again = await take(field, camtrap(), "camtrap-dp")
    assert (
        again["deployments"],
        again["identifications"],
        again["stored"],
        again["unchanged"],
    ) == (0, 0, 0, 2)


async def test_all_faults_are_counted_and_the_first_are_stored(field: Field) -> None:
    taken = await take(
        field, megadetector(*[{"file": f"none/{number}.jpg"} for number in range(10_050)])
    )
    assert (taken["faults"], taken["unknown"]) == (10_050, 10_050)
    answer = await field.call("GET", f"/imports/{taken['id']}/faults?limit=1000")
    assert (answer.json()["count"], len(answer.json()["results"])) == (10_000, 1000)
    [kept] = await field.ask("select count(*), max(number) from import_faults")
    assert kept == (10_000, 10_000)


async def test_import_into_a_deployment_matches_only_its_images(field: Field) -> None:
    made = await field.call("POST", "/deployments", {"project": field.project, "name": "Old oak"})
    elsewhere = await take(
        field, megadetector({"file": "IMG_0.JPG", "detections": []}), deployment=made.json()["id"]
    )
    assert (elsewhere["stored"], elsewhere["unknown"]) == (0, 1)
    await send(field, b"{}", status=404, deployment=field.images[0])
    await send(field, b"{}", status=422, format="pdf")


async def test_entry_of_an_image_deleted_meanwhile_is_reported(
    field: Field,
) -> None:
    sent = await send(field, camtrap(), "camtrap-dp")
    async with field.system.database.transaction(SYSTEM) as tx:
        # `for key share` waits for `for update`.
        await tx.execute("select from images where id = any(%b) for update", (field.images[:2],))
        await tx.execute(
            "update images set deleted_at = now() where id = any(%b)", (field.images[:2],)
        )
        taking = asyncio.create_task(run_import(field.system, SYSTEM, sent["id"]))
        await wait_for_a_lock(field)
    await taking
    taken = await show(field, sent)
    assert (taken["state"], taken["done"], taken["stored"], taken["identifications"]) == (
        "completed",
        4,
        1,
        2,
    )
    told = await faults(field, taken)
    assert [one[:3] for one in told] == [
        ("wrong", "line 3 of deployments", None),
        ("unknown", "line 2 of media", "IMG_0.JPG"), ("unknown", "line 3 of media", "IMG_1.JPG"),
        ("unknown", "line 5 of media", "IMG_3.JPG"),
    ]  # fmt: skip
    assert "was deleted during the import" in told[2][3]


async def test_deleted_image_gets_no_results(field: Field) -> None:
    await field.change(
        "update images set deleted_at = now(), deleted_by = 'x' where id = %s", field.images[0]
    )
    taken = await take(field, megadetector({"file": "IMG_0.JPG", "detections": [box()]}))
    assert (taken["stored"], taken["unknown"]) == (0, 1)


async def test_the_least_confidence_of_a_request_leaves_out_boxes(system: AppContext) -> None:
    field = await make_named_field(system)
    content = megadetector({"file": "IMG_0.JPG", "detections": [box(), box(conf=0.1)]})
    for text in ("much", "nan", "1.5", "-0.1"):
        await send(field, content, status=422, confidence_min=text)
    taken = await take(field, content, confidence_min="0.2")
    assert (taken["stored"], taken["annotations"], taken["left_out"]) == (1, 1, 1)
