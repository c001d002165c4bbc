"""Annotations in bulk: all or none, stored once in the order posted, even if posted again."""

import asyncio
import random
from typing import Any
from uuid import uuid4

import pytest
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import begin, box

from trapline.server.platform.app_context import AppContext
from trapline.wire.bulk_annotations import BulkAnnotationsResult


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


def named(parent: Any, name: str = "deer", **changes: Any) -> dict[str, Any]:
    """A classification of a box."""
    return {
        "annotation_type": "classification",
        "class_name": name,
        "confidence": 0.5,
        "data": {"score": 0.5},
        "parent": parent,
    } | changes


async def _count(field: Field) -> int:
    [(count,)] = await field.ask("select count(*) from annotations")
    return int(count)


async def test_the_same_again_creates_nothing_whoever_sends_it(field: Field) -> None:
    outside = await begin(field)
    posted = [
        box(1),
        box(2),
        named(1),
        box(1),
        {"annotation_type": "custom", "data": {"b": [1, 2.5], "a": None}},
    ]
    first = await outside.post(posted)
    BulkAnnotationsResult.model_validate(first)
    assert (first["created"], first["unchanged"], first["total"]) == (4, 1, 4)
    ids = [one["id"] for one in first["annotations"]]
    assert ids[0] == ids[3]
    reordered = [{**one, "data": dict(reversed(one["data"].items()))} for one in posted]
    answers = await asyncio.gather(*[outside.post(reordered) for _ in range(32)])
    for again in answers:
        assert (again["created"], again["unchanged"], again["total"]) == (0, 5, 4)
        assert again["annotations"] == first["annotations"]
    assert await _count(field) == 4


async def test_many_post_at_once_and_each_is_stored_once(field: Field) -> None:
    outside = await begin(field)
    chance = random.Random(3)
    batches = [[box(number) for number in chance.sample(range(40), 20)] for _ in range(32)]
    answers = await asyncio.gather(*[outside.post(batch) for batch in batches])
    distinct = {number["ordering"] for batch in batches for number in batch}
    assert sum(answer["created"] for answer in answers) == len(distinct) == await _count(field)
    ids: dict[int, set[str]] = {}
    for answer in answers:
        for one in answer["annotations"]:
            ids.setdefault(one["ordering"], set()).add(one["id"])
    assert all(len(same) == 1 for same in ids.values())


async def test_replace_swaps_the_whole_set_and_racing_ones_leave_one(field: Field) -> None:
    outside = await begin(field)
    first = await outside.post([box(1), box(2)])
    swapped = await outside.post([box(2), box(3)], mode="replace")
    assert (swapped["created"], swapped["unchanged"], swapped["total"]) == (1, 1, 2)
    assert swapped["annotations"][0]["id"] == first["annotations"][1]["id"]
    assert [one["ordering"] for one in (await outside.show())["annotations"]] == [2, 3]
    sets = [[box(number * 10 + place) for place in range(5)] for number in range(16)]
    await asyncio.gather(*[outside.post(one, mode="replace") for one in sets])
    left = [one["ordering"] for one in (await outside.show())["annotations"]]
    assert left in [[one["ordering"] for one in posted] for posted in sets]
    emptied = await outside.post([], mode="replace")
    assert (emptied["total"], await _count(field)) == (0, 0)


async def test_classifications_find_their_boxes_by_ordering_or_id(field: Field) -> None:
    outside = await begin(field)
    stored = await outside.post([named(9), box(9), box(8)])
    first, nine, eight = stored["annotations"]
    assert first["parent_id"] == nine["id"]
    again = await outside.post([named(nine["id"]), named(eight["id"])])
    assert (again["created"], again["annotations"][0]["id"]) == (1, first["id"])
    assert again["annotations"][1]["parent_id"] == eight["id"]
    shown = {one["id"]: one for one in (await outside.show())["annotations"]}
    assert shown[first["id"]]["parent_id"] == nine["id"]

    other = await begin(field)
    for parent, word in (
        (7, "no box"),
        (str(uuid4()), "not a box"),
        (first["id"], "not a box"),
        ("x", "the ID of a stored box"),
    ):
        answer = await outside.call(
            "POST", "/annotations:bulk", {"annotations": [box(9), named(parent)]}
        )
        assert (answer.status_code, word in answer.json()["detail"]) == (422, True), answer.text
    foreign = await other.call("POST", "/annotations:bulk", {"annotations": [named(nine["id"])]})
    assert foreign.status_code == 422
    twins = {"annotations": [box(9), box(1, ordering=9), named(9)]}
    assert (
        "several boxes" in (await outside.call("POST", "/annotations:bulk", twins)).json()["detail"]
    )
    lost = {"annotations": [named(nine["id"])], "mode": "replace"}
    assert (
        "this request deletes"
        in (await outside.call("POST", "/annotations:bulk", lost)).json()["detail"]
    )
    assert await _count(field) == 4


