"""`trapline key` against a real server: create, list, revoke, and the wrong part of a signature."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.running_server import RunningServer

from trapline.client.signing import sign_v2
from trapline.wire.callback_keys import CreatedCallbackKey, NewCallbackKey
from trapline.wire.projects import NewProject

TARGET = f"/api/analyses/{uuid4()}/status?x=1"
BODY = '{"status": "failed", "error_message": "zu früh"}\r\n\r\n'.encode()


@dataclass
class Desk:
    """A server, a project of the owner's, and a key for it."""

    server: RunningServer
    project: int
    key: CreatedCallbackKey

    def check(self, file: Path, *arguments: str, code: int = 1) -> str:
        """Check a request; return the output."""
        done = self.server.call(
            "key", "check", str(file), "--project", str(self.project), *arguments, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def write(
        self,
        file: Path,
        body: bytes,
        secret: str | None = None,
        *,
        breaks: str = "\r\n",
        more: str = "",
    ) -> str:
        """Write a request with this body, signed over BODY. Return its timestamp and nonce."""
        signed = sign_v2(self.key.key_id, secret or self.key.secret, "PATCH", TARGET, BODY)
        lines = [
            f"PATCH {TARGET} HTTP/1.1",
            "Host: trapline.example.org",
            "Content-Type: application/json",
        ]
        lines += [f"{name.lower()}: {value}" for name, value in signed.items()]
        lines += [more] if more else []
        file.write_bytes(breaks.join([*lines, "", ""]).encode() + body)
        return f"{signed['X-ML-Timestamp']}\n{signed['X-ML-Nonce']}"


@pytest.fixture
def desk(server: RunningServer) -> Iterator[Desk]:
    with server.open() as owner:
        project = owner.create_project(NewProject(name="keys")).id
        key = owner.create_callback_key(NewCallbackKey(projects=[project], service="deer-net"))
        yield Desk(server, project, key)
        for made in owner.list_callback_keys(project):
            owner.revoke_callback_key(made.id)


def test_a_key_is_made_listed_and_revoked(desk: Desk) -> None:
    project = ("--project", str(desk.project))
    said = desk.server.call(
        "key", "create", *project, "--service", "owl-net", "--name", "barn"
    ).stdout
    made = dict(line.split("=") for line in said.splitlines())
    listed: list[dict[str, Any]] = json.loads(
        desk.server.call("key", "list", *project, "--json").stdout
    )
    assert [(it["service"], it["name"], it["revoked_at"]) for it in listed] == [
        ("owl-net", "barn", None), ("deer-net", "", None),
    ]  # fmt: skip
    assert listed[0]["key_id"] == made["CALLBACK_KEY_ID"]
    assert made["CALLBACK_KEY_SECRET"] not in json.dumps(listed)
    assert made["CALLBACK_KEY_ID"] in desk.server.call("key", "list", *project).stdout
    desk.server.call("key", "revoke", made["CALLBACK_KEY_ID"])
    listed = json.loads(desk.server.call("key", "list", *project, "--json").stdout)
    assert [it["revoked_at"] is None for it in listed] == [False, True]
    missing = desk.server.call("key", "revoke", "tlk_nothing", check=False)
    assert (missing.returncode, "There is no key tlk_nothing" in missing.stderr) == (1, True)
    again = json.loads(
        desk.server.call("key", "create", *project, "--service", "owl-net", "--json").stdout
    )
    assert len(again["secret"]) == 64


@pytest.mark.parametrize("breaks", ["\r\n", "\n"])
def test_a_signature_that_holds_ends_with_0(desk: Desk, tmp_path: Path, breaks: str) -> None:
    file = tmp_path / "request.http"
    desk.write(file, BODY, breaks=breaks)
    assert "The signature is valid." in desk.check(file, code=0)


def test_signature_errors_are_located_to_the_byte(desk: Desk, tmp_path: Path) -> None:
    file, signed = tmp_path / "request.http", tmp_path / "signed.txt"
    desk.write(file, BODY.rstrip())
    said = desk.check(file)
    assert "ok  key: the key is active" in said
    assert "NO  signature" in said
    head = desk.write(file, BODY)
    signed.write_bytes(f"TRAPLINE-HMAC-V2\r\n{head}".encode())
    desk.write(file, BODY, secret="another")
    said = desk.check(file, "--signed", str(signed))
    assert "differs from byte 17: expected b'\\n', signed b'\\r'" in said
    assert said.count("TRAPLINE-HMAC-V2") == 1
    checked = json.loads(desk.check(file, "--signed", str(signed), "--json"))
    assert (checked["valid"], checked["first_difference"]) == (False, 16)
    signed.write_text(checked["expected_message"], encoding="utf-8")
    assert "Either the secret differs" in desk.check(file, "--signed", str(signed))


def test_a_request_that_cannot_be_read_is_a_sentence(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "request.http"
    file.write_bytes(b"\xff\xfe\x00")
    assert "This is not a raw HTTP request" in desk.check(file, code=2)
    file.write_bytes(f"PATCH {TARGET} HTTP/1.1\n\n".encode() + b"x" * 1_100_000)
    assert "cannot be checked: body_base64" in desk.check(file, code=2)
    desk.write(file, BODY, more="X-ML-Nonce: 00112233445566778899aabbccddeeff")
    assert "x-ml-nonce is given more than once" in desk.check(file).lower()
    file.write_bytes(f"PATCH {TARGET}\n\n".encode() + BODY)
    assert "x-ml-signature, x-ml-timestamp is missing" in desk.check(file)
    assert "does not exist" in desk.check(tmp_path / "nothing", code=2)
