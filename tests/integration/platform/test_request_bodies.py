"""Bodies of results: packed, large, half broken, too large; what is sound in them is stored."""

import gzip
import json
import random
import resource
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import numpy as np
import pytest
from backports import zstd
from tests.support.api_project import Field, failure, make_field, success

from trapline.server.findings.rules.packed_data import unpack_data
from trapline.server.findings.rules.score_codec import decode_scores
from trapline.server.platform.app_context import AppContext, IngestLimits

CLASSES = 2_500


@pytest.fixture
async def field(system: AppContext) -> AsyncIterator[Field]:
    made = await make_field(system, images=6)
    yield made
    await made.client.aclose()


async def post(field: Field, job: int, content: Any, **headers: str) -> httpx2.Response:
    """Post bytes, or pieces of them as they come, as a worker."""
    return await field.client.post(
        f"/api/v2/jobs/{job}/result/",
        content=content,
        headers={"Authorization": f"Token {field.worker}", "Content-Type": "application/json"}
        | headers,
    )


def scored(task: dict[str, Any], crops: int, seed: int) -> dict[str, Any]:
    """Build a result with `crops` boxes, each with long lists."""
    result = success(task)
    [detection] = result["result"]["detections"]
    [named] = detection["classifications"]
    detections = []
    for crop in range(crops):
        logits = np.random.default_rng(seed * 100 + crop).normal(0, 3, CLASSES).astype(np.float32)
        powers = np.exp(logits - logits.max())
        lists = {"scores": (powers / powers.sum()).tolist(), "logits": logits.tolist()}
        box = {"x1": float(crop), "y1": 2.0, "x2": crop + 10.0, "y2": 22.0}
        classification = named | lists | {"classification": f"class {seed}.{crop}"}
        detections.append(detection | {"bbox": box, "classifications": [classification]})
    result["result"] = result["result"] | {"detections": detections}
    return result


@pytest.mark.parametrize(
    ("name", "pack"),
    [("gzip", gzip.compress), ("zstd", zstd.compress), ("identity", bytes)],
    ids=["gzip", "zstd", "identity"],
)
async def test_packed_bodies_are_taken(field: Field, name: str, pack: Any) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    body = json.dumps({"results": [success(task) for task in tasks]}).encode()
    answer = await post(field, job, pack(body), **{"Content-Encoding": name})
    assert answer.status_code == 200, answer.text
    assert [task["status"] for task in answer.json()["tasks"]] == ["accepted"] * 6
    assert (await field.counters(job))[0] == "completed"


async def test_broken_packing_is_said_and_stores_nothing(field: Field) -> None:
    job = await field.run_job()
    body = json.dumps({"results": [success(task) for task in await field.lease(job)]}).encode()
    for name, content, status in (
        ("gzip", body, 400),
        ("zstd", body, 400),
        ("gzip", gzip.compress(body)[:-9], 400),
        ("zstd", zstd.compress(body)[:-9], 400),
        ("zstd", zstd.compress(body) + b"more", 400),
        ("gzip", gzip.compress(body) + b"more", 400),
        ("gzip", gzip.compress(body) + gzip.compress(b" "), 400),
        ("br", body, 415),
    ):
        answer = await post(field, job, content, **{"Content-Encoding": name})
        assert answer.status_code == status, (name, answer.text)
        assert "Nothing was stored" in answer.json()["detail"]
    assert await field.ask("select count(*) from annotations") == [(0,)]


@pytest.mark.parametrize("pack", [zlib, zstd], ids=["gzip", "zstd"])
async def test_a_bomb_is_refused_before_it_unfolds(field: Field, pack: Any) -> None:
    small = replace(field.system, limits=IngestLimits(result_bytes=4 << 20))
    field.client._transport.app.app.state.system = small  # type: ignore[attr-defined]
    job = await field.run_job()
    plain = b" " * (512 << 20)
    packed = zstd.compress(plain) if pack is zstd else gzip.compress(plain, 1)
    del plain
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await post(
        field, job, packed, **{"Content-Encoding": "zstd" if pack is zstd else "gzip"}
    )
    assert answer.status_code == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB


