"""Results on disk."""

from pathlib import Path

import pytest

from trapline.client import ApiConnectionError, ApiStatusError
from trapline.wire.results import Result
from trapline.worker.batching import build_failure
from trapline.worker.outbox import Outbox


def result(name: str) -> Result:
    return Result(reply_subject=f"r-{name}", result=build_failure("broken", name))


def test_kept_results_are_sent_in_order_and_deleted(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "http://a")
    outbox.save(1, [result("a"), result("b")])
    outbox.save(2, [result("c")])
    posted: list[tuple[int, list[Result]]] = []
    assert (
        Outbox(tmp_path, "http://a").send(lambda job, results: posted.append((job, results))) == 3
    )
    assert posted == [(1, [result("a"), result("b")]), (2, [result("c")])]
    assert len(outbox) == 0


def test_another_servers_results_are_left_alone(tmp_path: Path) -> None:
    Outbox(tmp_path, "http://a").save(1, [result("a")])
    assert len(Outbox(tmp_path, "http://b")) == 0


@pytest.mark.parametrize(
    "error", [ApiConnectionError("away"), ApiStatusError(503, "busy"), ApiStatusError(401, "who?")]
)
def test_results_that_cannot_be_sent_are_kept(tmp_path: Path, error: Exception) -> None:
    outbox = Outbox(tmp_path, "http://a")
    outbox.save(1, [result("a")])

    def fail(*_: object) -> None:
        raise error

    with pytest.raises(type(error)):
        outbox.send(fail)
    assert len(outbox) == 1


def test_permanently_refused_results_are_set_aside(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "http://a")
    outbox.save(1, [result("a")])
    outbox.save(2, [result("b")])

    def refuse(job: int, _: object) -> None:
        if job == 1:
            raise ApiStatusError(404, "no such job")

    assert outbox.send(refuse) == 1
    assert len(outbox) == 0
    assert len(list(tmp_path.rglob("*.refused"))) == 1


def test_a_half_written_or_damaged_file_stops_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "http://a")
    kept = outbox.save(1, [result("a")])
    kept.with_name("0.json").write_text('{"job_id": 1, "resul')
    kept.with_name("1.part").write_text("{")
    assert outbox.send(lambda *_: None) == 1
    assert len(outbox) == 0
