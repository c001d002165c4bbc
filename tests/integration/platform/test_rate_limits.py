"""Rate limits: 429 with Retry-After, counted for each caller separately."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.project_with_roles import House, build_house

from trapline.server.accounts.rules.tokens import generate_token
from trapline.server.app.app_startup import open_app_context
from trapline.server.app.http.application import wrap_middleware
from trapline.server.app.settings import load_settings
from trapline.server.platform.app_context import AppContext, RateLimits, TokenBuckets
from trapline.wire.auth import TokenKind

HOUR = 1 / 3600
"""One call an hour: what was saved up is all there is."""

From = Callable[[str], httpx2.AsyncClient]


@pytest.fixture
async def rates(system: AppContext, application: FastAPI) -> RateLimits:
    """Six calls for a worker, four for other callers and three without credentials per hour."""
    made = RateLimits(
        workers=TokenBuckets(HOUR, 6),
        callers=TokenBuckets(HOUR, 4),
        strangers=TokenBuckets(HOUR, 3),
    )
    application.state.system = replace(system, rates=made)
    return made


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


@pytest.fixture
async def of(rates: RateLimits, application: FastAPI) -> AsyncIterator[From]:
    """A client for each address."""
    clients: dict[str, httpx2.AsyncClient] = {}

    def make(address: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(wrap_middleware(application), client=(address, 4711))
        return clients.setdefault(
            address, httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
        )

    yield make
    for client in clients.values():
        await client.aclose()


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _expect_refused(answer: httpx2.Response, whose: str) -> None:
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert 3000 < int(answer.headers["retry-after"]) <= 3600
    assert whose in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_token_has_its_rate_and_no_other_pays_for_it(of: From, house: House) -> None:
    client = of("192.0.2.1")
    codes = [
        (await client.get("/api/v2/auth/me", headers=_as(house.tokens["owner"]))).status_code
        for _ in range(5)
    ]
    assert codes == [200] * 4 + [429]
    _expect_refused(
        await client.get("/api/v2/jobs", headers=_as(house.tokens["owner"])), "credentials"
    )
    assert (
        await client.get("/api/v2/auth/me", headers=_as(house.tokens["viewer"]))
    ).status_code == 200
    assert (await client.get("/api/v2/docs")).status_code == 200


async def test_a_large_body_counts_once(of: From, house: House) -> None:
    codes = []
    for _ in range(4):
        answer = await of("192.0.2.1").post(
            "/api/v2/projects",
            content=b'{"name": ' + b" " * 100_000,
            headers=_as(house.tokens["owner"]),
        )
        codes.append(answer.status_code)
    assert 429 not in codes


async def test_refused_query_names_are_counted_with_and_without_good_credentials(
    of: From, house: House
) -> None:
    for address, token, path in (
        ("192.0.2.1", "nonsense", "/api/v2/auth/methods?serach=fox"),
        ("192.0.2.2", house.tokens["owner"], "/api/v2/deployments?serach=fox"),
    ):
        codes = [(await of(address).get(path, headers=_as(token))).status_code for _ in range(4)]
        assert codes == [422] * 3 + [429], address
    assert (
        await of("192.0.2.3").get("/api/v2/projects", headers=_as(house.tokens["owner"]))
    ).status_code == 200


async def test_results_never_wait(of: From, house: House) -> None:
    client, worker = of("192.0.2.1"), _as(house.tokens["worker"])
    job = f"/api/v2/jobs/{house.ids['job_id']}"
    codes = [
        (await client.post(f"{job}/tasks", json={"batch_size": 1}, headers=worker)).status_code
        for _ in range(7)
    ]
    assert codes == [200] * 6 + [429]
    for _ in range(3):
        posted = await client.post(f"{job}/result", json={"results": []}, headers=worker)
        assert posted.status_code != 429, posted.text


async def test_strangers_are_counted_by_their_address(of: From) -> None:
    codes = [(await of("192.0.2.1").get("/api/v2/docs")).status_code for _ in range(3)]
    assert codes == [200] * 3
    _expect_refused(await of("192.0.2.1").get("/"), "address")
    assert (await of("192.0.2.1").get("/healthz")).status_code == 200
    assert (await of("192.0.2.1").get("/readyz")).status_code == 200
    assert (await of("192.0.2.2").get("/api/v2/docs")).status_code == 200
    for host in ("2001:db8::1", "2001:db8::2", "2001:db8::3"):
        await of(host).get("/api/v2/docs")
    _expect_refused(
        await of("2001:db8::ffff").get("/api/v2/docs"), "address"
    )  # one household has 2^64 of them


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nonsense"},
        {"Cookie": "trapline_session=nonsense"},
        {"X-ML-Signature": "sha256=00", "X-ML-Timestamp": "1"},
    ],
)
async def test_false_credentials_are_refused_and_then_unheard(
    of: From, house: House, headers: dict[str, str], rates: RateLimits
) -> None:
    client, owner = of("192.0.2.1"), _as(house.tokens["owner"])
    assert (await client.get("/api/v2/auth/me", headers=owner)).status_code == 200
    path = f"/api/v2/analyses/{house.ids['analysis_id']}"
    codes = [(await client.get(path, headers=headers)).status_code for _ in range(3)]
    assert codes == [401] * 3
    _expect_refused(await client.get(path, headers=headers), "address")
    made_up = _as(generate_token(TokenKind.USER))
    _expect_refused(await client.get("/api/v2/auth/me", headers=made_up), "address")
    assert (await client.get("/api/v2/auth/me", headers=owner)).status_code == 200, (
        "a good one was held up by them"
    )
    assert len(rates.callers._left) == 1, "what is false takes no room"


async def test_addresses_that_are_made_up_are_counted_while_good_ones_are_not(of: From) -> None:
    client = of("192.0.2.1")
    codes = [
        (await client.get("/files/originals/1/aa/aa?signature=00")).status_code for _ in range(4)
    ]
    assert codes == [403] * 3 + [429]


def test_buckets_fill_again_and_know_only_so_many() -> None:
    buckets: TokenBuckets[int] = TokenBuckets(per_s=1000, at_once=1, most_keys=100)
    assert buckets.take(1) == 0
    while buckets.take(1):
        pass
    for key in range(1000):
        buckets.take(key)
    assert len(buckets._left) == 100


async def test_figures_are_settings(database_url: str, tmp_path: Path) -> None:
    given = {"WORKER": "50", "TOKEN": "20", "ADDRESS": "2"}
    environment = {f"TRAPLINE_{name}_CALLS_PER_S": value for name, value in given.items()}
    environment |= {"DATABASE_URL": database_url, "TRAPLINE_DATA": str(tmp_path)}
    async with open_app_context(load_settings(environment)) as system:
        rates = system.rates
        assert [it.per_s for it in (rates.workers, rates.callers, rates.strangers)] == [50, 20, 2]
        assert rates.workers.at_once == 250
