"""Unexpected answers and errors: the worker asks again, or ends with a clear error."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.worker_test_server import Answer, Asked, FakeServer, make_jpeg, refuse
from tests.unit.worker.test_loop import Sleeper, run

from trapline.worker.loop import WorkerLimits
from trapline.worker.outbox import Outbox
from trapline.worker.worker_identity import WorkerThreadError


def test_unreadable_answers_to_a_lease_request_are_asked_for_again(
    server: FakeServer, tmp_path: Path
) -> None:
    """Servers that speak the protocol in part may leave out a field of an answer."""
    server.additions = True
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(3)})
    task = {
        "id": "t",
        "image_id": "i",
        "image_url": "http://x/i",
        "reply_subject": "r",
        "job_id": 7,
    }
    kind = {"Content-Type": "application/json"}
    answers = [
        (200, kind, json.dumps({"tasks": [task]}).encode()),
        (200, kind, b"{}"),
        (200, {**kind, "Content-Encoding": "gzip"}, b"not compressed"),
        refuse(503, "busy", Retry_After="0"),
    ]

    def meddle(asked: Asked) -> Answer | None:
        return answers.pop() if asked.path == "/api/v2/tasks/lease" and answers else None

    server.meddle = meddle
    run(server, tmp_path, Sleeper(), limits=WorkerLimits(poll_s=0.01, idle_s=0.5))
    assert not answers
    assert len(server.results) == 3


@pytest.mark.parametrize("thread", ["leaser", "poster"])
def test_a_thread_that_fails_ends_the_worker(
    server: FakeServer, tmp_path: Path, thread: str
) -> None:
    """It would otherwise stay online and do nothing."""
    server.additions = True
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(30)})
    limits = WorkerLimits(batch_size=4, poll_s=0.02)
    if thread == "leaser":
        # It pauses if the server has no task, and `threading` refuses an infinite timeout.
        limits = replace(limits, poll_s=math.inf)
        answer = (200, {"Content-Type": "application/json"}, b'{"tasks": []}')
        server.meddle = lambda asked: answer if "/tasks/lease" in asked.path else None
    else:
        # It saves results while the server is unavailable, and cannot create the file.
        outbox = Outbox(tmp_path, server.url).save(7, []).parent
        shutil.rmtree(outbox)
        outbox.write_text("")
        server.meddle = lambda asked: refuse(500) if "/result" in asked.path else None
    with pytest.raises(WorkerThreadError, match=f"the {thread} of the worker failed: .*Error"):
        run(server, tmp_path, Sleeper(0.01), limits=limits)
    assert server.results == {}
    assert server.goodbyes
