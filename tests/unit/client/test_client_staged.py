"""Large uploads of the client: announced, sent to signed URLs, imported, resumed."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.worker_test_server import Answer, Asked, FakeServer

from trapline.client.errors import ApiStatusError
from trapline.client.retry import RetryPolicy
from trapline.client.staged_files import (
    STAGED_FROM_BYTES,
    STAGED_FROM_FILES,
    expires_soon,
    needs_staging,
    upload_staged_files,
)
from trapline.client.trapline import Trapline

IMAGE = UUID(int=7)


class Staging:
    """A server for announced files; `refuse` rejects the first requests of a kind with a status."""

    def __init__(self, server: FakeServer) -> None:
        self.url = server.url
        self.ids: dict[str, str] = {}
        self.arrived: set[str] = set()
        self.imported: set[str] = set()
        self.refuse: dict[str, list[int]] = {}
        self.asked: Counter[str] = Counter()
        self.puts_an_announcement: int | None = None
        self.puts_left = 0
        self.tokens: dict[str, str | None] = {}
        server.meddle = self.answer

    def answer(self, asked: Asked) -> Answer:
        kind = "PUT" if asked.method == "PUT" else asked.path.rpartition("/")[2]
        self.asked[kind] += 1
        self.tokens[kind] = asked.headers.get("Authorization")
        if self.refuse.get(kind):
            return say(self.refuse[kind].pop(0), {"detail": "no"})
        if kind == "PUT" and self.puts_an_announcement is not None:
            self.puts_left -= 1
            if self.puts_left < 0:
                return say(403, {"detail": "over"})
        if kind == "presign":
            self.puts_left = self.puts_an_announcement or 0
        if kind == "PUT":
            self.arrived.add(asked.path.rpartition("/")[2])
            return say(200, {})
        body = asked.body if isinstance(asked.body, dict) else json.loads(asked.body)
        return say(
            200,
            {"files": [self.stage(file) for file in body["files"]]}
            if kind == "presign"
            else self.take(body),
        )

    def stage(self, file: dict[str, Any]) -> dict[str, Any]:
        told = {"filename": file["filename"], "image_id": None, "detail": None, "file_id": None}
        file_id = self.ids.setdefault(file["sha256"], str(uuid4()))
        if file_id in self.imported:
            return told | {"state": "duplicate", "image_id": str(IMAGE)}
        if file_id in self.arrived:
            return told | {"state": "arrived", "file_id": file_id}
        return told | {
            "state": "send",
            "file_id": file_id,
            "upload_url": f"{self.url}/store/{file_id}",
        }

    def take(self, body: dict[str, Any]) -> dict[str, Any]:
        first, *later = body["files"]
        self.imported.add(first)
        done = {"file_id": first, "filename": "x", "outcome": "imported", "image_id": str(IMAGE)}
        waiting = [{"file_id": one, "filename": "x", "outcome": "waiting"} for one in later]
        counts = {"imported": 1, "duplicate": 0, "refused": 0, "missing": 0, "waiting": len(later)}
        return {**counts, "files": [done, *waiting]}


def say(status: int, body: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


@pytest.fixture
def staging(server: FakeServer) -> Staging:
    return Staging(server)


@pytest.fixture
def api(server: FakeServer) -> Iterator[Trapline]:
    with Trapline(server.url, "secret", retry=RetryPolicy(times=2, backoff_s=0)) as api:
        yield api


def write(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{at}.jpg" for at in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_files_are_sent_once_without_the_token_and_waited_for(
    staging: Staging, api: Trapline, tmp_path: Path
) -> None:
    files = write(tmp_path, b"one", b"other", b"one", b"")
    staging.refuse = {"PUT": [503], "presign": [503], "import": [503]}
    told: list[int] = []
    upload = upload_staged_files(api._to, files, {"project": "4"}, told.append)
    assert [file.outcome for file in upload.files] == [
        "imported",
        "imported",
        "duplicate",
        "imported",
    ]
    assert (upload.imported, upload.duplicate) == (3, 1)
    assert {file.image_id for file in upload.files} == {IMAGE}
    assert set(staging.ids) == {
        hashlib.sha256(each).hexdigest() for each in (b"one", b"other", b"")
    }
    assert staging.asked == {"presign": 2, "PUT": 4, "import": 4}, (
        "each again once, and those that waited"
    )
    assert staging.tokens["PUT"] is None
    assert staging.tokens["import"] is not None
    assert sum(told) == 3 + 5 + 3

    again = upload_staged_files(api._to, files, {"project": "4"}, told.append)
    assert (again.imported, again.duplicate) == (0, 4)
    assert (staging.asked["PUT"], staging.asked["import"]) == (4, 4)


def test_files_sent_before_an_interruption_are_not_sent_again(
    staging: Staging, api: Trapline, tmp_path: Path
) -> None:
    files = write(tmp_path, b"one", b"other")
    staging.refuse = {"import": [503] * 3}
    with pytest.raises(ApiStatusError):
        upload_staged_files(api._to, files, {"project": "4"}, lambda _: None)
    assert upload_staged_files(api._to, files, {"project": "4"}, lambda _: None).imported == 2
    assert staging.asked["PUT"] == 2


def test_an_address_that_is_over_is_asked_for_again_and_not_for_ever(
    staging: Staging, api: Trapline, tmp_path: Path
) -> None:
    [file] = write(tmp_path, b"one")
    staging.refuse = {"PUT": [403, 403]}
    told: list[int] = []
    assert upload_staged_files(api._to, [file], {"project": "4"}, told.append).imported == 1
    assert (staging.asked["presign"], sum(told)) == (3, 3)
    staging.refuse = {"PUT": [400] * 3}
    file.write_bytes(b"another")
    refused = upload_staged_files(api._to, [file], {"project": "4"}, told.append)
    assert (refused.refused, refused.files[0].detail) == (1, "no")


def test_a_slow_line_goes_on_for_as_long_as_anything_arrives(
    staging: Staging, api: Trapline, tmp_path: Path
) -> None:
    files = write(tmp_path, *[bytes([number]) for number in range(6)])
    staging.puts_an_announcement = 1
    told: list[int] = []
    upload = upload_staged_files(api._to, files, {"project": "4"}, told.append)
    assert (upload.imported, upload.refused) == (6, 0)
    assert (staging.asked["presign"], sum(told)) == (6, 6)


def test_an_address_that_is_almost_over_is_not_used_unless_the_clock_is_wrong() -> None:
    given = datetime(2026, 5, 1, tzinfo=UTC)
    hour = given + timedelta(hours=1)
    assert [expires_soon(hour, given, passed) for passed in (0, 3500, 3545, 4000)] == [
        False,
        False,
        True,
        True,
    ]
    assert not expires_soon(None, given, 4000)
    assert not expires_soon(given - timedelta(hours=5), given, 4000)


def test_a_large_set_is_one_of_many_files_or_bytes(tmp_path: Path) -> None:
    [file] = write(tmp_path, b"x")
    assert not needs_staging([file] * STAGED_FROM_FILES)
    assert needs_staging([file] * (STAGED_FROM_FILES + 1))
    with file.open("wb") as sparse:
        sparse.truncate(STAGED_FROM_BYTES)
    assert not needs_staging([file])
    assert needs_staging([file, file])
