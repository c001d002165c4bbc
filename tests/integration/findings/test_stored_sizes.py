"""The stored size of a classification, and compressed values returned as they were sent."""

import json
import random
from typing import Any

import numpy as np
import pytest
from tests.support.adc_client import PIPELINE, find_box, find_class, make_success
from tests.support.api_project import Field, make_field

from trapline.server.findings.rules.packed_data import pack_data, unpack_data
from trapline.server.platform.app_context import AppContext

LABELS = [f"Genus{number % 37} species{number}" for number in range(100)]
BOXES = 10
IMAGES = 500
MOST_BYTES = 1000


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=1)


async def register(field: Field) -> None:
    """Register a pipeline of which the classifier knows 100 classes."""
    content = [{"index": place, "label": label} for place, label in enumerate(LABELS)]
    listed: Any = PIPELINE["algorithms"]
    classifier = listed[1] | {"key": "hundred", "category_map": {"labels": LABELS, "data": content}}
    await field.register(slug="hundred", name="Hundred", algorithms=[listed[0], classifier])


def find_hundred(image: str, chance: np.random.Generator) -> dict[str, Any]:
    """A box with a classification over the 100 classes, in the numbers of a network."""
    logits = chance.normal(0, 3, len(LABELS)).astype("<f4")
    powers = np.exp(logits - logits.max())
    scores = (powers / powers.sum()).astype("<f4")
    named = find_class() | {
        "algorithm": {"name": "Field classifier", "key": "hundred"},
        "classification": LABELS[int(scores.argmax())],
        "scores": scores.tolist(),
        "logits": logits.tolist(),
    }
    left, top = chance.uniform(0, 50, 2)
    return find_box(image, (left, top, left + 30.25, top + 20.5), named) | {
        "score": chance.uniform()
    }


async def test_a_classification_over_a_hundred_classes_takes_at_most_1000_bytes(
    system: AppContext,
) -> None:
    """Count the rows of the box and the classification, with their entries in all indexes.

    The score vector, with its indexes, is counted separately.
    """
    field = await make_field(system, images=IMAGES)
    await register(field)
    job = await field.run_job(pipeline="hundred")
    chance = np.random.default_rng(5)
    tables = "select pg_total_relation_size('annotations'), pg_total_relation_size('score_vectors')"
    [before] = await field.ask(tables)
    while tasks := await field.lease(job, 100):
        results = []
        for task in tasks:
            found = [find_hundred(task["image_id"], chance) for _ in range(BOXES)]
            results.append(
                {"reply_subject": task["reply_subject"], "result": make_success(task, *found)}
            )
        assert await field.post(job, results) == ["accepted"] * len(tasks)
    [after] = await field.ask(tables)
    rows, vectors = (
        (now - then) / (IMAGES * BOXES) for now, then in zip(after, before, strict=True)
    )
    assert rows <= MOST_BYTES
    assert vectors <= MOST_BYTES


async def test_answers_have_the_data_of_a_result_to_the_byte(field: Field) -> None:
    job = await field.run_job()
    [task] = await field.lease(job, 1)
    named = {**find_class(), "timestamp": "2026-11-22T21:41:18.412957Z"}
    box = find_box(task["image_id"], (1, 2.25, 11.1, 220.0), named) | {
        "timestamp": "2026-11-22T21:41:18"
    }
    body = [{"reply_subject": task["reply_subject"], "result": make_success(task, box)}]
    assert await field.post(job, body) == ["accepted"]
    listed = await field.call("GET", f"/images/{task['image_id']}/analyses")
    found = await field.call("GET", f"/images/{task['image_id']}/annotations")
    assert (listed.status_code, found.status_code) == (200, 200)
    for answer in (listed, found):
        assert (
            '"data":{"given":{"x1":1.0,"x2":11.1,"y1":2.25,"y2":220.0},"x_max":11.1,"x_min":1.0,'
            '"y_max":100.0,"y_min":2.25,"timestamp":"2026-11-22T21:41:18","image_width":200,'
            '"image_height":100,"inference_time":0.05}'
        ) in answer.text
        assert (
            '"data":{"topk":[{"class":"moth","confidence":0.75},{"class":"bat","confidence":0.25}],'
            '"logits":[-0.2876820724517809,-1.3862943611198906],"scores":[0.75,0.25],'
            '"terminal":true,"timestamp":"2026-11-22T21:41:18.412957Z","inference_time":0.01}'
        ) in answer.text
    csv = await field.call(
        "GET", f"/analyses/{listed.json()['results'][0]['id']}/export?format=csv"
    )
    assert csv.status_code == 200, csv.text
    assert '""x_max"":11.1,""x_min"":1.0,' in csv.text


