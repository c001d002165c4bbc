"""A worker whose model hangs or that stops too slowly ends in any case, with a true exit code."""

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from tests.support.worker_test_server import TOKEN, Answer, Asked, FakeServer, make_jpeg, refuse
from tests.unit.worker.test_process import finish, installed, start

from trapline.client import RetryPolicy, Trapline
from trapline.wire.results import Failure, Result
from trapline.wire.workers import HelloRequest
from trapline.worker.exit_codes import FAILED, MODEL_HUNG, REJECTED, STOPPED
from trapline.worker.held_leases import HeldLeases
from trapline.worker.main import get_exit_code
from trapline.worker.model_watch import ModelWatch
from trapline.worker.outbox import Outbox
from trapline.worker.process_watch import ProcessWatch
from trapline.worker.progress import Progress
from trapline.worker.result_poster import ResultPoster
from trapline.worker.worker_identity import WorkerIdentity, WorkerRejected, WorkerThreadError

__all__ = ["installed"]


@dataclass
class Ending:
    """A watched worker with one result that is not posted, and the code that it ends with."""

    process: ProcessWatch
    model: ModelWatch
    stop: threading.Event
    poster: ResultPoster
    identity: WorkerIdentity
    log: io.StringIO
    codes: list[int] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def exit_now(self, code: int) -> None:
        self.codes.append(code)
        self.ended.set()


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def ending(server: FakeServer, outbox: Path) -> Iterator[Ending]:
    printed = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(printed), wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    model, stop, holding = ModelWatch(batch_s=0.01, start_s=0.01), threading.Event(), HeldLeases()
    with Trapline(server.url, TOKEN) as api:
        poster = ResultPoster(
            api=api,
            outbox=Outbox(outbox, server.url),
            batch_size=1,
            retry=RetryPolicy(0, 0.01),
            log=log,
            progress=Progress(),
        )
        poster.put(7, Result(reply_subject="r-a", result=Failure(error="no", image_id="a")))
        hello = HelloRequest(service="Tests", name="worker-1", host="here", pid=1, pipelines=[])
        identity = WorkerIdentity(api=api, hello=hello, holding=holding, log=log)
        made: Ending
        process = ProcessWatch(
            watch=model,
            stop=stop,
            stop_timeout_s=0.5,
            poster=poster,
            identity=identity,
            log=log,
            get_exit_code=lambda: get_exit_code(WorkerRejected("evicted")),
            exit_now=lambda code: made.exit_now(code),
        )
        made = Ending(process, model, stop, poster, identity, printed)
        yield made


@pytest.mark.parametrize("is_writable", [True, False])
@pytest.mark.parametrize("is_log_open", [True, False])
def test_a_hung_model_ends_the_process_and_results_are_saved_or_their_tasks_released(
    ending: Ending, server: FakeServer, outbox: Path, *, is_writable: bool, is_log_open: bool
) -> None:
    server.additions = True
    assert ending.identity.ensure() is not None
    if not is_writable:
        outbox.write_text("a file where a folder is expected")
    if not is_log_open:
        ending.log.close()
    with ending.model.running("slow", 1), ending.process.running():
        assert ending.ended.wait(60)
    assert ending.codes == [MODEL_HUNG]
    assert ending.stop.is_set()
    assert len(list(outbox.rglob("*.json"))) == is_writable
    released = [asked.body["leases"] for asked in server.paths("/api/v2/tasks/release")]
    assert released == ([] if is_writable else [["r-a"]])


@pytest.mark.parametrize("is_log_open", [True, False])
def test_a_worker_that_stops_too_slowly_ends_with_the_code_of_its_error(
    ending: Ending, outbox: Path, *, is_log_open: bool
) -> None:
    if not is_log_open:
        ending.log.close()
    ending.stop.set()
    with ending.process.running():
        assert ending.ended.wait(60)
    assert ending.codes == [REJECTED]
    assert len(list(outbox.rglob("*.json"))) == 1


def test_results_that_are_being_posted_are_saved_too(
    ending: Ending, server: FakeServer, outbox: Path
) -> None:
    posting, over = threading.Event(), threading.Event()

    def meddle(asked: Asked) -> Answer | None:
        if "/result" in asked.path:
            posting.set()
            over.wait(60)
        return None

    server.meddle = meddle
    ending.poster.put(8, Result(reply_subject="r-b", result=Failure(error="no", image_id="b")))
    poster = threading.Thread(target=ending.poster.run)
    poster.start()
    try:
        assert posting.wait(60)
        report = ending.poster.save()
    finally:
        ending.poster.finish()
        over.set()
        poster.join()
    assert report.saved == 2
    assert not report.unsaved
    assert set(ending.poster.list_unsent()) == {"r-a", "r-b"}
    sent: dict[int, list[str]] = {}
    Outbox(outbox, server.url).send(
        lambda job, results: sent.update({job: [result.reply_subject for result in results]})
    )
    assert sent == {7: ["r-a"], 8: ["r-b"]}
    assert ending.poster.is_empty()


def test_each_error_of_the_loop_has_an_exit_code() -> None:
    assert get_exit_code(None) == STOPPED == 0
    assert get_exit_code(WorkerRejected("evicted")) == REJECTED == 4
    assert get_exit_code(WorkerThreadError("the leaser failed")) == FAILED == 1
    assert get_exit_code(ZeroDivisionError()) == FAILED


def test_a_rejected_worker_that_cannot_post_its_result_exits_with_4(
    server: FakeServer, installed: Path
) -> None:
    posting, over = threading.Event(), threading.Event()

    def meddle(asked: Asked) -> Answer | None:
        if "/result" in asked.path:
            posting.set()
            over.wait(60)
        elif "/tasks/renew" in asked.path and posting.is_set():
            return refuse(403, "evicted")
        return None

    server.additions, server.renew_s, server.meddle = True, 1, meddle
    server.add_job(3, "slow", {"a": make_jpeg()})
    process = start(server, installed, "-p", "slow", TRAPLINE_STOP_TIMEOUT="1.5")
    try:
        code, _, err = finish(process)
    finally:
        over.set()
    assert "stopped before all work was done" in err
    assert code == 4, err
