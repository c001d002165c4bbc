"""Edge cases of callbacks: slow bodies, revoked keys, changed files, and unusual sizes."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import Outside, begin, box
from tests.support.image_factory import make_png

from trapline.client.signing import sign_v1, sign_v2
from trapline.server.app.http.application import wrap_middleware
from trapline.server.external.actions.artifacts import purge_orphans
from trapline.server.operations.actions.retention import purge_used_signatures
from trapline.server.platform.app_context import AppContext, ByteBudget, CallbackSettings


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


class _Slow:
    """A body whose last byte is held back."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body[:-1]
        self.reached.set()
        await self.go_on.wait()
        yield self.body[-1:]


def _bulk(*annotations: dict[str, Any], mode: str = "append") -> bytes:
    return json.dumps({"annotations": annotations, "mode": mode}).encode()


async def test_a_captured_request_that_is_sent_slowly_still_does_nothing(field: Field) -> None:
    outside = await begin(field)
    body = _bulk(box(1), mode="replace")
    captured = sign_v1(outside.secret, body)
    path = f"/api/analyses/{outside.id}/annotations:bulk"
    slow = _Slow(body)
    late = asyncio.create_task(field.client.post(path, content=slow, headers=captured))
    await slow.reached.wait()
    assert (await field.client.post(path, content=body, headers=captured)).status_code == 200
    await outside.post([box(2)], mode="replace")
    # Twice the tolerance of a signature has passed; a request that began in time may still be in
    # progress.
    await field.change("update used_signatures set expires_at = expires_at - interval '11 minutes'")
    await purge_used_signatures(field.system, SYSTEM)
    slow.go_on.set()
    answer = await late
    assert (answer.status_code, answer.json()["created"]) == (200, 0)
    assert [one["ordering"] for one in (await outside.show())["annotations"]] == [2]


@pytest.mark.parametrize("gone", ["revoked", "service"])
async def test_a_key_that_goes_while_the_body_comes_signs_nothing(field: Field, gone: str) -> None:
    outside = await begin(field)
    asked = {"projects": [field.project], "service": "gpu"}
    key = (await field.call("POST", "/callback_keys", asked)).json()
    body = _bulk(box(1))
    path = f"/api/analyses/{outside.id}/annotations:bulk"
    slow = _Slow(body)
    headers = sign_v2(key["key_id"], key["secret"], "POST", path, body)
    late = asyncio.create_task(field.client.post(path, content=slow, headers=headers))
    await slow.reached.wait()
    if gone == "revoked":
        assert (await field.call("DELETE", f"/callback_keys/{key['id']}")).status_code == 204
    else:
        await field.change(
            "delete from service_projects where service_id = (select service_id from callback_keys)"
        )
    slow.go_on.set()
    assert (await late).status_code == 401
    assert await field.ask("select count(*) from annotations") == [(0,)]


async def test_bodies_that_cannot_be_judged_yet_share_their_room(field: Field) -> None:
    callbacks = CallbackSettings(unverified=ByteBudget(150_000))
    transport = httpx2.ASGITransport(
        wrap_middleware(application_of(replace(field.system, callbacks=callbacks)))
    )
    client = httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
    outside = await begin(field)
    body = _bulk(*[box(number) for number in range(600)])
    assert 75_000 < len(body) < 150_000
    path = f"/api/analyses/{outside.id}/annotations:bulk"
    slow = _Slow(body)
    first = asyncio.create_task(
        client.post(path, content=slow, headers=sign_v1(outside.secret, body))
    )
    await slow.reached.wait()
    crowded = await client.post(path, content=body, headers=sign_v1("wrong", body))
    assert (crowded.status_code, "retry-after" in crowded.headers) == (503, True)
    slow.go_on.set()
    assert (await first).status_code == 200
    assert (
        await client.post(path, content=body, headers=sign_v1("wrong", body))
    ).status_code == 401


async def test_only_annotations_may_be_long(field: Field) -> None:
    outside = await begin(field)
    many = {str(number): 1 for number in range(20_000)}
    for method, path in (
        ("PATCH", "/status"),
        ("POST", "/finalize"),
        ("POST", "/artifacts/presign"),
    ):
        assert (await outside.call(method, path, many)).status_code == 413
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": [many] * 50})
    assert answer.status_code == 422
    assert "more than 20 fields" in answer.json()["detail"]
    assert (
        await outside.call("POST", "/annotations:bulk", {"annotations": [], **many})
    ).status_code == 422


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


async def test_nested_values_that_are_stored_can_be_returned(field: Field) -> None:
    outside = await begin(field, parameters={"deep": _nested(60)})
    await outside.post([{"annotation_type": "custom", "data": {"deep": _nested(62)}}])
    for depth in (64, 150, 300, 900):
        answer = await outside.call(
            "POST",
            "/annotations:bulk",
            {"annotations": [{"annotation_type": "custom", "data": {"a": _nested(depth)}}]},
        )
        assert answer.status_code in (400, 422), depth
    large = {"annotation_type": "custom", "data": {"a": "x" * (2 * 1024 * 1024)}}
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": [large]})
    assert (answer.status_code, "longer than" in answer.json()["detail"]) == (422, True)
    ended = await outside.call("POST", "/finalize", {"status": "completed"})
    assert ended.json()["annotation_count"] == 1
    image = field.images[0]
    for parameters in ({"a": _nested(70)}, {"a": "x" * 70_000}):
        body = {
            "image_id": str(image),
            "model_name": "deer-net",
            "model_version": "1",
            "parameters": parameters,
        }
        assert (await field.call("POST", f"/images/{image}/analyses", body)).status_code == 422
    assert (await field.call("GET", f"/images/{image}")).status_code == 200