NUMBERS = (
    0.0,
    -0.0,
    1.0,
    0.05,
    0.1 + 0.2,
    0.6772728562355042,
    1e-05,
    5e-324,
    1e-30,
    123456789.125,
    1e14,
    1e16,
    1e300,
)
TIMES = (
    "2026-11-22T21:41:18.412957", "2026-11-22T21:41:18", "2026-11-22T21:41:18.412957Z",
    "2026-11-22T21:41:18+00:00",
    "2026-11-22T21:41:18.412Z", "2026-11-22T21:41:18.412957+02:00", "2026-11-22 21:41:18",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.999999", "20261122", "+00:00", "Z", "ZZ", "", "noon",
)  # fmt: skip
NAMES = (
    "moth",
    "",
    "Flattermaus \u00fc \U0001f987",
    "two\nlines",
    "\n",
    'a "quoted" \\ name',
    "x" * 500,
    "topk",
    "0",
)


def make_data(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Return data of a box or a classification with unusual values, and its class name."""
    name = chance.choice(NAMES)
    if chance.random() < 0.5:
        data: dict[str, Any] = {
            side: chance.choice(NUMBERS) for side in ("x_min", "y_min", "x_max", "y_max")
        }
        data |= {
            "image_width": chance.choice((1, 200, 65_535, 65_536)),
            "image_height": chance.choice((1, 100)),
        }
        if chance.random() < 0.3:
            data |= {"given": {"x1": -1.5, "y1": 0.0, "x2": 3e9, "y2": 1.0}, "empty": True}
        if chance.random() < 0.3:
            data |= {
                "crop_image_url": "https://crops.example/1.jpg",
                "mask": {"size": [2, 2], "counts": [4]},
            }
    else:
        names = [chance.choice((name, *NAMES)) for _ in range(chance.randint(1, 5))]
        top = [
            {"class": one, "confidence": chance.choice((*NUMBERS, *NUMBERS, None))} for one in names
        ]
        data = {"topk": top, "terminal": chance.random() < 0.5}
        if chance.random() < 0.3:
            data |= {
                "scores": [0.75, 0.25],
                "logits": [1.5, -2.0],
                "class_list": "ab" * 32,
                "given_class": "y" * 501,
            }
    if chance.random() < 0.7:
        data["inference_time"] = chance.choice(NUMBERS)
    if chance.random() < 0.7:
        data["timestamp"] = chance.choice(TIMES)
    return name, data


async def test_unpacked_data_equals_what_the_database_would_have_returned(field: Field) -> None:
    chance = random.Random(7)
    made = [make_data(chance) for _ in range(3000)]
    packed = [(name, data, pack_data(data, name)) for name, data in made]
    assert 500 < sum("packed" in stored for _, _, stored in packed) < 3000, (
        "usual data is packed, unusual is not"
    )
    texts = json.dumps([[data, stored] for _, data, stored in packed])
    answered = await field.ask(
        "select e.value->0, e.value->1 from jsonb_array_elements(%s::jsonb) with ordinality as "
        "e(value, at) "
        "order by e.at",
        texts,
    )
    for (name, data, _), (plain, stored) in zip(packed, answered, strict=True):
        assert json.dumps(unpack_data(stored, name, 1)) == json.dumps(plain), data
