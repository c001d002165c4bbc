"""The time limit of a model depends on its images, and ends a process whose model hangs."""

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_process import finish, installed, start

from trapline.worker.model_watch import ModelWatch

__all__ = ["installed"]

HANGING = 128
"""The width of an image on which the test pipeline hangs."""


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run_batch(
    watch: ModelWatch, clock: Clock, images: int, seconds: float, slug: str = "a"
) -> None:
    with watch.running(slug, images):
        clock.now += seconds


class Ended(Exception):
    """Ends a batch of the test that is not a measurement."""


def read_allowed_s(watch: ModelWatch, clock: Clock, images: int, slug: str = "a") -> float:
    """The limit of a batch in seconds, as a hanging batch shows it."""
    began = clock.now
    with suppress(Ended), watch.running(slug, images):
        while watch.find_overdue() is None:
            clock.now += 1
            assert clock.now - began < 100_000
        raise Ended
    return clock.now - began


def test_the_first_batch_may_take_600_s_and_later_ones_20_times_the_expected_time_or_90_s() -> None:
    clock = Clock()
    watch = ModelWatch(clock=clock)
    assert read_allowed_s(watch, clock, 1) == pytest.approx(600, abs=1)
    watch = ModelWatch(clock=clock)
    run_batch(watch, clock, 1, 6)
    assert read_allowed_s(watch, clock, 24) == pytest.approx(20 * 6 * 24, abs=1)
    watch = ModelWatch(clock=clock)
    run_batch(watch, clock, 1, 0.01)
    assert read_allowed_s(watch, clock, 24) == pytest.approx(90, abs=1)
    assert read_allowed_s(watch, clock, 1, "b") == pytest.approx(600, abs=1), (
        "each pipeline warms up"
    )


def test_the_expected_time_is_the_median_of_the_last_batches() -> None:
    clock = Clock()
    watch = ModelWatch(clock=clock)
    run_batch(watch, clock, 1, 500)  # warming up
    for images in (2, 4, 8):
        run_batch(watch, clock, images, 10 * images)
    assert read_allowed_s(watch, clock, 8) == pytest.approx(20 * 10 * 8, abs=1)
    for _ in range(60):
        run_batch(watch, clock, 8, 8 * 100)
    assert read_allowed_s(watch, clock, 8) == pytest.approx(20 * 100 * 8, abs=1), (
        "it follows a slower machine"
    )


def test_a_batch_that_fails_is_not_a_measurement() -> None:
    clock = Clock()
    watch = ModelWatch(clock=clock)
    with pytest.raises(MemoryError), watch.running("a", 1):
        raise MemoryError
    assert read_allowed_s(watch, clock, 1) == pytest.approx(600, abs=1)
    assert watch.find_batch_size("a") == 1


def test_batches_start_at_one_image_and_double() -> None:
    clock = Clock()
    watch = ModelWatch(clock=clock)
    sizes = []
    for _ in range(5):
        sizes.append(watch.find_batch_size("a"))
        run_batch(watch, clock, sizes[-1], 0.01)
    assert sizes == [1, 2, 4, 8, 16]
    run_batch(watch, clock, 1, 0.01)
    assert watch.find_batch_size("a") == 32, "a short queue does not begin again"
    assert watch.find_batch_size("b") == 1


def test_batches_double_only_while_there_is_memory() -> None:
    clock, memory = Clock(), [True, False, False, True]
    watch = ModelWatch(clock=clock, may_grow=lambda: memory.pop(0))
    sizes = []
    while memory:
        sizes.append(watch.find_batch_size("a"))
        run_batch(watch, clock, sizes[-1], 0.01)
    assert sizes == [1, 2, 2, 2]
    assert watch.find_batch_size("a") == 4


@pytest.mark.parametrize(("image_s", "largest"), [(0.01, 32), (0.5, 8), (3, 1), (10, 1)])
def test_a_batch_has_images_of_at_most_4_s(image_s: float, largest: int) -> None:
    clock = Clock()
    watch = ModelWatch(clock=clock)
    for _ in range(5):
        size = watch.find_batch_size("a")
        run_batch(watch, clock, size, size * image_s)
    assert watch.find_batch_size("a") == largest


def read_log(err: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_a_slow_model_is_not_taken_for_hung(server: FakeServer, installed: Path) -> None:
    """A batch of 8 takes 2 s, warm-up another 2 s; the limit of 1 s replaces the usual 90 s."""
    server.additions = True
    server.add_job(3, "slow", {f"i{number}": make_jpeg() for number in range(16)})
    process = start(
        server, installed, "-p", "slow", "--until-idle", "0.5",
        SLOW_S="0.25", WARM_UP_S="2", TRAPLINE_BATCH_SIZE="8", TRAPLINE_MODEL_TIMEOUT="1",
    )  # fmt: skip
    code, _, err = finish(process, 60)
    assert code == 0, err
    assert len(server.results) == 16
    assert len(server.workers) == 1, err
    assert {result.get("error") for result in server.results.values()} == {None}


def wait_for_restart(server: FakeServer, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while len(server.workers) < 2 and process.poll() is None:
        assert time.monotonic() < until, "the worker was not started again"
        time.sleep(0.02)


def test_a_first_image_that_hangs_ends_the_process_after_the_start_timeout(
    server: FakeServer, installed: Path
) -> None:
    server.additions = True
    server.add_job(3, "slow", {"hangs": make_jpeg(width=HANGING)})
    process = start(
        server, installed, "-p", "slow",
        SLOW_S="0", HANGS_AT_WIDTH=str(HANGING), TRAPLINE_MODEL_TIMEOUT="0.5",
        TRAPLINE_MODEL_START_TIMEOUT="1.5",
    )  # fmt: skip
    wait_for_restart(server, process)
    process.terminate()
    _, _, err = finish(process)
    [line] = [line for line in read_log(err) if line["event"] == "the model did not return"]
    assert (line["pipeline"], line["images"], line["allowed_s"]) == ("slow", 1, 1.5)


def test_a_hung_batch_costs_its_own_images_only(server: FakeServer, installed: Path) -> None:
    """The other leased images are released before the process ends, so that no loss is counted."""
    server.additions = True
    images = {f"i{number}": make_jpeg() for number in range(3)}
    images["hangs"] = make_jpeg(width=HANGING)
    images |= {f"later{number}": make_jpeg() for number in range(12)}
    server.add_job(3, "slow", images)
    process = start(
        server, installed, "-p", "slow",
        SLOW_S="0.01", HANGS_AT_WIDTH=str(HANGING), TRAPLINE_BATCH_SIZE="4",
        TRAPLINE_MODEL_TIMEOUT="1",
    )  # fmt: skip
    wait_for_restart(server, process)
    process.terminate()
    _, _, err = finish(process)
    [line] = [line for line in read_log(err) if line["event"] == "the model did not return"]
    # It is more if this machine is slow.
    assert float(str(line["allowed_s"])) >= 1
    held = {name for _, name in server.held.values()}
    assert "hangs" in held
    assert len(held) <= int(str(line["images"])), f"{held} are still leased"
