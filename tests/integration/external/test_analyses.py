"""Analyses of external pipelines: created, changed by callbacks, ended once."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import Outside, ask, begin, box

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext, CallbackSettings
from trapline.wire.analyses import Analysis
from trapline.wire.auth import NewToken, Role, TokenKind


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def rebuild_field(field: Field) -> Field:
    """Return the field behind a server with the settings of its system."""
    transport = httpx2.ASGITransport(wrap_middleware(application_of(field.system)))
    return replace(
        field, client=httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
    )


async def test_a_pipeline_goes_the_whole_way(field: Field) -> None:
    outside = await begin(
        field, parameters={"threshold": 0.5}, provenance={"host": "gpu-1"}, external_job_id="run 7"
    )
    fresh = await outside.show()
    assert (fresh["status"], fresh["started_at"], fresh["requested_by_id"]) == (
        "queued",
        None,
        str(field.user_id),
    )
    assert "callback_secret" not in fresh
    assert (fresh["parameters"], fresh["external_job_id"], fresh["priority"]) == (
        {"threshold": 0.5},
        "run 7",
        "normal",
    )

    moved = await outside.call("PATCH", "/status", {"status": "processing"})
    assert (moved.status_code, moved.json()["status"]) == (200, "processing")
    path = await outside.add_file("heat.png")
    heat = {"annotation_type": "heatmap", "data": {"width": 20, "height": 10}, "storage_path": path}
    top = [{"class": "red deer", "confidence": 0.7}, {"class": "roe deer", "confidence": 0.2}]
    named = {
        "annotation_type": "classification", "class_name": "red deer", "confidence": 0.7,
        "data": {"topk": top},
        "parent": 0,
    }  # fmt: skip
    stored = await outside.post([box(), heat, named])
    assert (stored["created"], stored["unchanged"], stored["total"]) == (3, 0, 3)
    assert stored["annotations"][2]["parent_id"] == stored["annotations"][0]["id"]

    ended = await outside.call("POST", "/finalize", {"status": "completed"})
    assert ended.status_code == 200, ended.text
    analysis = Analysis.model_validate(ended.json())
    assert (analysis.status, analysis.annotation_count) == ("completed", 3)
    assert analysis.started_at is not None
    assert analysis.completed_at is not None
    shown = await outside.show()
    assert [one["annotation_type"] for one in shown["annotations"]] == [
        "bounding_box",
        "heatmap",
        "classification",
    ]
    seen = await field.client.get(shown["annotations"][1]["download_url"])
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/png")

    image = (await field.call("GET", f"/images/{field.images[0]}")).json()
    assert image["analysis_state"] == "completed"
    assert image["classes"] == ["red deer"], "the classification names the box"
    assert len(image["boxes"]) == 1
    rows = await field.ask(
        "select number, from_state, to_state, actor from analysis_moves order by number"
    )
    assert [row[1:3] for row in rows] == [
        ("new", "queued"),
        ("queued", "processing"),
        ("processing", "completed"),
    ]
    assert rows[2][3] == f"analysis:{outside.id}"
    assert await _is_blank(field) is False


async def test_finalize_ends_a_queued_analysis_at_once(field: Field) -> None:
    outside = await begin(field)
    ended = (
        await outside.call(
            "POST", "/finalize", {"status": "failed", "error_message": "out of memory"}
        )
    ).json()
    assert (ended["status"], ended["error_message"]) == ("failed", "out of memory")
    assert ended["started_at"] == ended["completed_at"]


async def test_an_analysis_that_found_nothing_makes_its_image_blank(field: Field) -> None:
    await (await begin(field)).call("POST", "/finalize", {"status": "completed"})
    custom = await begin(field, field.images[1])
    await custom.post([{"annotation_type": "custom", "data": {"sharpness": 3}}])
    await custom.call("POST", "/finalize", {"status": "completed"})
    assert [await _is_blank(field, image) for image in (0, 1)] == [True, None]


MOVES = [
    ("queued", "processing", 200), ("queued", "completed", 409), ("queued", "failed", 409),
    ("queued", "canceled", 200),
    ("queued", "queued", 200), ("processing", "queued", 409), ("processing", "completed", 200),
    ("processing", "failed", 200), ("processing", "canceled", 200),
    ("processing", "processing", 200),
    ("completed", "failed", 409), ("completed", "processing", 409), ("completed", "completed", 200),
    ("failed", "completed", 409), ("failed", "queued", 409), ("canceled", "processing", 409),
]  # fmt: skip


@pytest.mark.parametrize(("before", "target", "status"), MOVES)
async def test_a_move_is_allowed_or_told_with_both_states(
    field: Field, before: str, target: str, status: int
) -> None:
    outside = await begin(field)
    if before != "queued":
        await outside.call("PATCH", "/status", {"status": "processing"})
    if before not in ("queued", "processing"):
        await outside.call("PATCH", "/status", {"status": before})
    history = await field.ask("select count(*) from analysis_moves")
    answer = await outside.call("PATCH", "/status", {"status": target})
    assert answer.status_code == status, answer.text
    if status == 409:
        assert before in answer.json()["detail"]
        assert target in answer.json()["detail"]
    state = target if status == 200 else before
    assert (await outside.show())["status"] == state
    moved = int(status == 200 and before != target)
    assert await field.ask("select count(*) from analysis_moves") == [(history[0][0] + moved,)]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/finalize", {"status": "processing"}, "status"),
        ("/finalize", {"status": "done"}, "status"),
        ("/finalize", {"status": "completed", "error_message": "but why"}, "error_message"),
        ("/finalize", {"status": "completed", "sttus": 1}, "sttus"),
        ("/finalize", {}, "status"),
    ],
)
async def test_a_wrong_body_names_its_field(field: Field, path: str, body: Any, where: str) -> None:
    outside = await begin(field)
    answer = await outside.call("POST", path, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["where"] == where
    assert (await outside.show())["status"] == "queued"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 60_000])
async def test_a_signed_body_that_is_no_json_is_told(field: Field, body: bytes) -> None:
    answer = await (await begin(field)).call("POST", "/finalize", body)
    assert answer.status_code == 400, answer.text


async def test_the_image_in_the_body_must_be_that_of_the_url(field: Field) -> None:
    image = field.images[0]
    body = {"image_id": str(field.images[1]), "model_name": "deer-net", "model_version": "1"}
    answer = await field.call("POST", f"/images/{image}/analyses", body)
    assert (answer.status_code, "image_id" in answer.json()["detail"]) == (400, True)
    missing = str(uuid4())
    answer = await field.call("POST", f"/images/{missing}/analyses", body | {"image_id": missing})
    assert answer.status_code == 404
    wrong: list[dict[str, Any]] = [
        {"model_name": "x"}, {"model_name": "a b"}, {"model_version": ""},
        {"model_version": "v" * 101}
    ]  # fmt: skip
    for changes in wrong:
        assert (await ask(field, **changes)).status_code == 422


async def test_the_same_request_makes_one_analysis_and_tells_its_secret_again(field: Field) -> None:
    image = field.images[0]
    body = {"image_id": str(image), "model_name": "deer-net", "model_version": "1"}
    headers = {"Authorization": f"Bearer {field.owner}", "Idempotency-Key": "once"}
    answers = [
        await field.client.post(f"/api/images/{image}/analyses", json=body, headers=headers)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert answers[0].json() == answers[2].json()
    assert answers[0].headers["location"] == f"/api/analyses/{answers[0].json()['id']}"
    other = await field.client.post(
        f"/api/images/{image}/analyses", json=body | {"model_version": "2"}, headers=headers
    )
    assert other.status_code == 409
    [(kept,)] = await field.ask("select answer from idempotency_keys")
    assert answers[0].json()["callback_secret"].encode() not in bytes(kept)


async def test_an_analysis_of_a_job_is_the_lines_alone(field: Field) -> None:
    job = await field.run_job()
    [task, *_] = await field.lease(job)
    [(key,)] = await field.ask(
        "select id from analyses where image_id = %s and job_id = %s", task["image_id"], job
    )
    from trapline.server.external.actions.callbacks import derive_secret

    outside = Outside(field, str(key), derive_secret(field.system, key))
    answers = [
        await outside.call("PATCH", "/status", {"status": "completed"}),
        await outside.call("POST", "/finalize", {"status": "completed"}),
        await outside.call("POST", "/annotations:bulk", {"annotations": [box()]}),
        await outside.call(
            "POST", "/artifacts/presign", {"artifact_type": "log", "filename": "log.txt"}
        ),
        await field.call("PATCH", f"/analyses/{key}/status", {"status": "canceled"}),
    ]
    assert [answer.status_code for answer in answers] == [409] * 5
    assert f"job {job}" in answers[0].json()["detail"]
    assert (await outside.show())["status"] == "processing"


async def test_a_person_may_cancel_and_nothing_else(field: Field) -> None:
    outside = await begin(field)
    for status in ("processing", "completed"):
        answer = await field.call("PATCH", f"/analyses/{outside.id}/status", {"status": status})
        assert answer.status_code == 401, answer.text
    assert (
        await field.call("POST", f"/analyses/{outside.id}/finalize", {"status": "completed"})
    ).status_code == 401
    canceled = await field.call("PATCH", f"/analyses/{outside.id}/status", {"status": "canceled"})
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")


async def test_tokens_may_call_back_where_the_operator_lets_them(field: Field) -> None:
    outside = await begin(field)
    field.system = replace(field.system, callbacks=CallbackSettings(require_signature=False))
    lax = await rebuild_field(field)
    scope = Scope(actor="user:x", user_id=field.user_id, roles={field.project: Role.OWNER})
    pipeline = (
        await create_token(field.system, scope, NewToken(name="p", kind=TokenKind.PIPELINE))
    ).token
    path = f"/analyses/{outside.id}"
    moved = await lax.call("PATCH", f"{path}/status", {"status": "processing"}, pipeline)
    assert moved.status_code == 200, moved.text
    assert (
        await lax.call("POST", f"{path}/annotations:bulk", {"annotations": [box()]}, pipeline)
    ).status_code == 200
    wrong = await Outside(lax, outside.id, "wrong").call(
        "POST", "/finalize", {"status": "completed"}
    )
    assert wrong.status_code == 401
    worker = await lax.call("POST", f"{path}/finalize", {"status": "completed"}, field.worker)
    assert worker.status_code == 403
    assert (await lax.call("POST", f"{path}/finalize", {"status": "completed"}, pipeline)).json()[
        "status"
    ] == "completed"


async def test_analyses_are_listed_newest_first_with_their_number(field: Field) -> None:
    made = [(await begin(field)).id for _ in range(3)]
    path = f"/images/{field.images[0]}/analyses"
    first = (await field.call("GET", f"{path}?limit=2")).json()
    assert (first["count"], first["count_is_estimate"]) == (3, False)
    rest = (await field.call("GET", f"{path}?limit=2&cursor={first['next']}")).json()
    assert [one["id"] for one in first["results"] + rest["results"]] == made[::-1]
    assert rest["next"] is None


async def test_an_analysis_without_news_is_stale(field: Field) -> None:
    outside = await begin(field)
    assert (await outside.show())["is_stale"] is False
    await field.change("update analyses set updated_at = now() - interval '2 hours'")
    assert (await outside.show())["is_stale"] is True
    await outside.call("POST", "/finalize", {"status": "completed"})
    assert (await outside.show())["is_stale"] is False


async def test_racing_finalizes_have_one_winner(field: Field) -> None:
    for number in range(10):
        outside = await begin(field, model_version=str(number))
        ends = [{"status": "completed"}, {"status": "failed", "error_message": f"try {number}"}] * 4
        answers = await asyncio.gather(*[outside.call("POST", "/finalize", end) for end in ends])
        final = (await outside.show())["status"]
        expected = [200 if end["status"] == final else 409 for end in ends]
        assert [answer.status_code for answer in answers] == expected
    rows = await field.ask(
        "select analysis_id from analysis_moves where to_state in ('completed', 'failed')"
    )
    assert len(rows) == len(set(rows)) == 10


async def _end(outside: Outside, *annotations: dict[str, Any], status: str = "completed") -> None:
    if annotations:
        await outside.post(list(annotations))
    assert (await outside.call("POST", "/finalize", {"status": status})).status_code == 200


async def _is_blank(field: Field, image: int = 0) -> bool | None:
    kinds = await field.ask(
        "select kind from observations where image_id = %s", field.images[image]
    )
    return {kind for (kind,) in kinds} == {"blank"} if kinds else None


async def test_an_image_is_blank_by_the_analysis_whose_boxes_it_shows(field: Field) -> None:
    older, newer, newest = [await begin(field) for _ in range(3)]
    await _end(newest, status="failed")
    await _end(newer, box())
    await _end(older)
    assert await _is_blank(field) is False
    assert len((await field.call("GET", f"/images/{field.images[0]}")).json()["boxes"]) == 1
    older, newer = [await begin(field, field.images[1]) for _ in range(2)]
    await _end(newer)
    await _end(older, box())
    assert await _is_blank(field, 1) is True
    assert (await field.call("GET", f"/images/{field.images[1]}")).json()["boxes"] == []
    older, newer = [await begin(field, field.images[2]) for _ in range(2)]
    await _end(older, box())
    assert await _is_blank(field, 2) is False
    await _end(newer)
    assert await _is_blank(field, 2) is True


async def test_ends_that_race_leave_the_word_of_the_newest(field: Field) -> None:
    for number in range(8):
        racing = [await begin(field, model_version=f"{number}.{place}") for place in range(4)]
        for place, outside in enumerate(racing):
            if (place + number) % 2:
                await outside.post([box()])
        await asyncio.gather(
            *[outside.call("POST", "/finalize", {"status": "completed"}) for outside in racing]
        )
        shown = (await field.call("GET", f"/images/{field.images[0]}")).json()
        assert (await _is_blank(field), shown["boxes"] == []) == (
            bool(number % 2),
            bool(number % 2),
        )


async def test_a_classification_without_a_class_names_the_surest_of_its_top_k(field: Field) -> None:
    def guess(*topk: tuple[str, float], **changes: Any) -> dict[str, Any]:
        listed = [{"class": name, "confidence": confidence} for name, confidence in topk]
        return {"annotation_type": "classification", "data": {"topk": listed}} | changes

    await _end(
        await begin(field),
        guess(("lynx", 0.7), ("cat", 0.2)),
        guess(("lynx", 0.8), ("fox", 0.8)),
        guess(("cat", 0.1), ("wolf", 1e-200), ("bear", 0.9), confidence=0.3),
        guess(("owl", 0.9), class_name="bird"),
        guess(),
        {"annotation_type": "classification", "data": {"topk": None, "score": 0.5}},
        {"annotation_type": "custom", "data": {"topk": [{"class": "car", "confidence": 1}]}},
        box(confidence=0.9),
    )
    rows = await field.ask("select class_name, confidence from image_classes order by class_name")
    assert rows == [("bear", 0.3), ("bird", 0.0), ("deer", 0.9), ("lynx", 0.8)]
    assert await _is_blank(field) is False
    found = (
        await field.call("GET", f"/images?project={field.project}&class=lynx&confidence_min=0.8")
    ).json()
    assert [image["id"] for image in found["results"]] == [str(field.images[0])]
