"""Links for a new password by e-mail: one response for all addresses, few e-mails, one use."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from tests.integration.accounts.test_auth import PASSWORD, make_owner
from tests.support.api_application import application_of
from tests.support.mail_server import MailBox, running_mail_server, spoken_to

from trapline.server.accounts.actions.password_resets import SEND_RESET, send_password_reset
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

OWNER = "owner@example.org"
SYSTEM = Scope.system()


@dataclass
class Desk:
    """A server with a mail server, and a client that is not signed in."""

    system: AppContext
    client: httpx2.AsyncClient
    box: MailBox

    async def ask(self, email: str) -> httpx2.Response:
        return await self.client.post("/api/v2/auth/password-reset", json={"email": email})

    async def send(self, give_up_at: datetime | None = None) -> None:
        """Run the queued background tasks."""
        async with self.system.database.transaction(SYSTEM) as tx:
            rows = await tx.session.execute(
                text("delete from procrastinate.procrastinate_jobs returning task_name, args")
            )
            queued: list[tuple[str, Any]] = [(row[0], row[1]) for row in rows]
        for name, given in queued:
            assert name == SEND_RESET
            arguments = given if isinstance(given, dict) else json.loads(given)
            until = give_up_at or datetime.fromisoformat(arguments["give_up_at"])
            await send_password_reset(self.system, SYSTEM, arguments["email"], until)

    def find_link(self) -> str:
        [word] = [one for one in self.box.handed[-1].text.split() if "/welcome#" in one]
        return word.partition("#")[2]


@pytest.fixture
async def desk(system: AppContext) -> AsyncIterator[Desk]:
    async with running_mail_server() as box:
        sending = replace(system, mail_server=spoken_to(box.port))
        transport = httpx2.ASGITransport(wrap_middleware(application_of(sending)))
        async with httpx2.AsyncClient(
            transport=transport, base_url="https://station.example"
        ) as client:
            await make_owner(sending, client)
            client.cookies.clear()
            yield Desk(sending, client, box)


async def test_the_link_of_an_email_sets_a_new_password_once(desk: Desk) -> None:
    methods = await desk.client.get("/api/v2/auth/methods")
    assert methods.json()["password_reset"] is True
    assert (await desk.ask(OWNER.upper())).status_code == 204
    await desk.send()
    [handed] = desk.box.handed
    assert handed.recipients == [OWNER]
    body = {"link": desk.find_link(), "password": "another long password"}
    assert (await desk.client.post("/api/v2/auth/link", json=body)).status_code == 200
    desk.client.cookies.clear()
    assert (await desk.client.post("/api/v2/auth/link", json=body)).status_code == 404
    for password, status in ((PASSWORD, 401), ("another long password", 200)):
        signed_in = await desk.client.post(
            "/api/v2/auth/sign-in", json={"email": OWNER, "password": password}
        )
        assert signed_in.status_code == status
    async with desk.system.database.transaction(SYSTEM) as tx:
        made = await tx.session.execute(
            text(
                "select count(*) from audit where action = 'make_link'"
                " and details ->> 'purpose' = 'reset'"
            )
        )
        assert made.scalar_one() == 1


async def test_an_unknown_address_gets_the_same_response_and_no_email(desk: Desk) -> None:
    known, unknown = await desk.ask(OWNER), await desk.ask("stranger@example.org")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    await desk.send()
    assert [one.recipients for one in desk.box.handed] == [[OWNER]]
    # Both are limited in the same way.
    for email in (OWNER, "stranger@example.org"):
        statuses = [(await desk.ask(email)).status_code for _ in range(6)]
        assert statuses.index(429) == 3, statuses
    await desk.send()
    assert {one.recipients[0] for one in desk.box.handed} == {OWNER}


async def test_deactivated_accounts_and_old_requests_get_no_email(desk: Desk) -> None:
    await desk.ask(OWNER)
    await desk.send(datetime.now(UTC) - timedelta(seconds=1))
    async with desk.system.database.transaction(SYSTEM) as tx:
        await tx.session.execute(text("update users set deactivated_at = now()"))
    await desk.ask(OWNER)
    await desk.send()
    assert desk.box.handed == []


async def test_without_a_mail_server_the_response_names_the_operator(
    app_client: httpx2.AsyncClient,
) -> None:
    assert (await app_client.get("/api/v2/auth/methods")).json()["password_reset"] is False
    answer = await app_client.post("/api/v2/auth/password-reset", json={"email": OWNER})
    assert answer.status_code == 404
    assert "Ask an operator" in answer.json()["detail"]