async def test_a_large_body_is_stored_whole_and_paired_rightly(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    results = [scored(task, 5, seed) for seed, task in enumerate(tasks)]
    body = json.dumps({"results": results}).encode()
    assert len(body) > 2 << 20, "several groups"
    answer = await post(field, job, body)
    assert [task["status"] for task in answer.json()["tasks"]] == ["accepted"] * 6
    rows = await field.ask(
        """
        select a.image_id, box.data, box.class_name, box.algorithm_id, named.class_name,
        v.content, v.encoding
        from annotations named join annotations box on box.id = named.parent_id
        join analyses a on a.id = named.analysis_id
        join score_vectors v on v.annotation_id = named.id
        order by a.image_id, named.ordering
        """
    )
    assert len(rows) == 30
    by_image = {
        task["image_id"]: (seed, result)
        for seed, (task, result) in enumerate(zip(tasks, results, strict=True))
    }
    for number, (image, data, box_name, algorithm, name, content, encoding) in enumerate(rows):
        seed, result = by_image[str(image)]
        crop = number % 5
        x_min = unpack_data(data, box_name, algorithm)["x_min"]
        assert (x_min, name, box_name) == (crop, f"class {seed}.{crop}", f"class {seed}.{crop}")
        sent = result["result"]["detections"][crop]["classifications"][0]
        stored = decode_scores(content, encoding)
        assert stored.scores.tobytes() == np.array(sent["scores"], np.float32).tobytes()
        assert stored.logits is not None
        assert stored.logits.tobytes() == np.array(sent["logits"], np.float32).tobytes()


async def test_an_element_that_is_no_json_harms_no_other(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    for filling in ("", "x" * (2 << 20)):
        broken = json.dumps(success(tasks[0])).replace("0.75", "NaN")
        sound = [json.dumps(success(task) | {"filling": filling}) for task in tasks[1:4]]
        results = ", ".join([sound[0], broken, sound[1], "7", sound[2]])
        body = f'{{"filling": "{filling}", "results": [{results}]}}'
        answer = await post(field, job, body.encode())
        assert answer.status_code == 200, answer.text
        statuses = [task["status"] for task in answer.json()["tasks"]]
        assert [statuses[place] for place in (0, 2, 4)] == ["accepted"] * 3
        assert statuses[1].startswith("rejected: ")
        assert statuses[3].startswith("rejected: ")
    assert await field.counters(job) == ("processing", 3, 3, 0)


async def test_a_large_body_that_ends_too_early_stores_nothing(field: Field) -> None:
    job = await field.run_job()
    results = [scored(task, 5, seed) for seed, task in enumerate(await field.lease(job))]
    body = json.dumps({"results": results}).encode()
    answer = await post(field, job, body[:-20])
    assert answer.status_code == 400
    assert "Nothing was stored" in answer.json()["detail"]
    assert await field.ask("select count(*) from annotations") == [(0,)]


async def test_a_name_that_no_index_takes_harms_nothing(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    names = random.Random(7).sample(range(0x4E00, 0x9FFF), 6_000)
    long = success(tasks[1])
    [detection] = long["result"]["detections"]
    [named] = detection["classifications"]
    named["classification"] = "".join(map(chr, names))
    assert await field.post(job, [success(tasks[0]), long, success(tasks[2])]) == ["accepted"] * 3


async def test_too_many_elements_are_refused(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job)
    answer = await post(field, job, b"[" + b"1," * 10_000 + b"1]")
    assert answer.status_code == 400
    assert "10,000" in answer.json()["detail"]


async def test_an_error_with_odd_signs_is_an_error_like_others(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    assert (
        await field.post(job, [success(tasks[0]), failure(tasks[1], "x \u0001a\u0001 y")])
        == ["accepted"] * 2
    )


async def test_a_success_after_a_lost_lease_leaves_no_error(field: Field) -> None:
    job = await field.run_job()
    [task, *_] = await field.lease(job)
    await field.expire()
    assert await field.ask(
        "select count(*) from analysis_details where error_message is not null"
    ) == [(6,)]
    assert await field.post(job, [success(task)]) == ["accepted"]
    assert await field.ask(
        "select count(*) from analysis_details where error_message is not null"
    ) == [(5,)]
