"""Guessing passwords slows down gradually; users at their usual place are not blocked."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.browser_clients import PASSWORD, follow, open_browser, sign_in

from trapline.server.accounts.actions.one_time_links import create_first_owner_link
from trapline.server.accounts.actions.passwords import verify_credentials
from trapline.server.accounts.rules.login_backoff import ACCOUNT, ACCOUNT_FROM_ADDRESS, ADDRESS
from trapline.server.operations.actions.retention import purge_sign_in_failures
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database

EMAIL = "owner@example.org"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.66"


@pytest.fixture
async def browser(
    system: AppContext, app_client: httpx2.AsyncClient, application: FastAPI
) -> AsyncIterator[httpx2.AsyncClient]:
    """The owner's browser at home, signed in."""
    async with open_browser(application, HOME) as opened:
        await follow(opened, f"#{await create_first_owner_link(system)}", email=EMAIL)
        yield opened


async def guess(browser: httpx2.AsyncClient, email: str = EMAIL) -> httpx2.Response:
    return await browser.post("/auth/sign-in", json={"email": email, "password": "a guess"})


async def set_failures(system: AppContext, failures: int) -> None:
    """Set the number of counted failures, with no waiting time left."""
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute(
            "update sign_in_failures set failures = %s, not_before = now()", (failures,)
        )


