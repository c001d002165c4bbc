"""Signatures over HTTP: published cases, replays, service keys, and refusals."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import uvicorn
from tests.support.api_application import application_of
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import Outside, begin, box

from trapline.client.signing import sign_v1, sign_v2
from trapline.server.app.http.application import wrap_middleware
from trapline.server.external.queries.callback_keys import CallbackKeyRow
from trapline.server.platform.app_context import AppContext, CallbackSettings
from trapline.server.platform.http.protocol import HttpProtocol
from trapline.server.platform.vault import encrypt_secret
from trapline.server.queue.queries.pipeline_registration import upsert_service

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "hmac_vectors.json").read_text(encoding="utf-8")
)
CASES = {case["name"]: case for case in VECTORS["vectors"]}
ANALYSIS = UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7")


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


def _settings(case: dict[str, Any]) -> CallbackSettings:
    active = case.get("active_shared_secrets", VECTORS["defaults"]["active_shared_secrets"])
    given = case.get("settings", {})
    return CallbackSettings(
        shared_secrets=tuple(VECTORS["shared_secrets"][name] for name in active),
        min_version=given.get("ML_HMAC_MIN_VERSION", 1),
        body_bytes=given.get("ML_CALLBACK_MAX_BODY_BYTES", 32 * 1024 * 1024),
        clock=lambda: float(case["server_now"]),
    )


async def _prepare(field: Field) -> None:
    """Make the analysis and the service keys that the cases speak of."""
    made = await begin(field)
    await field.change("delete from analysis_moves")
    await field.change("delete from analysis_details")
    await field.change("update analyses set id = %s where id = %s", ANALYSIS, UUID(made.id))
    async with field.system.database.transaction(SYSTEM) as tx:
        service = await upsert_service(
            SYSTEM, tx, field.project, "outside", f"user:{field.user_id}"
        )
        for key_id, secret in VECTORS["service_keys"].items():
            key = uuid4()
            sealed = encrypt_secret(
                field.system.secrets, secret, "callback_keys", key, "sealed_secret"
            )
            tx.session.add(
                CallbackKeyRow(
                    id=key,
                    key_id=key_id,
                    service_id=service,
                    project_ids=[field.project],
                    name="",
                    sealed_secret=sealed,
                    created_by="x",
                )
            )


@asynccontextmanager
async def _serving(system: AppContext) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = wrap_middleware(application_of(system))
    server = uvicorn.Server(
        uvicorn.Config(app, http=HttpProtocol, ws="none", lifespan="off", log_config=None)
    )
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def _send(port: int, case: dict[str, Any]) -> int:
    """Send the bytes of a case as they stand; answers the status."""
    body = base64.b64decode(case["body_b64"])
    lines = [
        f"{case['method']} {case['path']} HTTP/1.1",
        "Host: trapline.test",
        "Connection: close",
    ]
    head = "\r\n".join(lines).encode()
    for name, value in case["headers"]:
        head += f"\r\n{name}: ".encode() + value.encode("latin-1")
    if case.get("transfer") == "cl+te":
        head += f"\r\nContent-Length: {len(body)}\r\nTransfer-Encoding: chunked".encode()
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        head += f"\r\nContent-Length: {len(body)}".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"\r\n\r\n" + body)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


@pytest.mark.parametrize("name", CASES)
async def test_every_published_case_is_judged_as_published(field: Field, name: str) -> None:
    case = CASES[name]
    await _prepare(field)
    system = replace(field.system, callbacks=_settings(case))
    if "replay_of" in case:
        async with _serving(system) as port:
            assert await _send(port, CASES[case["replay_of"]]) == 200
    async with _serving(system) as port:
        status = await _send(port, case)
    # 200 says that the signature holds, whatever the body then gets.
    assert status == case["expect"] or (case["expect"] == 200 and status == 422), (
        f"{status}, not {case['expect']}"
    )
    if case["expect"] == 401:
        assert sum(system.callbacks.refused.values()) == 1
        assert await field.ask("select state from analyses") == [("queued",)]


async def test_no_word_about_what_exists_to_who_cannot_sign(field: Field) -> None:
    outside = await begin(field)
    job = await field.run_job()
    [(of_job,)] = await field.ask("select id from analyses where job_id = %s limit 1", job)
    answers = []
    for key in (outside.id, str(uuid4()), str(of_job), "no-id", "%00"):
        for body in (b'{"status": "completed"}', b"{", b"", b"\xff"):
            answers.append(await Outside(field, key, "wrong").call("POST", "/finalize", body))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert await field.ask("select count(*) from used_signatures") == [(0,)]


async def test_the_secret_of_an_analysis_is_good_for_it_alone(field: Field) -> None:
    one, other = await begin(field), await begin(field)
    assert one.secret != other.secret
    assert (
        await other.call("POST", "/finalize", {"status": "failed"}, secret=one.secret)
    ).status_code == 401
    assert (await other.call("POST", "/finalize", {"status": "failed"})).status_code == 200


async def test_an_old_secret_key_still_opens_what_it_made(field: Field) -> None:
    from trapline.server.platform.vault import SecretKeys

    outside = await begin(field)
    keys = SecretKeys(
        {**field.system.secrets.by_version, 2: b"another secret key of the tests, 32 bytes"}
    )
    later = await _behind(field, replace(field.system, secrets=keys))
    assert (await Outside(later, outside.id, outside.secret).call("GET")).status_code == 200
    assert (await begin(later)).secret != outside.secret


async def _behind(field: Field, system: AppContext) -> Field:
    transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
    client = httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
    return replace(field, system=system, client=client)


async def test_the_shared_secret_reads_nothing_and_can_be_switched_off(field: Field) -> None:
    outside = await begin(field)
    shared = await _behind(
        field, replace(field.system, callbacks=CallbackSettings(shared_secrets=("new", "old")))
    )
    for secret in ("new", "old"):
        called = Outside(shared, outside.id, secret)
        assert (await called.call("PATCH", "/status", {"status": "processing"})).status_code == 200
        assert (await called.call("GET")).status_code == 401
        assert (await called.call("GET", "/annotations")).status_code == 401
    assert (
        await Outside(shared, str(uuid4()), "new").call("POST", "/finalize", {"status": "failed"})
    ).status_code == 404
    off = await _behind(
        field,
        replace(
            field.system, callbacks=CallbackSettings(shared_secrets=("new",), allow_shared=False)
        ),
    )
    assert (
        await Outside(off, outside.id, "new").call("POST", "/finalize", {"status": "failed"})
    ).status_code == 401


async def test_a_captured_v1_request_does_nothing_again(field: Field) -> None:
    outside = await begin(field)
    body = json.dumps({"annotations": [box(1)], "mode": "replace"}).encode()
    captured = sign_v1(outside.secret, body)
    first = await outside.call("POST", "/annotations:bulk", body, headers=captured)
    assert (first.json()["created"], first.json()["total"]) == (1, 1)
    await outside.post([box(2), box(3)], mode="replace")
    paths = [
        f"/api/analyses/{outside.id}",
        f"/api/v2/analyses/{outside.id}",
        f"/api/analyses/{outside.id.upper()}",
    ]
    bogus = captured | {"X-ML-Signature": f"sha256={'0' * 64},{captured['X-ML-Signature']}"}
    for path in paths:
        for headers in (captured, bogus):
            # The mount for external pipelines ignores query names; the API refuses them.
            for ending in ("", "/", "" if "/v2/" in path else "?x=1"):
                again = await field.client.post(
                    f"{path}/annotations:bulk{ending}", content=body, headers=headers
                )
                assert again.status_code == 200, again.text
                assert (
                    again.json()["created"],
                    again.json()["annotations"],
                    again.json()["total"],
                ) == (0, [], 2)
    assert [one["ordering"] for one in (await outside.show())["annotations"]] == [2, 3]


async def test_a_captured_status_answers_with_the_present_state(field: Field) -> None:
    outside = await begin(field)
    body = b'{"status": "processing"}'
    captured = sign_v1(outside.secret, body)
    await outside.call("PATCH", "/status", body, headers=captured)
    await outside.call("POST", "/finalize", {"status": "completed"})
    again = await outside.call("PATCH", "/status", body, headers=captured)
    assert (again.status_code, again.json()["status"]) == (200, "completed")


async def test_two_analyses_may_end_in_the_same_second_with_the_same_body(field: Field) -> None:
    shared = await _behind(
        field, replace(field.system, callbacks=CallbackSettings(shared_secrets=("shared",)))
    )
    body = b'{"status": "completed"}'
    signed = sign_v1("shared", body)
    for outside in (await begin(shared), await begin(shared)):
        ended = await outside.call("POST", "/finalize", body, headers=signed)
        assert (ended.status_code, ended.json()["status"]) == (200, "completed")


async def _make_key(field: Field, **changes: Any) -> dict[str, Any]:
    answer = await field.call(
        "POST", "/callback_keys", {"projects": [field.project], "service": "gpu"} | changes
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_service_key_signs_for_its_projects_until_it_is_revoked(field: Field) -> None:
    outside = await begin(field)
    key, second = await _make_key(field), await _make_key(field, name="the next one")
    assert len(key["secret"]) == 64
    [(sealed,)] = await field.ask(
        "select sealed_secret from callback_keys where key_id = %s", key["key_id"]
    )
    assert key["secret"].encode() not in bytes(sealed)
    listed = (await field.call("GET", "/callback_keys")).json()["results"]
    assert [one["key_id"] for one in listed] == [second["key_id"], key["key_id"]]
    assert "secret" not in listed[0]

    assert (await outside.call_v2(key, "GET")).json()["status"] == "queued"
    moved = await outside.call_v2(second, "PATCH", "/status?why=not", {"status": "processing"})
    assert (moved.status_code, moved.json()["status"]) == (200, "processing")
    assert (await field.call("DELETE", f"/callback_keys/{key['id']}")).status_code == 204
    assert (await outside.call_v2(key, "GET")).status_code == 401
    assert (
        await outside.call_v2(second, "POST", "/finalize", {"status": "completed"})
    ).status_code == 200
    used = (await field.call("GET", f"/callback_keys?project={field.project}")).json()["results"]
    assert [one["last_used_at"] is not None for one in used] == [True, True]
    assert [one["revoked_at"] is not None for one in used] == [False, True]


async def test_a_key_of_another_project_finds_nothing(field: Field) -> None:
    outside = await begin(field)
    stranger = await make_field(field.system, name="stranger")
    key = await _make_key(stranger)
    asked: dict[str, Any] = {
        "": None,
        "/annotations": None,
        "/status": {"status": "processing"},
        "/finalize": {"status": "failed"},
        "/annotations:bulk": {"annotations": [box()]},
        "/artifacts/presign": {"artifact_type": "log", "filename": "a"},
    }
    for path, body in asked.items():
        method = "GET" if body is None else "PATCH" if path == "/status" else "POST"
        answer = await outside.call_v2(key, method, path, body)
        missing = await Outside(field, str(uuid4()), "").call_v2(key, method, path, body)
        assert (answer.status_code, missing.status_code) == (404, 404), path
        assert answer.json()["detail"] == missing.json()["detail"]
    assert (await outside.show())["status"] == "queued"
    assert await field.ask("select count(*) from annotations") == [(0,)]


async def test_a_key_ends_with_its_services_work_for_the_project(field: Field) -> None:
    outside, key = await begin(field), await _make_key(field)
    await field.change(
        "delete from service_projects where service_id = (select service_id from callback_keys)"
    )
    assert (await outside.call_v2(key, "GET")).status_code == 404


async def test_a_nonce_counts_once_whoever_is_asked(field: Field) -> None:
    outside, key = await begin(field), await _make_key(field)
    body = b'{"status": "processing"}'
    target = f"/api/analyses/{outside.id}/status"
    signed = sign_v2(key["key_id"], key["secret"], "PATCH", target, body)
    twin = await _behind(field, replace(field.system))
    clients = [field.client, twin.client] * 8
    answers = await asyncio.gather(
        *[client.patch(target, content=body, headers=signed) for client in clients]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    assert (
        "nonce" in next(answer for answer in answers if answer.status_code == 409).json()["detail"]
    )


async def test_with_a_v2_signature_no_other_counts(field: Field) -> None:
    outside, key = await begin(field), await _make_key(field)
    body = b'{"status": "processing"}'
    right = sign_v1(outside.secret, body)
    both = sign_v2(key["key_id"], "wrong", "PATCH", f"/api/analyses/{outside.id}/status", body)
    both["X-ML-Signature"] += "," + right["X-ML-Signature"]
    assert (await outside.call("PATCH", "/status", body, headers=both)).status_code == 401


async def test_a_failed_request_leaves_its_nonce_unused(field: Field) -> None:
    outside, key = await begin(field), await _make_key(field)
    assert (
        await outside.call_v2(key, "POST", "/finalize", {"status": "completed"})
    ).status_code == 200
    assert (
        await outside.call_v2(key, "POST", "/finalize", {"status": "failed"})
    ).status_code == 409
    assert await field.ask("select count(*) from used_signatures") == [(1,)]


async def test_the_checker_names_what_is_wrong(field: Field) -> None:
    outside = await begin(field)
    body = '{"status": "processing"}'
    path = f"/api/analyses/{outside.id}/status"
    right = {"project": field.project, "method": "PATCH", "target": path, "body": body}

    async def check(headers: dict[str, str], **changes: Any) -> dict[str, Any]:
        answer = await field.call(
            "POST", "/callback_keys/check", right | {"headers": headers} | changes
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    signed = sign_v1(outside.secret, body.encode())
    assert (await check(signed))["valid"] is True
    compact = await check(sign_v1(outside.secret, b'{"status":"processing"}'))
    assert (compact["valid"], "compact JSON" in compact["parts"][-1]["message"]) == (False, True)
    line = await check(sign_v1(outside.secret, body.encode() + b"\n"))
    assert "line break" in line["parts"][-1]["message"]
    late = await check(sign_v1(outside.secret, body.encode(), clock=lambda: 1_000_000_000))
    assert late["valid"] is False
    assert [one["component"] for one in late["parts"] if not one["valid"]] == ["timestamp"]
    assert "behind it, and 300 s are allowed" in late["parts"][1]["message"]
    both = await check(sign_v1("wrong", body.encode(), clock=lambda: 1_000_000_000))
    assert [one["component"] for one in both["parts"] if not one["valid"]] == [
        "timestamp",
        "signature",
    ]
    unread = await check(signed | {"X-ML-Timestamp": "yesterday"})
    assert [(one["component"], one["valid"]) for one in unread["parts"]] == [
        ("headers", True),
        ("timestamp", False),
    ]
    without = await check({"X-ML-Signature": signed["X-ML-Signature"]})
    assert "x-ml-timestamp is missing" in without["parts"][-1]["message"]
    key = await _make_key(field)
    other = await check(sign_v2(key["key_id"], key["secret"], "POST", path, body.encode()))
    assert "method POST" in other["parts"][-1]["message"]
    compared = await check(signed, signed_message=f"{signed['X-ML-Timestamp']}.{body[:5]}X")
    assert compared["first_difference"] == len(signed["X-ML-Timestamp"]) + 1 + 5
    large = '{"status": "processing", "error_message": "' + "x" * 20_000 + '"}'
    answer = await check(sign_v1(outside.secret, large.encode()), body=large, signed_message=large)
    assert (answer["valid"], answer["first_difference"]) == (True, 0)
    stranger = await make_field(field.system, name="stranger")
    foreign = await stranger.call(
        "POST", "/callback_keys/check", right | {"project": stranger.project, "headers": signed}
    )
    assert foreign.json()["valid"] is False
    assert await field.ask("select state from analyses") == [("queued",)]
