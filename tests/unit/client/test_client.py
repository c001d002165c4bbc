"""The client: addresses, errors, retries, uploads."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.worker_test_server import TOKEN, Answer, Asked, FakeServer, refuse

from trapline.client import (
    ApiConnectionError,
    ApiStatusError,
    CallbackSession,
    RetryPolicy,
    Trapline,
)
from trapline.client.api_url import normalise_api_url
from trapline.client.signing import build_key_signer
from trapline.wire.artifacts import ArtifactType, NewArtifact, PresignedUpload
from trapline.wire.projects import ProjectUpdate


@pytest.fixture
def api(server: FakeServer) -> Iterator[Trapline]:
    with Trapline(server.url, TOKEN, retry=RetryPolicy(2, 0.001)) as made:
        yield made


@pytest.mark.parametrize(
    "written",
    [
        "http://h:8000",
        "http://h:8000/",
        "http://h:8000/api/v2",
        "http://h:8000/api/v2/",
        "http://h:8000/api",
    ],
)
def test_an_address_may_be_written_in_five_ways(written: str) -> None:
    assert normalise_api_url(written) == "http://h:8000/api/v2"


def test_a_prefix_before_the_api_is_kept() -> None:
    assert normalise_api_url("https://h/trapline/") == "https://h/trapline/api/v2"


@pytest.mark.parametrize("written", ["", "localhost:8000", "ftp://h", "http://"])
def test_invalid_urls_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a server"):
        normalise_api_url(written)


def answer_with(server: FakeServer, *answers: Answer) -> None:
    left = list(answers)
    server.meddle = lambda _: left.pop(0) if left else None


def test_gets_are_tried_again_and_posts_are_not(server: FakeServer, api: Trapline) -> None:
    answer_with(server, refuse(503), refuse(500))
    assert [project.name for project in api.list_worker_projects()] == ["Woods"]
    assert len(server.asked) == 3
    answer_with(server, refuse(503))
    with pytest.raises(ApiStatusError):
        api.lease_tasks(1, 5)
    assert len(server.asked) == 4


def test_tries_end(server: FakeServer, api: Trapline) -> None:
    server.meddle = lambda _: refuse(503, "being mended")
    with pytest.raises(ApiStatusError, match="being mended") as caught:
        api.list_worker_projects()
    assert caught.value.is_transient
    assert len(server.asked) == 3


def test_retry_after_is_kept_to(server: FakeServer, api: Trapline) -> None:
    answer_with(server, refuse(429, Retry_After="1"))
    started = time.monotonic()
    api.list_worker_projects()
    assert time.monotonic() - started >= 1


def test_an_odd_retry_after_is_passed_over(server: FakeServer, api: Trapline) -> None:
    answer_with(server, refuse(404, Retry_After="\u00b2"))
    with pytest.raises(ApiStatusError) as caught:
        api.list_worker_projects()
    assert caught.value.retry_after_s is None


def test_waits_double_with_a_little_chance() -> None:
    retry = RetryPolicy(3, 0.5)
    for attempt, least in enumerate([0.5, 1.0, 2.0]):
        assert all(least <= retry.wait_s(attempt) <= least * 1.25 for _ in range(50))
    assert retry.wait_s(0, 7) == 7
    assert retry.wait_s(0, 10_000) == 60
    assert retry.wait_s(10_000) == 60


def test_a_problem_document_becomes_one_sentence(server: FakeServer, api: Trapline) -> None:
    problem = b"""{"title": "Unprocessable", "status": 422, "detail": "the request is wrong",
        "errors": [{"where": "body.name", "message": "is too long"}]}"""
    answer_with(server, (422, {"Content-Type": "application/problem+json"}, problem))
    with pytest.raises(ApiStatusError) as caught:
        api.update_project(1, ProjectUpdate(name="x"))
    assert (caught.value.status, caught.value.detail) == (422, "the request is wrong")
    assert caught.value.errors[0].where == "body.name"
    assert str(caught.value) == "the request is wrong (body.name: is too long)"
    assert server.asked[0].body == {"name": "x"}


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b'{"detail": ""}'])
def test_an_answer_without_a_problem_document_is_an_error_too(
    server: FakeServer, api: Trapline, body: bytes
) -> None:
    server.meddle = lambda _: (404, {}, body)
    with pytest.raises(ApiStatusError, match="the server answered 404"):
        api.list_worker_projects()


def test_an_answer_of_another_shape_is_an_error(server: FakeServer, api: Trapline) -> None:
    server.meddle = lambda _: (200, {}, b'{"results": "none"}')
    with pytest.raises(ApiStatusError, match="GET /projects/ returned an unexpected response"):
        api.list_worker_projects()


def test_redirects_are_named_and_not_followed(server: FakeServer, api: Trapline) -> None:
    server.meddle = lambda _: (301, {"Location": f"{server.image_url}/elsewhere"}, b"")
    with pytest.raises(ApiStatusError, match="use that URL instead"):
        api.lease_tasks(1, 5)
    assert len(server.asked) == 1


def test_nothing_there_is_said() -> None:
    with (
        Trapline("http://127.0.0.1:9", TOKEN, retry=RetryPolicy(0)) as api,
        pytest.raises(ApiConnectionError, match=":9"),
    ):
        api.list_worker_projects()


def test_uploads_are_counted(server: FakeServer, api: Trapline, tmp_path: Path) -> None:
    files = []
    for name in ("a.jpg", "b.jpg"):
        files.append(tmp_path / name)
        files[-1].write_bytes(name.encode() * 100_000)
    taken: list[Asked] = []

    def meddle(asked: Asked) -> Answer:
        taken.append(asked)
        return 200, {}, b'{"imported": 2, "duplicate": 0, "refused": 0, "files": []}'

    server.meddle = meddle
    told: list[tuple[int, int]] = []
    assert api.upload_images(files, project=4, progress=lambda *now: told.append(now)).imported == 2
    assert told[-1] == (1_000_000, 1_000_000)
    assert len(told) > 2
    assert taken[0].path == "/api/v2/images"
    assert taken[0].headers["Content-Type"].startswith("multipart/form-data")
    for part in (
        b'name="project"\r\n\r\n4\r\n',
        b'name="files"; filename="a.jpg"',
        b"b.jpg" * 100_000,
    ):
        assert part in taken[0].body


def test_callbacks_are_tried_again_and_signed_anew_each_time(server: FakeServer) -> None:
    artifact, analysis = uuid4(), uuid4()
    told = PresignedUpload(
        artifact_id=artifact,
        upload_url="http://h/x",
        storage_path="x",
        expires_at=datetime.now(UTC),
        headers={},
    )
    fine: Answer = (200, {"Content-Type": "application/json"}, told.model_dump_json().encode())
    answer_with(server, refuse(503), refuse(500), fine)
    with CallbackSession(
        server.url, build_key_signer("tlk_1", "a secret"), retry=RetryPolicy(2, 0.001)
    ) as outside:
        assert (
            outside.presign(analysis, NewArtifact(artifact_type=ArtifactType.LOG, filename="a.log"))
            == told
        )
    heads = [asked.headers for asked in server.asked]
    assert len(heads) == 3
    assert len({head["X-ML-Nonce"] for head in heads}) == 3
    assert len({head["X-ML-Signature"] for head in heads}) == 3
    assert {head["X-ML-Key-Id"] for head in heads} == {"tlk_1"}
    assert not any("Authorization" in head for head in heads)