async def test_a_bad_annotation_refuses_all_and_every_bad_one_is_named(field: Field) -> None:
    outside = await begin(field)
    posted: list[Any] = [box(number) for number in range(200)]
    posted[3] = box(3, data={"x_min": 1})
    posted[7] = box(7, confidence=1.5)
    posted[11] = {"annotation_type": "bbox", "data": {}}
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": posted})
    assert answer.status_code == 422
    assert {error["where"].rpartition("annotations.")[2] for error in answer.json()["errors"]} == {
        "3.data.image_width", "7.confidence", "11.annotation_type"
    }  # fmt: skip
    posted[20] = {"annotation_type": "custom"}
    posted[21] = box(21, confidence="0.5")
    posted[22] = box(22, clas_name="deer")
    posted[23] = "a box"
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": posted})
    places = {error["where"].split(".")[1] for error in answer.json()["errors"]}
    assert places >= {"20", "21", "22", "23", "7", "11"}
    assert await _count(field) == 0
    for mode in ("append", "replace"):
        await outside.post([box(500)])
        await outside.call(
            "POST", "/annotations:bulk", {"annotations": [{"annotation_type": "x"}], "mode": mode}
        )
        assert await _count(field) == 1


ODD = [
    (b"{", 400), (b"", 400), (b"\xff\xfe", 400), (b"[]", 422), (b'{"annotations": {}}', 422),
    (b'{"annotations": [], "mode": "merge"}', 422), ((b'{"annotations": [], "extra": '
                                                     b'1}'), 422), (b"[" * 200_000, 400),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":"\\u0000"}}]}', 422),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":"\\ud800"}}]}', 400),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":NaN}}]}', 400),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":1e999}}]}', 400),
    (
        b'{"annotations":[{"annotation_type":"custom","data":'
        + (b'{"a":' * 5000 + b"1" + b"}" * 5000)
        + b"}]}",
        400,
    ),
    (b'{"annotations":[{"annotation_type":"custom","data":{},"confidence":true}]}', 422),
    (b'{"annotations":[{"annotation_type":"custom","data":{},"ordering":9999999999}]}', 422),
    (b'{"annotations":[{"annotation_type":"custom","data":{},"ordering":1.5}]}', 422),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":"\\\\u0000"}}]}', 200),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":1,"a":2}}]}', 200),
    (b'{"annotations":[{"annotation_type":"custom","data":{"a":' + b"9" * 400 + b"}}]}", 200),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), ODD)
async def test_odd_bodies_are_told_and_store_nothing(
    field: Field, body: bytes, status: int
) -> None:
    outside = await begin(field)
    answer = await outside.call("POST", "/annotations:bulk", body)
    assert answer.status_code == status, answer.text
    assert await _count(field) == (status == 200)
    if status == 200:
        await outside.show()


async def test_the_limit_is_exact(field: Field) -> None:
    outside = await begin(field)
    tiny = [{"annotation_type": "custom", "data": {"n": number}} for number in range(5001)]
    over = await outside.call("POST", "/annotations:bulk", {"annotations": tiny})
    assert (
        over.status_code,
        "5,000" in over.json()["detail"],
        "append" in over.json()["detail"],
    ) == (400, True, True)
    assert (await outside.post(tiny[:5000]))["created"] == 5000
    assert (await outside.post(tiny[4000:]))["created"] == 1


