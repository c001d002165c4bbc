"""Metrics: access, content, and that the documentation names the same metrics."""

import asyncio
import re
from dataclasses import replace
from functools import partial
from uuid import uuid4

import httpx2
import pytest
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from tests.house.tree import ROOT
from tests.support.api_project import Field, failure, make_field, success
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import build_house
from tests.support.pull_source import SYSTEM, fill, make_feed

from trapline.server.accounts.routes.event_streams import StreamRegistry
from trapline.server.app.background.loops import Loop, run_loop
from trapline.server.operations.actions.metrics import GaugeReader
from trapline.server.operations.metrics_server import build_metrics_app
from trapline.server.operations.routes.metrics import _reader
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.platform.errors import ServiceUnavailable, TooManyRequests
from trapline.server.platform.http.rate_limits import FROM_ADDRESS, _too_many
from trapline.server.platform.http.security_headers import SAFE_HEADERS

TOKEN = "what the monitoring knows"
ASKED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def monitored(
    system: AppContext, application: FastAPI, app_client: httpx2.AsyncClient
) -> httpx2.AsyncClient:
    """A server whose metrics are enabled and have not been read yet."""
    application.state.system = replace(system, metrics_token=TOKEN)
    _reader._since = float("-inf")
    return app_client


def read(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of each name by the values of its labels, in the order of the labels' names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def find_unwritten(text: str) -> list[str]:
    """The values of labels that the document does not name, where it names any."""
    rows = re.findall(r"^\| (`trapline_.*?) \| ([^|]*) \|", _read("metrics.md"), re.MULTILINE)
    written = {
        (name, label): set(values.split(", "))
        for names, labels in rows
        for name in re.findall(r"\w+", names)
        for label, values in re.findall(r"`(\w+)`: ([a-z, ]+)", labels)
    }
    assert len(written) >= 7
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    return [
        f"{sample.name}, {label}: {value}"
        for sample in samples
        for label, value in sample.labels.items()
        if value not in written.get((sample.name, label), {value})
    ]


async def test_metrics_are_for_their_token(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    assert (await app_client.get("/metrics", headers=ASKED)).status_code == 404


async def test_metrics_tell_what_there_is(
    monitored: httpx2.AsyncClient, system: AppContext
) -> None:
    house = await build_house(system, "house")
    await build_house(system, "second")
    for headers in ({}, {"Authorization": "Bearer what somebody guesses"}):
        refused = await monitored.get("/metrics", headers=headers)
        assert refused.status_code == 401
        assert "trapline_jobs" not in refused.text
    signed = {"X-ML-Signature": "sha256=00", "X-ML-Timestamp": "1"}
    await monitored.get(f"/api/v2/analyses/{house.ids['analysis_id']}", headers=signed)
    await monitored.request("BREW", f"/{uuid4()}")
    worker = {"Authorization": f"Bearer {house.tokens['worker']}"}
    job = f"/api/v2/jobs/{house.ids['job_id']}"
    before = read((await monitored.get("/metrics", headers=ASKED)).text)
    [task] = (await monitored.post(f"{job}/tasks", json={"batch_size": 1}, headers=worker)).json()[
        "tasks"
    ]
    for subject in ("no lease token", task["reply_subject"], task["reply_subject"]):
        error = {
            "reply_subject": subject,
            "result": {"error": "the model broke", "image_id": task["image_id"]},
        }
        assert (
            await monitored.post(f"{job}/result", json=[error], headers=worker)
        ).status_code == 200
    answer = await monitored.get("/metrics", headers=ASKED)
    assert answer.headers["content-type"].startswith("text/plain")
    told = read(answer.text)
    assert told["trapline_database_up"][()] == 1
    assert told["trapline_jobs"][("processing",)] == 2
    assert told["trapline_analyses"] == {
        ("queued",): 2,
        ("processing",): 0,
        ("completed",): 0,
        ("failed",): 0,
    }
    results = told["trapline_results_total"]
    earlier = before.get("trapline_results_total", {})
    more = {outcome: count - earlier.get((outcome,), 0) for (outcome,), count in results.items()}
    more = {outcome: count for outcome, count in more.items() if count}
    assert more == {"rejected": 1, "accepted": 2}, (
        "of the two that are the same, each is told the same"
    )
    assert told["trapline_lease_seconds_count"][()] >= 1
    assert told["trapline_signature_failures_total"]
    assert told["trapline_http_requests_total"][("POST", "/jobs/{job_id}/result", "200")] >= 3
    routes = {labels[1] for labels in told["trapline_http_requests_total"]}
    assert not [route for route in routes if re.search(r"[0-9a-f]{8}-", route)], (
        "ids would be labels without end"
    )
    assert "BREW" not in {labels[0] for labels in told["trapline_http_requests_total"]}


async def test_metrics_know_when_the_database_is_away(system: AppContext) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    told = read((await GaugeReader().read(replace(system, database=away))).decode())
    await away.close()
    assert told["trapline_database_up"][()] == 0
    assert "trapline_jobs" not in told


async def test_the_documents_name_what_is_told(system: AppContext) -> None:
    gauges = (await GaugeReader().read(system)).decode()
    told = {
        family.name
        for family in text_string_to_metric_families(gauges)
        if family.name.startswith("trapline_")
    }
    counters = {
        "images_imported",
        "pull_runs",
        "leases_expired",
        "nats_hint_outages",
        "nats_hints_received",
        "nats_hints_sent",
        "results",
        "signature_failures",
        "background_tasks",
        "rate_limited",
        "http_requests",
    }
    names = {
        f"{name}_total" if name.removeprefix("trapline_") in counters else name for name in told
    }
    written = set(
        re.findall(r"^\| `(\w+)`|, `(trapline_\w+)` \|", _read("metrics.md"), re.MULTILINE)
    )
    assert {first or second for first, second in written} == names
    rules = yaml.safe_load(_read("alerts.yml"))["groups"][0]["rules"]
    assert len(rules) >= 8
    for rule in rules:
        assert set(re.findall(r"trapline_\w+", rule["expr"])) <= names, rule
        assert rule["annotations"]["summary"]


async def test_everything_that_happens_moves_its_figure(system: AppContext) -> None:
    """Each name of the document is made to change, by what it says that it counts."""
    field = await make_field(system, images=4)
    reader = GaugeReader()

    async def look() -> dict[str, dict[tuple[str, ...], float]]:
        reader._since = float("-inf")
        text = (await reader.read(system)).decode()
        assert not find_unwritten(text)
        return read(text)

    before = await look()
    async with make_feed(system) as feed:
        fill(feed.camera, "a.jpg")
        await feed.run()
        feed.camera.faults = {"": "500"}
        await feed.run()
        source = str(feed.source_id)
        await feed.sql(
            "update pull_sources set last_pull_timestamp = now() - interval '2 days' where id = :id"
        )
    form = {"project": str(field.project), "deployment": await _find_deployment(field)}
    sent = await field.client.post(
        "/api/v2/images", data=form, files={"files": ("b.jpg", make_jpeg(2), "image/jpeg")},
        headers={"Authorization": f"Bearer {field.owner}"},
    )  # fmt: skip
    assert sent.status_code in (200, 201), sent.text
    job = await field.run_job()
    # Ids begin with the time at which they were made: one of the job's own was queued in 1970.
    await field.change(
        "update analyses set id = overlay(id::text placing '00000000' from 1 for 8)::uuid"
        " where id = (select min(id::text)::uuid from analyses where job_id = %s)",
        job,
    )
    waiting = await look()
    first, second, third = await field.lease(job, 3)
    leased = await look()
    assert await field.post(job, [success(first)]) == ["accepted"]
    assert (await field.post(job, [success(first) | {"reply_subject": "none"}]))[0].startswith(
        "rejected"
    )
    await field.expire()
    await field.skip_waits()
    [again] = [task for task in await field.lease_all(job) if task["id"] == second["id"]]
    assert await field.post(job, [success(second)]) == ["accepted"]
    assert await field.post(job, [success(again)]) == ["duplicate"]
    await field.expire()
    for _ in range(system.leases.errors):
        await field.skip_waits()
        await field.post(
            job, [failure(task) for task in await field.lease_all(job) if task["id"] == third["id"]]
        )
    stop = asyncio.Event()

    async def step() -> bool:
        stop.set()
        raise ServiceUnavailable("nothing works")

    await run_loop(Loop("a loop", 0.01, step), stop)
    with pytest.raises(TooManyRequests):
        raise _too_many(1, FROM_ADDRESS)
    with pytest.raises(TooManyRequests):
        StreamRegistry().acquire_slot(SYSTEM, 0)
    signed = {"X-ML-Signature": "sha256=00", "X-ML-Timestamp": "1"}
    assert (
        await field.client.get(f"/api/v2/analyses/{first['id']}", headers=signed)
    ).status_code == 401
    after = await look()

    def more(name: str, *labels: str) -> float:
        return after[name].get(labels, 0) - before.get(name, {}).get(labels, 0)

    assert more("trapline_images_imported_total", "pull") == 1
    assert more("trapline_images_imported_total", "upload") == 1
    assert more("trapline_pull_runs_total", "completed", source) == 1
    assert more("trapline_pull_runs_total", "failed", source) == 1
    assert after["trapline_source_last_good_run_age_seconds"][(source,)] > 2 * 86_400 - 60
    assert waiting["trapline_jobs"][("queued",)] == 1
    assert waiting["trapline_analyses"][("queued",)] >= 4
    assert waiting["trapline_oldest_queued_seconds"][()] > 1e6
    assert leased["trapline_leases_held"][()] == leased["trapline_analyses"][("processing",)] == 3
    assert leased["trapline_jobs"][("processing",)] == waiting["trapline_jobs"][("processing",)] + 1
    assert more("trapline_leases_expired_total") >= 2
    assert after["trapline_dead_letters"][()] == after["trapline_analyses"][("failed",)] == 1
    assert after["trapline_analyses"][("completed",)] == 2
    assert more("trapline_lease_seconds_count") >= 2
    assert more("trapline_result_seconds_count") >= 3
    assert more("trapline_results_total", "duplicate") == 1
    assert more("trapline_results_total", "rejected") == 1
    assert more("trapline_background_tasks_total", "failed", "a loop") == 1
    assert more("trapline_rate_limited_total", "stranger") == 1
    assert more("trapline_rate_limited_total", "stream") == 1
    assert sum(after["trapline_signature_failures_total"].values()) > sum(
        before.get("trapline_signature_failures_total", {}).values()
    )
    assert more("trapline_http_requests_total", "POST", "/jobs/{job_id}/result", "200") >= 2
    assert after["trapline_database_up"][()] == 1


async def _find_deployment(field: Field) -> str:
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s limit 1", field.project
    )
    return str(deployment)


async def test_rules_name_labels_that_are_there_and_compare_like_with_like() -> None:
    """A rule whose two sides have different labels never fires, or always does."""
    labels = dict(
        re.findall(r"^\| `(trapline_\w+)` \| ([^|]*)\|", _read("metrics.md"), re.MULTILINE)
    )
    for rule in yaml.safe_load(_read("alerts.yml"))["groups"][0]["rules"]:
        expression = rule["expr"]
        for name, matchers in re.findall(r"(trapline_\w+)\{([^}]*)\}", expression):
            for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
                assert f"`{label}`" in labels[name], rule
                assert value in labels[name] or label == "status", rule
        for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            assert any(
                f"`{label}`" in labels[name] for name in re.findall(r"trapline_\w+", expression)
            ), rule
            assert not re.match(r"sum\(", expression), f"{rule}: the sum has no labels left"
        for left, right in re.findall(r"^(.*?) [<>]=? [0-9.]+ \* (.*)$", expression):
            kept = [re.search(r"sum( (?:by|without) \([^)]*\))?", side) for side in (left, right)]
            assert None not in kept, f"{rule}: a part is compared with itself alone"
            assert len({match[1] for match in kept if match}) == 1, (
                f"{rule}: the two sides have different labels"
            )


async def test_a_port_of_their_own_has_metrics_and_nothing_else(system: AppContext) -> None:
    app = build_metrics_app(partial(GaugeReader().read, system))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://monitor.test"
    ) as client:
        told = await client.get("/metrics")
        assert told.status_code == 200
        assert "trapline_database_up 1.0" in told.text
        assert (await client.post("/metrics")).status_code == 405
        answers = [
            told,
            await client.get("/api/v2/projects"),
            await client.post("/metrics"),
            await client.get("/"),
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 404]
    for answer in answers:
        assert not {
            name: value for name, value in SAFE_HEADERS.items() if answer.headers.get(name) != value
        }


def _read(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