async def test_the_same_numbers_in_another_form_are_the_same_annotation(field: Field) -> None:
    outside = await begin(field)
    frame = {"image_width": 200, "image_height": 100}
    scaled = {"image_width": 400, "image_height": 200}
    first: list[dict[str, Any]] = [
        box(data={"x_min": 0, "y_min": 2, "x_max": 30, "y_max": 40, **frame}),
        box(data={"x_min": 0, "y_min": 2, "x_max": 30, "y_max": 40, **scaled}, ordering=7),
        {"annotation_type": "classification", "data": {"score": 1}, "confidence": 0},
        {
            "annotation_type": "segmentation",
            "data": {"format": "polygon", "points": [[0, 0], [9, 0], [9, 9]]},
        },
    ]
    stored = await outside.post(first)
    assert stored["created"] == 4
    other: list[dict[str, Any]] = [
        box(
            data={
                "x_min": -0.0,
                "y_min": 2.0,
                "x_max": 30.0,
                "y_max": 40,
                "image_width": 200.0,
                "image_height": 100,
            }
        ),
        {**first[1], "data": stored["annotations"][1]["data"]},
        {"annotation_type": "classification", "data": {"score": 1.0}, "confidence": -0.0},
        {
            "annotation_type": "segmentation",
            "data": {"format": "polygon", "points": [[0.0, 0], [9, -0.0], [9.0, 9]]},
        },
    ]
    again = await outside.post(other)
    assert (again["created"], again["total"]) == (0, 4)


@pytest.mark.parametrize("end", ["failed", "canceled", "completed"])
async def test_the_files_of_an_ended_analysis_stay(field: Field, end: str) -> None:
    outside = await begin(field)
    log = await outside.add_file("crash.log", "log", b"out of memory")
    heat = await outside.add_file("heat.png")
    way = ("PATCH", "/status") if end == "canceled" else ("POST", "/finalize")
    assert (await outside.call(*way, {"status": end})).status_code == 200
    await field.change("update artifacts set presigned_at = now() - interval '8 days'")
    await field.change("update analyses set updated_at = now() - interval '8 days'")
    await purge_orphans(field.system, SYSTEM)
    rows = await field.ask("select storage_path, state from artifacts order by created_at")
    assert rows == [(log, "cited"), (heat, "uploaded")]
    assert await field.system.store.find_size(log) == 13


async def test_cited_files_and_ended_analyses_are_not_overwritten(field: Field) -> None:
    outside = await begin(field)
    signed = await outside.presign("heat.png")
    assert (await outside.upload(signed, make_png())).is_success
    heat = {
        "annotation_type": "heatmap", "data": {"width": 20, "height": 10},
        "storage_path": signed["storage_path"]
    }  # fmt: skip
    other = await outside.presign("other.png")
    await outside.post([heat])
    assert (await outside.upload(signed, make_png(shade=9))).status_code == 409
    await outside.call("POST", "/finalize", {"status": "completed"})
    assert (await outside.upload(other, make_png())).status_code == 409
    shown = (await outside.show())["annotations"][0]
    assert (await outside.fetch(shown["download_url"])).content == make_png()


async def test_a_heatmap_is_drawn_from_a_picture(field: Field) -> None:
    outside = await begin(field)
    path = await outside.add_file("log.txt", "log", make_png())
    heat = {"annotation_type": "heatmap", "data": {"width": 20, "height": 10}, "storage_path": path}
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": [heat]})
    assert (answer.status_code, "is a log" in answer.json()["detail"]) == (422, True)


async def test_a_repeat_after_the_end_is_answered_with_the_present_state(field: Field) -> None:
    outside = await begin(field)
    body = _bulk(box(1))
    asked = json.dumps({"artifact_type": "log", "filename": "a.txt"}).encode()
    captured, presign = sign_v1(outside.secret, body), sign_v1(outside.secret, asked)
    first = await outside.call("POST", "/annotations:bulk", body, headers=captured)
    await outside.call("POST", "/artifacts/presign", asked, headers=presign)
    await outside.call("POST", "/finalize", {"status": "completed"})
    again = await outside.call("POST", "/annotations:bulk", body, headers=captured)
    assert (again.status_code, again.json()["annotations"]) == (200, first.json()["annotations"])
    assert (again.json()["created"], again.json()["unchanged"]) == (0, 1)
    assert (
        await outside.call("POST", "/artifacts/presign", asked, headers=presign)
    ).status_code == 200
    # Signed at a time that nothing before was signed at, however slow this was.
    fresh = await Outside(field, outside.id, outside.secret, 100).call(
        "POST", "/annotations:bulk", body
    )
    assert fresh.status_code == 409
