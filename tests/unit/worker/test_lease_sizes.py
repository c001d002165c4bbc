"""How much work a worker holds, and the batches that a pipeline gets."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.support.worker_test_server import Answer, Asked, FakeServer, make_jpeg
from tests.unit.worker.test_loop import Sleeper, run

from trapline.worker.batching import BatchLimit
from trapline.worker.lease_size import HeldWork
from trapline.worker.loop import WorkerLimits
from trapline.worker.memory import Memory, has_room_to_grow, measure_memory
from trapline.worker.pipeline import InputImage, ModelDetection
from trapline.worker.settings import FEWEST_PIXELS, MOST_PIXELS, compute_pixel_budget, load_settings


def build_work(held: int, running: int, batch: int, seconds: float | None) -> HeldWork:
    work = HeldWork(lambda _: batch, lambda _: seconds)
    for _ in range(held):
        work.add("a")
    work.set_running("a", running)
    return work


@pytest.mark.parametrize(
    ("held", "running", "batch", "seconds", "room"),
    [
        (0, 0, 1, None, 1),
        (1, 0, 1, None, 0),
        (1, 1, 1, None, 1),
        (2, 1, 1, None, 0),
        (0, 0, 24, None, 1),
        (0, 0, 24, 0.01, 72),
        (72, 24, 24, 0.01, 0),
        (48, 24, 24, 0.01, 24),
        (60, 24, 24, 0.01, 0),
        (0, 0, 1, 10.0, 3),
        (3, 1, 1, 10.0, 0),
        (1, 1, 1, 40.0, 1),
        (2, 1, 1, 40.0, 0),
    ],
)
def test_a_worker_holds_30_s_of_work_and_3_batches(
    held: int, running: int, batch: int, seconds: float | None, room: int
) -> None:
    assert build_work(held, running, batch, seconds).find_room() == room


def test_a_worker_asks_for_one_task_until_its_speed_is_measured(
    server: FakeServer, tmp_path: Path
) -> None:
    """A slow one would otherwise take over minutes of work from faster workers."""
    server.additions = True
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(8)})
    pipeline = Sleeper(seconds=0.01)
    run(server, tmp_path, pipeline)
    asked = [one.body["limit"] for one in server.paths("/api/v2/tasks/lease")]
    assert asked[0] == 1
    assert max(asked) > 1
    assert len(server.results) == 8


def test_the_slowest_held_pipeline_decides() -> None:
    work = HeldWork(lambda _: 24, {"fast": 0.01, "slow": 10.0}.get)
    work.add("fast")
    assert work.find_room() == 71
    work.add("slow")
    assert work.find_room() == 1
    work.remove("slow")
    assert work.find_room() == 71


def test_a_slow_pipeline_works_without_settings(server: FakeServer, tmp_path: Path) -> None:
    # All times are a fiftieth: 0.2 s for 10 s per image, and 0.6 s for 30 s.
    server.additions = True
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(8)})
    pipeline = Sleeper(seconds=0.2)
    run(server, tmp_path, pipeline, limits=WorkerLimits(hold_s=0.6, poll_s=0.02, idle_s=0.5))
    assert len(server.results) == 8
    assert max(map(len, pipeline.batches)) <= 2
    asked = [one.body["limit"] for one in server.paths("/api/v2/tasks/lease")]
    assert max(asked) <= 3


def test_a_task_that_runs_longer_than_a_second_is_reported_early(
    server: FakeServer, tmp_path: Path
) -> None:
    server.additions, server.renew_s = True, 30
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    run(server, tmp_path, Sleeper(seconds=2.5))
    assert ["r-pic"] in [one.body["begun"] for one in server.paths("/api/v2/tasks/renew")]


def test_a_task_that_failed_before_the_model_is_reported_as_begun(
    server: FakeServer, tmp_path: Path
) -> None:
    """Otherwise it could be taken over or released, although it has a result."""
    reported = threading.Event()

    def meddle(asked: Asked) -> Answer | None:
        if asked.path.endswith("/tasks/renew") and "r-broken" in asked.body["begun"]:
            reported.set()
        elif "/result" in asked.path:
            reported.wait(20)
        return None

    server.additions, server.renew_s, server.meddle = True, 1, meddle
    server.add_job(7, "sleeper", {"broken": b"not an image"})
    run(server, tmp_path, Sleeper())
    assert reported.is_set()
    assert "error" in server.results["broken"]


def test_a_limit_rises_again_and_less_often_each_time() -> None:
    limit = BatchLimit(images=16, pixels=1000)

    def count_until_raised() -> int:
        for count in range(1, 1000):
            limit.record_success(limit.images)
            if limit.images == 16:
                return count
        raise AssertionError("not raised")

    limit.halve(16)
    assert limit.images == 8
    limit.record_success(3)
    first = count_until_raised()
    limit.halve(16)
    assert count_until_raised() == 2 * first


class Preparer(Sleeper):
    """A pipeline that prepares its input; images of width 66 cannot be prepared."""

    def __init__(self) -> None:
        super().__init__(0.02)
        self.prepared_in: set[str] = set()
        self.inputs: list[int] = []

    def prepare(self, image: InputImage) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        self.prepared_in.add(threading.current_thread().name)
        if image.pixels.shape[1] == 66:
            raise ValueError("too wide")
        return np.full(10, image.pixels.shape[1], np.float32)

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        self.inputs += [int(self.get_input(image)[0]) for image in images]
        return super().run(images)


def test_inputs_are_prepared_in_the_loaders(server: FakeServer, tmp_path: Path) -> None:
    pipeline = Preparer()
    server.add_job(7, "sleeper", {"a": make_jpeg(64), "b": make_jpeg(66), "c": make_jpeg(70)})
    run(server, tmp_path, pipeline)
    assert sorted(pipeline.inputs) == [64, 70]
    assert all(name.startswith("loader-") for name in pipeline.prepared_in)
    assert server.results["b"] == {"error": "ValueError: too wide", "image_id": "b"}
    assert "error" not in server.results["a"]


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize("version", [1, 2])
def test_limits_of_control_groups_count(tmp_path: Path, version: int) -> None:
    write(tmp_path / "proc", meminfo="MemTotal: 4000 kB\nMemFree: 1 kB\nMemAvailable: 3000 kB\n")
    assert measure_memory(tmp_path) == Memory(3000 * 1024, 4000 * 1024)
    if version == 2:
        write(tmp_path / "proc" / "self", cgroup="0::/pod/worker\n")
        top = tmp_path / "sys" / "fs" / "cgroup"
        write(top / "pod" / "worker", memory__max="max\n", memory__current="9\n", memory__stat="")
        write(
            top / "pod",
            memory__max="1000000\n",
            memory__current="600000\n",
            memory__stat="anon 5\ninactive_file 100000\n",
        )
    else:
        write(tmp_path / "proc" / "self", cgroup="4:cpu:/x\n7:memory:/pod\n")
        write(
            tmp_path / "sys" / "fs" / "cgroup" / "memory" / "pod",
            memory__limit_in_bytes="1000000\n",
            memory__usage_in_bytes="600000\n",
            memory__stat="total_inactive_file 100000\n",
        )
    assert measure_memory(tmp_path) == Memory(500_000, 1_000_000)
    assert measure_memory(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("free_kb", "peak", "may_grow"),
    [(1000, None, True), (999, None, False), (999, 1000, False), (999, 999, True)],
)
def test_a_batch_grows_if_a_quarter_of_the_memory_or_as_much_as_is_used_is_free(
    tmp_path: Path, free_kb: int, peak: int | None, *, may_grow: bool
) -> None:
    write(tmp_path / "proc", meminfo=f"MemTotal: 4000 kB\nMemAvailable: {free_kb} kB\n")
    if peak is not None:
        write(tmp_path / "proc" / "self", status=f"Name:\tx\nVmPeak:\t9 kB\nVmHWM:\t{peak} kB\n")
    assert has_room_to_grow(tmp_path) is may_grow
    assert has_room_to_grow(tmp_path / "absent")


def test_the_processes_of_a_machine_share_the_memory_for_decoded_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "proc", meminfo="MemTotal: 12000000 kB\nMemAvailable: 3000000 kB\n")
    assert compute_pixel_budget(1, tmp_path) == 256_000_000
    assert compute_pixel_budget(4, tmp_path) == 64_000_000
    assert compute_pixel_budget(10_000, tmp_path) == 1_000_000
    write(tmp_path / "proc", meminfo="MemTotal: 120000000 kB\nMemAvailable: 90000000 kB\n")
    assert compute_pixel_budget(4, tmp_path) == MOST_PIXELS
    monkeypatch.chdir(tmp_path)
    assert load_settings(0, 1, token="t").pixels_in_flight > FEWEST_PIXELS
    assert load_settings(1, 10**9, token="t").pixels_in_flight == FEWEST_PIXELS
    chosen = load_settings(1, 10**9, token="t", pixels_in_flight=7_000_000)
    assert chosen.pixels_in_flight == 7_000_000
