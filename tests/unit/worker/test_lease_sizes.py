"""How much work a worker holds, and the batches that a pipeline gets."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_loop import Sleeper, run

from trapline.worker.batching import BatchLimit
from trapline.worker.lease_size import HeldWork
from trapline.worker.loop import WorkerLimits
from trapline.worker.memory import Memory, measure_memory
from trapline.worker.pipeline import InputImage, ModelDetection


def build_work(held: int, running: int, batch: int, seconds: float | None) -> HeldWork:
    work = HeldWork(lambda _: batch, lambda _: seconds)
    for _ in range(held):
        work.add("a")
    work.set_running("a", running)
    return work


@pytest.mark.parametrize(
    ("held", "running", "batch", "seconds", "room"),
    [
        (0, 0, 1, None, 3),
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