async def test_they_are_read_back_in_ordering_then_as_posted(field: Field) -> None:
    outside = await begin(field)
    free = [{"annotation_type": "custom", "data": {"n": number}} for number in range(6)]
    await outside.post([free[0], box(5), free[1]])
    await outside.post([free[2], box(2), box(-1), *free[3:]])
    read: list[Any] = []
    cursor = ""
    while True:
        page = (
            await field.call("GET", f"/analyses/{outside.id}/annotations?limit=2{cursor}")
        ).json()
        assert page["count"] == 9
        read += page["results"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [one["ordering"] for one in read[:3]] == [-1, 2, 5]
    assert [one["data"]["n"] for one in read[3:]] == list(range(6))
    path = f"/analyses/{outside.id}/annotations"
    signed = await outside.call("GET", "/annotations")
    assert signed.json()["results"] == read
    assert (await field.call("GET", f"{path}?type=bounding_box")).json()["count"] == 3
    assert (await field.call("GET", f"{path}?class=fox")).json()["count"] == 0
    assert (await field.call("GET", f"{path}?class=deer&confidence_min=0.9")).json()["count"] == 3
    assert (await field.call("GET", f"{path}?confidence_min=0.91")).json()["count"] == 0
    assert (await field.call("GET", f"{path}?cursor=xx")).status_code == 400


async def test_nothing_is_taken_after_the_end(field: Field) -> None:
    outside = await begin(field)
    await outside.call("POST", "/finalize", {"status": "completed"})
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": [box()]})
    assert (answer.status_code, "completed" in answer.json()["detail"]) == (409, True)
    presigned = await outside.call(
        "POST", "/artifacts/presign", {"artifact_type": "log", "filename": "a.txt"}
    )
    assert presigned.status_code == 409


async def test_numbers_of_another_frame_are_scaled_and_kept(field: Field) -> None:
    outside = await begin(field)
    data = {
        "x_min": 10,
        "y_min": 5,
        "x_max": 60,
        "y_max": 50,
        "image_width": 400,
        "image_height": 200,
    }
    [one] = (await outside.post([box(data=data)]))["annotations"]
    assert (one["scaled"], one["data"]["x_max"], one["data"]["given"]["x_max"]) == (True, 30, 60)
    [shown] = (await outside.show())["annotations"]
    assert shown == one


async def test_long_score_lists_are_kept_apart_and_told_on_request(field: Field) -> None:
    outside = await begin(field)
    scores = [0.5 / 2500] * 2499 + [0.123456789]
    long = named(
        None, data={"score": 0.1, "scores": scores, "logits": [float(n) for n in range(2500)]}
    )
    stored = await outside.post([long])
    [one] = stored["annotations"]
    assert one["data"] == {"score": 0.1}
    told = (await field.call("GET", f"/annotations/{one['id']}/scores")).json()
    assert told["scores"] == pytest.approx(scores, rel=1e-7)
    assert told["logits"][2499] == 2499
    assert (await outside.post([long]))["created"] == 0
    await outside.post([], mode="replace")
    assert await field.ask("select count(*) from score_vectors") == [(0,)]


async def test_a_wrong_field_is_described_in_plain_sentences(field: Field) -> None:
    outside = await begin(field)
    for path, body, described in (
        (
            "/finalize",
            {"status": "done"},
            "status: must be 'queued', 'processing', 'completed', 'failed' or",
        ),
        (
            "/finalize",
            {"status": "failed", "error_message": 7},
            "error_message: must be a valid string",
        ),
        ("/finalize", {"status": "failed", "colour": "red"}, "colour: is not a known field"),
        ("/artifacts/presign", {"artifact_type": "heatmap"}, "filename: is missing"),
        (
            "/artifacts/presign",
            {"artifact_type": "heatmap", "filename": "h.png", "size": -1},
            "size: must be greater",
        ),
        (
            "/annotations:bulk",
            {"annotations": [box(annotation_type="boxes")]},
            "must be one of bounding_box",
        ),
    ):
        answer = await outside.call("POST", path, body)
        assert answer.status_code == 422, answer.text
        assert described in answer.json()["detail"], answer.text
        for word in (
            "Input should",
            "String should",
            "Field required",
            "not permitted",
            "List should",
        ):
            assert word not in answer.text


async def test_a_colour_map_that_is_not_drawn_is_refused_with_the_list(field: Field) -> None:
    outside = await begin(field)
    path = await outside.add_file("heat.png")
    heat: dict[str, Any] = {
        "annotation_type": "heatmap",
        "storage_path": path,
        "data": {"width": 2, "height": 2},
    }
    wrong = {**heat, "data": {**heat["data"], "color_map": "plasma-2"}}
    answer = await outside.call("POST", "/annotations:bulk", {"annotations": [wrong]})
    assert answer.status_code == 422
    assert "viridis, magma, turbo, jet, grey" in answer.json()["detail"]
    assert (await outside.show())["annotation_count"] == 0


async def test_skip_is_refused_by_name_on_the_lists_of_pipelines(field: Field) -> None:
    """Other servers of this protocol page by `skip`, which would read a whole first page twice."""
    outside = await begin(field)
    headers = {"Authorization": f"Token {field.owner}"}
    for path in (
        f"/api/images/{field.images[0]}/analyses",
        f"/api/analyses/{outside.id}/annotations",
    ):
        for query in ("skip=5", "limit=5&skip=0", "offset=5"):
            answer = await field.client.get(f"{path}?{query}", headers=headers)
            assert answer.status_code == 422, (path, query)
            assert "`cursor`" in answer.json()["detail"]
        assert (await field.client.get(f"{path}?limit=5", headers=headers)).status_code == 200