async def test_known_and_unknown_names_wait_alike_and_longer_each_time(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    async with open_browser(application, ELSEWHERE) as other:
        seen = {}
        for email in ("nobody@example.org", EMAIL):
            await guess(other, email)
            await set_failures(system, ACCOUNT_FROM_ADDRESS.free + 7)
            answers = [await guess(other, email) for _ in range(2)]
            assert 100 < int(answers[1].headers["Retry-After"]) <= 128
            assert "WWW-Authenticate" not in answers[1].headers
            seen[email] = [
                (answer.status_code, re.sub(r"\d+", "n", answer.json()["detail"]))
                for answer in answers
            ]
            assert [status for status, _ in seen[email]] == [401, 429]
        assert seen[EMAIL] == seen["nobody@example.org"]
        right = await other.post("/auth/sign-in", json={"email": EMAIL, "password": PASSWORD})
        assert right.status_code == 429, (
            "who is told to wait learns nothing from the right password"
        )


async def test_the_owner_is_not_kept_out_by_who_guesses_elsewhere(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    await sign_in(browser, EMAIL)
    await set_failures(system, 0)
    async with (
        open_browser(application, ELSEWHERE) as other,
        open_browser(application, "203.0.113.9") as third,
    ):
        await guess(other)
        async with system.database.transaction(Scope.system()) as tx:
            # As if many addresses had guessed a little each.
            await tx.execute(
                "update sign_in_failures set failures = %s where failures = 1", (ACCOUNT.free + 6,)
            )
        assert (await guess(third)).status_code == 401
        assert (await guess(third)).status_code == 429, (
            "of this account there were too many, wherever from"
        )
        await sign_in(browser, EMAIL)


async def test_many_at_once_are_counted_over_all_processes(
    system: AppContext, browser: httpx2.AsyncClient
) -> None:
    await guess(browser)
    await set_failures(system, ACCOUNT_FROM_ADDRESS.free + 7)
    database = Database(system.database.url)
    second = replace(system, database=database)
    outcomes = await asyncio.gather(
        *(
            verify_credentials(process, RequestOrigin(address=HOME), EMAIL, "a guess")
            for _ in range(10)
            for process in (system, second)
        ),
        return_exceptions=True,
    )
    await database.close()
    assert sorted(type(one).__name__ for one in outcomes) == ["TooManyRequests"] * 19 + [
        "Unauthenticated"
    ]


async def test_a_sign_in_resets_the_count_of_the_account_but_not_of_the_address(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    async with open_browser(application, ELSEWHERE) as other:
        await guess(other)
        await set_failures(system, ADDRESS.free + 7)
        await sign_in(other, EMAIL)
        async with system.database.transaction(Scope.system()) as tx:
            counts = await (
                await tx.execute("select failures from sign_in_failures order by 1")
            ).fetchall()
        assert counts == [(0,), (0,), (ADDRESS.free + 7,)]
        assert (await guess(other, "somebody@example.org")).status_code == 401
        assert (await guess(other, "else@example.org")).status_code == 429


async def test_an_address_is_a_network_where_it_is_a_long_one(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    seen = []
    for address in (
        "2001:db8:1:2::1",
        "2001:db8:1:2:3::2",
        "2001:db8:1:2:ffff::3",
        "2001:db8:1:3::4",
    ):
        async with open_browser(application, address) as other:
            seen.append((await guess(other)).status_code)
        if len(seen) == 1:
            await set_failures(system, ACCOUNT_FROM_ADDRESS.free + 7)
    assert seen == [401, 401, 429, 401]


async def test_counts_are_forgotten_but_not_where_the_account_is_known(
    system: AppContext, browser: httpx2.AsyncClient
) -> None:
    await sign_in(browser, EMAIL)
    await guess(browser, "nobody@example.org")
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        await tx.execute("update sign_in_failures set last_at = now() - interval '25 hours'")
    assert await purge_sign_in_failures(system, scope) is False
    async with system.database.transaction(scope) as tx:
        left = await (
            await tx.execute("select trusted_until > now() from sign_in_failures")
        ).fetchall()
    assert left == [(True,)]


async def test_a_new_password_asks_for_the_old_one_and_ends_the_other_sessions(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    change = {"old": PASSWORD, "new": "quite another password"}
    async with open_browser(application, ELSEWHERE) as other:
        await sign_in(other, EMAIL)
        for old in ({"old": "a guess"}, {}):
            refused = await browser.put(
                "/auth/password", json={"new": "quite another password"} | old
            )
            assert refused.status_code == 422, refused.text
        assert (await other.get("/auth/me")).status_code == 200
        assert (await browser.put("/auth/password", json=change)).status_code == 204
        assert (await other.get("/auth/me")).status_code == 401
        assert (await browser.get("/auth/me")).status_code == 200
        assert (
            await other.post("/auth/sign-in", json={"email": EMAIL, "password": PASSWORD})
        ).status_code == 401
    await set_failures(system, ACCOUNT_FROM_ADDRESS.free + 7)
    answers = [
        await browser.put("/auth/password", json={"old": "a guess", "new": "x" * 10})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [422, 429], (
        "a stolen session guesses no faster"
    )


async def test_a_password_that_changes_during_a_sign_in_ends_it(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    """Both requests have the old password. The sign-in locks the account second and must fail."""
    change = {"old": PASSWORD, "new": "quite another password"}
    async with open_browser(application, ELSEWHERE) as other:
        async with system.database.transaction(Scope.system()) as tx:
            await tx.execute("select id from users where email = %s for update", (EMAIL,))
            changing = asyncio.create_task(browser.put("/auth/password", json=change))
            await wait_for_waiters(system, 1)
            given = {"email": EMAIL, "password": PASSWORD}
            signing = asyncio.create_task(other.post("/auth/sign-in", json=given))
            await wait_for_waiters(system, 2)
        assert (await changing).status_code == 204
        refused = await signing
        assert (refused.status_code, "set-cookie" in refused.headers) == (401, False), refused.text


async def test_a_password_is_changed_by_one_of_two_at_the_same_time(
    system: AppContext, browser: httpx2.AsyncClient
) -> None:
    """Both know the old password; the second to lock the account must not overwrite the first."""
    changes = [{"old": PASSWORD, "new": f"quite another password {number}"} for number in range(2)]
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute("select id from users where email = %s for update", (EMAIL,))
        changing = []
        for waiting, change in enumerate(changes, start=1):
            changing.append(asyncio.create_task(browser.put("/auth/password", json=change)))
            await wait_for_waiters(system, waiting)
    answers = [await one for one in changing]
    assert [answer.status_code for answer in answers] == [204, 409], answers[1].text
    await sign_in(browser, EMAIL, changes[0]["new"])


async def test_wrong_passwords_add_up(browser: httpx2.AsyncClient, application: FastAPI) -> None:
    """Five failures are free; the sixth makes the next attempt wait."""
    async with open_browser(application, ELSEWHERE) as other:
        codes = [(await guess(other)).status_code for _ in range(9)]
        # On a slow machine, the first wait of 1 s may be over before the next attempt.
        assert codes[:6] == [401] * 6
        assert 429 in codes[6:]


async def wait_for_waiters(system: AppContext, number: int) -> None:
    """Wait until `number` statements of this database wait for a lock."""
    async with asyncio.timeout(20):
        while True:
            async with system.database.transaction(Scope.system()) as tx:
                found = await tx.execute(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and wait_event_type = 'Lock'"
                )
                if (await found.fetchone() or (0,))[0] >= number:
                    return
            await asyncio.sleep(0.02)


async def test_sessions_are_listed_and_ended(
    system: AppContext, browser: httpx2.AsyncClient, application: FastAPI
) -> None:
    async with (
        open_browser(application, ELSEWHERE) as other,
        open_browser(application, ELSEWHERE) as third,
    ):
        await sign_in(other, EMAIL)
        await sign_in(third, EMAIL)
        listed = (await browser.get("/auth/sessions")).json()["results"]
        assert [(one["address"], one["is_current"]) for one in listed] == [
            (ELSEWHERE, False),
            (ELSEWHERE, False),
            (HOME, True),
        ]
        assert "secret" not in str(listed)
        own = (await other.get("/auth/sessions")).json()["results"]
        [current] = [one["id"] for one in own if one["is_current"]]
        assert (await browser.delete(f"/auth/sessions/{current}")).status_code == 204
        assert (await other.get("/auth/me")).status_code == 401
        assert (await third.get("/auth/me")).status_code == 200
        assert (await browser.delete("/auth/sessions")).status_code == 204
        assert (await third.get("/auth/me")).status_code == 401
        assert len((await browser.get("/auth/sessions")).json()["results"]) == 1


@pytest.mark.parametrize("path", ["/auth/sign-in", "/auth/link", "/auth/link/state"])
async def test_a_secret_that_no_text_can_be_is_refused_in_words(
    app_client: httpx2.AsyncClient, path: str
) -> None:
    body = '{"email": "a@b.c", "password": "\\ud800\\ud800\\ud800\\ud800", "link": "\\ud800"}'
    answer = await app_client.post(
        f"/api/v2{path}", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
