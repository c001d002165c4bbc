"""Credentials of workers for a real NATS server: only hints about tasks of their projects."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.api_project import Field, make_field
from tests.support.nats_accounts import (
    ACCOUNT,
    OPERATOR,
    USER,
    Signer,
    build_config,
    build_credentials_file,
    running_nats_with,
)

from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network import nats_connection
from trapline.server.platform.network.nats_connection import NatsFiles, open_nats
from trapline.server.platform.network.nats_credentials import NatsAccount
from trapline.server.queue.hint_exchange import build_task_subject

OPTIONS = {"name": "gpu-2", "kind": "worker", "nats": True}


@pytest.fixture
def account() -> Signer:
    return Signer(ACCOUNT)


@pytest.fixture
async def field(system: AppContext, account: Signer) -> Field:
    return await make_field(replace(system, nats_account=NatsAccount(account.key)), 1)


async def create(field: Field, key: str = "", **options: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Token {field.owner}"} | ({"Idempotency-Key": key} if key else {})
    answer = await field.client.post("/api/v2/auth/tokens", json=OPTIONS | options, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def read_claims(credentials: str) -> dict[str, Any]:
    body = credentials.splitlines()[1].split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


async def test_a_worker_gets_hints_about_tasks_of_its_projects_only(
    field: Field, account: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The machine can be busy.
    monkeypatch.setattr(nats_connection, "WITHIN_S", 30.0)
    created = await create(field, projects=[field.project])
    worker = tmp_path / "worker.creds"
    # The output of the command: the token, and the credentials.
    worker.write_text(f"{created['token']}\n\n{created['nats_credentials']}")
    user, server = Signer(USER), tmp_path / "server.creds"
    jwt = account.sign(user, type="user", version=2, subs=-1, data=-1, payload=-1)
    server.write_text(build_credentials_file(jwt, user))
    errors: asyncio.Queue[str] = asyncio.Queue()
    hints: asyncio.Queue[str] = asyncio.Queue()

    async def add_error(error: Exception) -> None:
        errors.put_nowait(str(error))

    async def add_hint(message: Any) -> None:
        hints.put_nowait(message.subject)

    async with (
        running_nats_with(tmp_path, build_config(Signer(OPERATOR), account)) as url,
        asyncio.timeout(60),
    ):
        sender = await open_nats(url, NatsFiles(credentials=server))
        client = await open_nats(url, NatsFiles(credentials=worker), error_cb=add_error)
        try:
            await client.subscribe(f"trapline-hints.{field.project}.tasks.>", cb=add_hint)
            await client.flush()
            subject = build_task_subject(field.project, "field-pipeline", 41)
            # NATS delivers at most once.
            while hints.empty():
                await sender.publish(subject)
                await sender.flush()
                await asyncio.sleep(0.2)
            assert hints.get_nowait() == subject
            refused = (
                f"trapline-hints.{field.project + 1}.tasks.>",
                f"trapline-hints.{field.project}.job.>",
                "trapline.>",
            )
            for other in refused:
                await client.subscribe(other, cb=add_hint)
                error = await errors.get()
                assert "permissions violation for subscription" in error.lower()
                assert other in error.lower()
            await client.publish(subject)
            assert "permissions violation for publish" in (await errors.get()).lower()
        finally:
            await client.close()
            await sender.close()


async def test_credentials_expire_with_the_token_and_within_a_year(field: Field) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    short = read_claims((await create(field, expires_at=end.isoformat()))["nats_credentials"])
    assert short["exp"] == int(end.timestamp())
    created = await create(field)
    long = read_claims(created["nats_credentials"])
    assert long["exp"] - long["iat"] == 365 * 86_400
    assert long["name"] == created["prefix"]
    # The token is valid in the projects that its creator manages.
    assert long["nats"]["sub"] == {"allow": [f"trapline-hints.{field.project}.tasks.>"]}
    assert long["nats"]["pub"] == {"deny": [">"]}


async def test_a_repeated_request_returns_the_same_credentials(field: Field) -> None:
    first = await create(field, key="once")
    assert await create(field, key="once") == first
    assert (await create(field, key="twice"))["nats_credentials"] != first["nats_credentials"]
    assert (await create(field, nats=False))["nats_credentials"] is None


async def test_a_server_without_an_account_and_other_kinds_create_no_token(field: Field) -> None:
    bare = replace(field.system, nats_account=None)
    transport = httpx2.ASGITransport(wrap_middleware(application_of(bare)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        for caller, options, words in (
            (client, {}, "TRAPLINE_NATS_ACCOUNT_SEED is not set"),
            (field.client, {"kind": "user"}, "Only tokens of workers"),
        ):
            answer = await caller.post(
                "/api/v2/auth/tokens",
                json=OPTIONS | options,
                headers={"Authorization": f"Token {field.owner}"},
            )
            assert answer.status_code == 422, answer.text
            assert words in answer.json()["detail"]
    assert await field.ask("select count(*) from tokens where name = 'gpu-2'") == [(0,)]
