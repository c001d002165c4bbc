"""Limits of analyses of external pipelines, and the routes without these pipelines."""

import asyncio
from dataclasses import replace

import httpx2
from tests.integration.external.test_analyses import field, rebuild_field
from tests.support.api_application import application_of
from tests.support.api_project import Field
from tests.support.external_pipeline import Outside, ask, begin

from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.app_context import CallbackSettings

__all__ = ["field"]


async def test_an_external_job_id_is_one_analysis_of_the_project(field: Field) -> None:
    await begin(field, external_job_id="seven")
    again = await ask(field, field.images[1], external_job_id="seven")
    assert (again.status_code, "seven" in again.json()["detail"]) == (409, True)
    assert await field.ask("select count(*) from analyses") == [(1,)]


async def test_models_and_numbers_are_limited(field: Field) -> None:
    field.system = replace(
        field.system, callbacks=CallbackSettings(allowed_models=("wolf-net",), analyses_per_image=2)
    )
    limited = await rebuild_field(field)
    refused = await ask(limited)
    assert (refused.status_code, "wolf-net" in refused.json()["detail"]) == (400, True)
    answers = await asyncio.gather(*[ask(limited, model_name="wolf-net") for _ in range(16)])
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [400] * 14
    assert (
        "2 analyses"
        in next(answer for answer in answers if answer.status_code == 400).json()["detail"]
    )
    assert (await ask(limited, field.images[1], model_name="wolf-net")).status_code == 201


async def test_analyses_that_end_at_once_are_bounded_by_the_day(field: Field) -> None:
    """Canceled and failed analyses do not count towards the limit of 2.

    Four times as many are accepted in 24 hours.
    """
    field.system = replace(field.system, callbacks=CallbackSettings(analyses_per_image=2))
    limited = await rebuild_field(field)
    for number in range(8):
        ended = await begin(limited)
        for status in ("processing", "failed" if number % 2 else "canceled"):
            assert (await ended.call("PATCH", "/status", {"status": status})).status_code == 200
    refused = await ask(limited)
    assert (refused.status_code, refused.headers.get("retry-after")) == (429, "3600"), refused.text
    assert "no analysis was created" in refused.json()["detail"]
    assert (await ask(limited, field.images[1])).status_code == 201
    await field.change("update analyses set created_at = created_at - interval '25 h'")
    assert (await ask(limited)).status_code == 201


async def test_only_open_and_completed_analyses_count_towards_the_limit(field: Field) -> None:
    field.system = replace(field.system, callbacks=CallbackSettings(analyses_per_image=3))
    limited = await rebuild_field(field)
    for end in ("canceled", "failed"):
        for _ in range(3):
            ended = await begin(limited)
            assert (
                await ended.call("PATCH", "/status", {"status": "processing"})
            ).status_code == 200
            assert (await ended.call("PATCH", "/status", {"status": end})).status_code == 200
    completed, processing = await begin(limited), await begin(limited)
    assert (await completed.call("POST", "/finalize", {"status": "completed"})).status_code == 200
    assert (await processing.call("PATCH", "/status", {"status": "processing"})).status_code == 200
    answers = await asyncio.gather(*[ask(limited) for _ in range(8)])
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert "queued, processing or completed" in refused.json()["detail"]
    assert (await processing.call("PATCH", "/status", {"status": "canceled"})).status_code == 200
    assert (await ask(limited)).status_code == 201


async def test_switched_off_there_is_nothing(field: Field) -> None:
    outside = await begin(field)

    transport = httpx2.ASGITransport(wrap_middleware(application_of(field.system, outside=False)))
    off = replace(
        field, client=httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
    )
    assert (await ask(off)).status_code == 404
    gone = Outside(off, outside.id, outside.secret)
    assert (
        await gone.call("POST", "/finalize", {"status": "completed"}, secret="wrong")
    ).status_code == 404
    assert (await off.call("GET", f"/analyses/{outside.id}")).status_code == 404
    assert (await gone.call("POST", "/finalize", b"{" + b" " * 100_000)).status_code == 404
    assert (await gone.call("PUT", "")).status_code == 404
