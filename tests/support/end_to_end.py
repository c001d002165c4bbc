"""Process images end to end in new processes: `make e2e N=20`, also with `ARGS="--worker ours"`.

The program starts a server in a temporary folder, registers a pipeline and uploads N images. It
runs a job over them with a field worker or with `trapline worker`, checks the results, and stops
what it started.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.camera_images import fill
from tests.support.running_server import RunningServer, wait_for
from tests.support.server_project import Field, open_field
from trapline.server.platform.postgres.postgres import find_free_port
from trapline.wire.jobs import JobState, NewJob

SLUG = "field-pipeline"
OURS = """
from trapline.wire.pipelines import Algorithm
from trapline.worker.pipeline import (
    ModelClassification, ModelDetection, Pipeline, build_category_map,
)

CLASSES = build_category_map("moth", "bat")


class OneMoth(Pipeline):
    slug, name = "field-pipeline", "Field pipeline"
    algorithms = [
        Algorithm(name="Detector", key="detector", task_type="localization"),
        Algorithm(name="Classifier", key="classifier", category_map=CLASSES),
    ]

    def run(self, images):
        named = ModelClassification(name="moth", algorithm="classifier", scores=[0.75, 0.25])
        found = ModelDetection(
            box=(1, 2, 11, 22), algorithm="detector", score=0.9, names=[named]
        )
        return [[found] for _ in images]
"""


@dataclass
class Steps:
    """Steps done, with their duration in seconds and their outcome."""

    rows: list[tuple[str, float, str]] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Time a step; what is put into the list is what was seen."""
        seen: list[str] = []
        began = time.monotonic()
        yield seen
        self.rows.append((what, time.monotonic() - began, ", ".join(seen)))

    def show(self) -> None:
        """Print the table."""
        for what, seconds, seen in self.rows:
            print(f"{what:<10} {seconds:7.2f} s  {seen}")  # noqa: T201 - a program


def run(images: int, worker: str) -> Steps:
    """Go the whole way; AssertionError names what was not as it should be."""
    assert images > 0, "N must be at least 1"
    steps = Steps()
    folder = Path(tempfile.mkdtemp(prefix="trapline-e2e-"))
    folder.chmod(0o711)  # PostgreSQL's unprivileged uid must reach what lies in it
    (folder / "data").mkdir()
    server = RunningServer(
        folder / "data", find_free_port(), settings={"TRAPLINE_LOG_FORMAT": "json"}
    )
    try:
        with ExitStack() as stack:
            with steps.step("start") as seen:
                server.start()
                seen.append(server.base_url)
            files = fill(folder / "DCIM", images)
            with steps.step("upload") as seen:
                plot = stack.enter_context(open_field(server, "End to end", files))
                seen.append(f"{images} images")
            job = (_work_ours if worker == "ours" else _work_as_in_the_field)(
                steps, plot, folder, images
            )
            with steps.step("look") as seen:
                seen.append(_look(plot, job, images))
        with steps.step("stop") as seen:
            assert server.stop() == 0
            seen.append("exit code 0")
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
    return steps


def _work_as_in_the_field(steps: Steps, plot: Field, _: Path, images: int) -> int:
    with steps.step("register") as seen:
        worker = plot.make_worker()
        seen.append("as workers in the field do")
    with steps.step("queue"):
        job = plot.run_job(worker)
    with steps.step("work") as seen:
        assert worker.drain(job) == images, worker.troubles
        assert worker.statuses == ["accepted"] * images
        seen.append("5 calls, 4 loaders, 2 posting threads")
    return job


def _work_ours(steps: Steps, plot: Field, folder: Path, images: int) -> int:
    package = folder / "package"
    info = package / "one_moth-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "one_moth.py").write_text(OURS, encoding="utf-8")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: one-moth\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[trapline.pipelines]\n{SLUG} = one_moth:OneMoth\n", encoding="utf-8"
    )
    paths = os.pathsep.join(path for path in (str(package), os.environ.get("PYTHONPATH")) if path)
    told = {
        "PYTHONPATH": paths,
        "TRAPLINE_TOKEN": plot.make_token(),
        "TRAPLINE_OUTBOX": str(folder / "outbox"),
        "TRAPLINE_POLL": "0.1",
    }
    with steps.step("register") as seen:
        seen.append(
            plot.server.run("register", "--pipeline", SLUG, check=True, **told).stdout.strip()
        )
    with steps.step("queue"):
        job = plot.api.create_job(NewJob(project=plot.project, pipeline=SLUG)).id
        wait_for("work", lambda: plot.api.get_job(job).expanded)
    with steps.step("work") as seen:
        plot.server.run("worker", "--pipeline", SLUG, "--until-idle", "1", check=True, **told)
        seen.append("trapline worker")
    return job


def _look(plot: Field, job: int, images: int) -> str:
    ended = plot.wait_for_end(job, JobState.COMPLETED)
    assert (ended.progress.completed, ended.progress.failed) == (images, 0), ended.progress
    assert ended.classes == {"moth": images}, ended.classes
    assert ended.annotations == 2 * images, ended.annotations
    assert list(plot.count_boxes(job).values()) == [1] * images
    shown = plot.api.list_images(project=plot.project, limit=1).results[0]
    assert [box.class_name for box in shown.boxes] == ["moth"], shown.boxes
    return f"{images} completed, {ended.annotations} annotations, {ended.status_reason}"


def main() -> None:
    """Read the command line, go, print."""
    arguments = argparse.ArgumentParser(prog="make e2e", description=__doc__)
    arguments.add_argument("images", type=int, help="how many images")
    arguments.add_argument("--worker", choices=("field", "ours"), default="field")
    told = arguments.parse_args()
    try:
        run(told.images, told.worker).show()
    except AssertionError as wrong:
        sys.exit(f"not as it should be: {wrong}")


if __name__ == "__main__":
    main()
