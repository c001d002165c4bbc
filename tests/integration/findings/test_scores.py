"""The scores of a classification on request: each sent number, exact to single precision."""

from typing import Any

import numpy as np
import pytest
from tests.support.adc_client import find_on
from tests.support.api_project import Field, make_field

from trapline.server.platform.app_context import AppContext

LABELS = [f"species {number}" for number in range(30_000)]


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=1)


async def show(field: Field, **named: Any) -> dict[str, Any]:
    """Post one classification, and read back its scores."""
    job = await field.run_job()
    [task] = await field.lease(job)
    result = find_on(task)
    result["detections"][0]["classifications"][0].update(named)
    assert await field.post(job, [{"reply_subject": task["reply_subject"], "result": result}]) == [
        "accepted"
    ]
    [(annotation,)] = await field.ask(
        "select n.id from annotations n join analyses a on a.id = n.analysis_id "
        "where n.annotation_type = 'classification' and a.job_id = %s",
        job,
    )
    answer = await field.call("GET", f"/annotations/{annotation}/scores")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def bits(numbers: Any) -> bytes:
    with np.errstate(over="ignore"):
        return np.asarray(numbers, "<f4").tobytes()


async def test_thirty_thousand_scores_come_back_bit_for_bit(field: Field) -> None:
    logits = np.random.default_rng(7).normal(0, 3, len(LABELS)).astype("<f4")
    powers = np.exp(logits - logits.max())
    scores = (powers / powers.sum()).astype("<f4")
    shown = await show(
        field,
        classification=LABELS[5],
        labels=LABELS,
        scores=scores.tolist(),
        logits=logits.tolist(),
    )
    assert bits(shown["scores"]) == scores.tobytes()
    assert bits(shown["logits"]) == logits.tobytes()
    assert (shown["labels"], shown["class_name"], shown["algorithm"]) == (
        LABELS,
        LABELS[5],
        "field-classifier",
    )


async def test_numbers_beyond_single_precision_come_back_as_infinite(field: Field) -> None:
    scores = [float(number) for number in range(20)]
    logits = [1e300, -1e300, *scores[2:]]
    shown = await show(field, labels=None, scores=scores, logits=logits)
    assert bits(shown["scores"]) == bits(scores)
    assert bits(shown["logits"]) == bits(logits)
    assert shown["labels"] is None


async def test_short_lists_keep_their_registered_names(field: Field) -> None:
    shown = await show(field, classification="bat", labels=None, scores=[0.1, 0.9], logits=None)
    assert (shown["labels"], shown["scores"], shown["logits"]) == (
        ["moth", "bat"],
        [0.1, 0.9],
        None,
    )


async def test_an_annotation_without_scores_is_not_found(field: Field) -> None:
    await show(field)
    [(box,)] = await field.ask("select id from annotations where annotation_type = 'bounding_box'")
    answer = await field.call("GET", f"/annotations/{box}/scores")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "This annotation has no scores.",
    )
    assert (await field.call("GET", f"/annotations/{field.images[0]}/scores")).status_code == 404
    assert (
        await field.call("GET", f"/annotations/{box}/scores", token=field.worker)
    ).status_code == 403
