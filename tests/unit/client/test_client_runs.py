"""The client and pipeline runs: submitted once, followed, awaited, listed."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.worker_test_server import TOKEN, Answer, Asked, FakeServer, refuse

from trapline.client import ApiConnectionError, ApiStatusError, RetryPolicy, Trapline, iterate
from trapline.wire.jobs import JobPriority
from trapline.wire.runs import (
    PipelineRunState,
    Run,
    RunAccepted,
    RunEvent,
    RunProgress,
    StateHistoryEntry,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ACCEPTED = RunAccepted(job_id="job-7", check_status_at="/pipeline/job/job-7")
PROGRESS = RunProgress(total=3, queued=1, processing=1, completed=1, failed=0, canceled=0)


@pytest.fixture
def slept() -> list[float]:
    """How long the client wanted to wait, each time; it does not."""
    return []


@pytest.fixture
def api(server: FakeServer, slept: list[float]) -> Iterator[Trapline]:
    with Trapline(server.url, TOKEN, retry=RetryPolicy(2, 0.001, slept.append)) as made:
        yield made


def answer_with(server: FakeServer, *answers: Answer) -> None:
    left = list(answers)
    server.meddle = lambda _: left.pop(0)


def say(body: str, status: int = 200, kind: str = "application/json") -> Answer:
    return status, {"Content-Type": kind}, body.encode()


def stream(*events: str) -> Answer:
    return say("retry: 2000\n\n" + "".join(events), kind="text/event-stream")


def enter(number: int, state: PipelineRunState) -> str:
    event = RunEvent(
        job_id="job-7", state=StateHistoryEntry(state=state, entered_at=NOW, metadata={})
    )
    return f"id: 7-{number}\nevent: state\ndata: {event.model_dump_json(exclude_none=True)}\n\n"


def progress() -> str:
    event = RunEvent(job_id="job-7", progress=PROGRESS)
    return f"event: progress\ndata: {event.model_dump_json(exclude_none=True)}\n\n: still here\n\n"


def look(status: PipelineRunState) -> Answer:
    run = Run(
        job_id="job-7", status=status, preset="night", pipeline="known", project=1,
        priority=JobPriority.NORMAL,
        parameters={}, metadata={}, content_preview="3 images", status_reason="A worker is at it.",
        created_at=NOW,
        updated_at=NOW, state_history=[], progress=PROGRESS, result=None, error=None,
    )  # fmt: skip
    return say(run.model_dump_json())


def test_a_run_is_asked_for_once_however_often_it_is_sent(
    server: FakeServer, api: Trapline
) -> None:
    answer_with(server, refuse(503), say(ACCEPTED.model_dump_json(), 202))
    image = uuid4()
    accepted = api.run(preset="night", images=[image], priority="high", metadata={"ticket": 7})
    assert accepted == ACCEPTED
    first, second = server.asked
    assert first.path == "/api/v2/pipeline/run"
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert second.body == {
        "preset": "night", "priority": "high", "metadata": {"ticket": 7},
        "content": {"images": [str(image)]},
    }  # fmt: skip


def test_a_run_over_everything_says_so(server: FakeServer, api: Trapline) -> None:
    answer_with(server, say(ACCEPTED.model_dump_json(), 202))
    api.run(pipeline="known", project=4)
    assert server.asked[0].body == {"pipeline": "known", "project": 4, "content": {}}


def test_a_run_over_no_image_is_not_one_over_everything(server: FakeServer, api: Trapline) -> None:
    with pytest.raises(ValueError, match="images"):
        api.run(pipeline="known", project=4, images=[])
    with pytest.raises(ValueError, match="exactly one"):
        api.run(pipeline="known", preset="night", project=4)
    assert not server.asked


def test_a_stream_goes_on_behind_what_was_heard(
    server: FakeServer, api: Trapline, slept: list[float]
) -> None:
    answer_with(
        server,
        stream(
            enter(1, PipelineRunState.QUEUED),
            progress(),
            enter(2, PipelineRunState.PROCESSING),
            "id: 7-3\nevent: state\n",
        ),
        refuse(503),
        stream(progress(), enter(3, PipelineRunState.COMPLETED)),
        (204, {}, b""),
    )
    told = [
        event.state.state.value if event.state else "progress" for event in api.follow_run("job-7")
    ]
    assert told == ["QUEUED", "progress", "PROCESSING", "progress", "COMPLETED"]
    assert [asked.headers.get("Last-Event-ID") for asked in server.asked] == [
        None,
        "7-2",
        "7-2",
        "7-3",
    ]
    assert {asked.path for asked in server.asked} == {"/api/v2/pipeline/job/job-7/events"}
    assert slept == [2.0, 2.0], "as long as the server asked for, and not at all behind the end"


def test_a_stream_that_ends_again_and_again_is_not_hammered(
    server: FakeServer, api: Trapline, slept: list[float]
) -> None:
    answer_with(
        server, say(progress(), kind="text/event-stream"), stream(progress()),
        refuse(429, Retry_After="7"),
        stream(enter(9, PipelineRunState.CANCELED)), stream(enter(9, PipelineRunState.CANCELED)),
        (204, {}, b""),
    )  # fmt: skip
    list(api.follow_run(7))
    assert slept == [0.001, 2.0, 7.0, 2.0]


def test_a_stream_that_says_nothing_is_given_up(server: FakeServer, api: Trapline) -> None:
    server.meddle = lambda _: stream()
    with pytest.raises(ApiConnectionError, match="before it sent anything"):
        list(api.follow_run(7))
    assert len(server.asked) == 3


def test_a_run_that_is_not_there_is_not_asked_for_again(server: FakeServer, api: Trapline) -> None:
    server.meddle = lambda _: refuse(404, "There is no such job.")
    with pytest.raises(ApiStatusError, match="no such job"):
        list(api.follow_run("job-7/../8"))
    assert [asked.path for asked in server.asked] == ["/api/v2/pipeline/job/job-7%2F..%2F8/events"]


def test_a_run_is_waited_for(server: FakeServer, api: Trapline) -> None:
    answer_with(
        server, look(PipelineRunState.PROCESSING), refuse(503), look(PipelineRunState.FAILED)
    )
    told: list[RunProgress] = []
    assert api.wait(ACCEPTED, timeout_s=30, progress=told.append).status is PipelineRunState.FAILED
    assert told == [PROGRESS, PROGRESS]
    server.meddle = lambda _: look(PipelineRunState.PROCESSING)
    with pytest.raises(
        TimeoutError, match=r"job-7 has not ended after 0\.05 s; it continues\. A worker is at it\."
    ):
        api.wait(7, timeout_s=0.05)


def test_a_server_that_is_away_is_waited_for(server: FakeServer, api: Trapline) -> None:
    answer_with(
        server,
        look(PipelineRunState.PROCESSING),
        *[refuse(503)] * 9,
        look(PipelineRunState.COMPLETED),
    )
    told: list[RunProgress] = []
    with Trapline(server.url, TOKEN, retry=RetryPolicy(2, 0.0)) as hasty:
        assert (
            hasty.wait(7, timeout_s=30, progress=told.append).status is PipelineRunState.COMPLETED
        )
        assert len(told) == 2
        away = [look(PipelineRunState.PROCESSING), *[refuse(503, "It starts.")] * 9999]
        server.meddle = lambda _: away.pop(0)
        with pytest.raises(
            TimeoutError, match=r"job-7 has not ended after 0\.3 s; it continues\. It starts\."
        ):
            hasty.wait(7, timeout_s=0.3)
        answer_with(server, look(PipelineRunState.PROCESSING), refuse(403, "Not yours."))
        with pytest.raises(ApiStatusError, match="Not yours"):
            hasty.wait(7, timeout_s=30)
        server.meddle = lambda _: refuse(503, "It starts.")
        with pytest.raises(ApiStatusError, match="It starts"):
            hasty.wait(7, timeout_s=30)


def test_the_whole_time_is_waited(server: FakeServer, api: Trapline) -> None:
    server.meddle = lambda _: look(PipelineRunState.PROCESSING)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        api.wait(7, timeout_s=0.2)
    assert time.monotonic() - began >= 0.2, "the pause before the end is a shorter one"


def test_a_list_is_given_page_by_page(server: FakeServer, api: Trapline) -> None:
    row = {
        "project_id": 1, "pipeline": "known", "description": "", "parameters": {},
        "priority": "low",
        "created_at": NOW.isoformat(), "updated_at": NOW.isoformat(),
    }  # fmt: skip

    def page(following: str | None, *names: str) -> Answer:
        rows = [{"id": 1, "name": name, **row} for name in names]
        return say(json.dumps({"results": rows, "next": following, "count": 3}))

    answer_with(server, page("n2", "a", "b"), page(None, "c"))
    assert [it.name for it in iterate(api.list_presets, project=1, class_="fox")] == ["a", "b", "c"]
    first, second = (asked.path for asked in server.asked)
    assert first == "/api/v2/presets?project=1&class=fox&limit=500"
    assert second == "/api/v2/presets?project=1&class=fox&limit=500&cursor=n2"


def test_a_folder_goes_up_in_several_requests(
    server: FakeServer, api: Trapline, tmp_path: Path
) -> None:
    (tmp_path / ".hidden").mkdir()
    for name in [f"{number:02}.JPG" for number in range(23)] + ["notes.txt", ".hidden/x.jpg"]:
        (tmp_path / name).write_bytes(b"x" * 1000)
    taken: list[Asked] = []

    def meddle(asked: Asked) -> Answer:
        taken.append(asked)
        files = [{"filename": "a", "outcome": "imported", "image_id": None, "detail": None}]
        return say(json.dumps({"imported": 1, "duplicate": 2, "refused": 0, "files": files}))

    server.meddle = meddle
    told: list[tuple[int, int]] = []
    answer = api.upload_images(str(tmp_path), project=4, progress=lambda *now: told.append(now))
    assert (answer.imported, answer.duplicate, len(answer.files)) == (2, 4, 2)
    assert [asked.body.count(b'name="files"') for asked in taken] == [20, 3]
    assert told == [(1000 * number, 23_000) for number in range(1, 24)]
    with pytest.raises(FileNotFoundError):
        api.upload_images(tmp_path / "nowhere", project=4)


def test_a_request_of_an_upload_is_made_again(
    server: FakeServer, api: Trapline, tmp_path: Path
) -> None:
    for number in range(23):
        (tmp_path / f"{number:02}.JPG").write_bytes(b"x" * 1000)
    done = {"imported": 1, "duplicate": 0, "refused": 0}

    def tell(name: str) -> Answer:
        file = {"filename": name, "outcome": "imported", "image_id": None, "detail": None}
        return say(json.dumps({**done, "files": [file]}))

    answer_with(server, tell("first"), refuse(503), tell("second"))
    told: list[int] = []
    answer = api.upload_images(tmp_path, project=4, progress=lambda sent, _: told.append(sent))
    assert [it.filename for it in answer.files] == ["first", "second"]
    assert [asked.body.count(b"x" * 1000) for asked in server.asked] == [20, 3, 3]
    assert (max(told), told[-1]) == (23_000, 23_000)
    answer_with(server, tell("first"), *[refuse(503)] * 3)
    with pytest.raises(ApiStatusError) as failed:
        api.upload_images(tmp_path, project=4)
    assert failed.value.sent is not None
    assert [it.filename for it in failed.value.sent.files] == ["first"]
