"""The loop against a server that speaks the five calls over real HTTP."""

import importlib.util
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import structlog
from tests.support.worker_test_server import TOKEN, Answer, Asked, FakeServer, make_jpeg, refuse

from trapline.client import RetryPolicy, Trapline
from trapline.wire.pipelines import Algorithm
from trapline.wire.workers import HelloRequest
from trapline.worker.held_leases import HeldLeases
from trapline.worker.images import ImageFetcher
from trapline.worker.loop import WorkerLimits, WorkerLoop
from trapline.worker.model_watch import ModelWatch
from trapline.worker.outbox import Outbox
from trapline.worker.pipeline import InputImage, ModelDetection, Pipeline
from trapline.worker.progress import Progress
from trapline.worker.result_poster import ResultPoster
from trapline.worker.worker_identity import WorkerIdentity, WorkerRejected

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "brightest_spot.py"


def load_example() -> Pipeline:
    spec = importlib.util.spec_from_file_location("brightest_spot", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.BrightestSpot()
    assert isinstance(made, Pipeline)
    return made


class Sleeper(Pipeline):
    """A pipeline that needs a given time for each image, and records its calls and their sizes."""

    slug = "sleeper"
    name = "Sleeper"
    algorithms = (Algorithm(name="Sleeper", key="sleeper"),)

    def __init__(self, seconds: float = 0.0, poison: Sequence[int] = ()) -> None:
        self.seconds = seconds
        self.poison = poison
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.spans: list[tuple[float, float]] = []

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        self.batches.append([image.image_id for image in images])
        self.threads.add(threading.current_thread().name)
        started = time.monotonic()
        time.sleep(self.seconds * len(images))
        self.spans.append((started, time.monotonic()))
        for image in images:
            if image.pixels.shape[1] in self.poison:
                raise RuntimeError(f"cannot bear a width of {image.pixels.shape[1]}")
        return [[] for _ in images]


def run(
    server: FakeServer,
    folder: Path,
    *pipelines: Pipeline,
    stop: threading.Event | None = None,
    limits: WorkerLimits | None = None,
    retry: RetryPolicy | None = None,
    outbox_every_s: float = 0.1,
    token: str = TOKEN,
    watch: ModelWatch | None = None,
) -> Progress:
    """Work until nothing has come for a short while, and say what was done."""
    retry = retry or RetryPolicy(3, 0.01)
    log = structlog.wrap_logger(
        structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    progress = Progress()
    fetcher = ImageFetcher(
        user_agent="trapline-worker/test", timeout_s=5, max_bytes=10_000_000, retry=retry
    )
    holding = HeldLeases()
    with Trapline(server.url, token, retry=retry) as api:
        poster = ResultPoster(
            api=api,
            outbox=Outbox(folder, server.url),
            batch_size=24,
            retry=retry,
            log=log,
            progress=progress,
            outbox_every_s=outbox_every_s,
            settle=holding.complete,
            forget=lambda refused: identity.forget(refused),
        )
        hello = HelloRequest(
            service="Tests",
            name="worker-1",
            host="here",
            pid=1,
            pipelines=[one.slug for one in pipelines],
        )
        identity = WorkerIdentity(
            api=api, hello=hello, holding=holding, log=log, before=poster.send_saved
        )
        worker = WorkerLoop(
            api=api,
            fetcher=fetcher,
            pipelines=pipelines,
            poster=poster,
            identity=identity,
            holding=holding,
            limits=limits or WorkerLimits(batch_size=4, poll_s=0.02, idle_s=0.15),
            stop=stop or threading.Event(),
            log=log,
            progress=progress,
            watch=watch or ModelWatch(),
        )
        try:
            worker.run()
        finally:
            fetcher.close()
    return progress


def test_the_example_works_from_lease_to_result(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(
        7, "brightest-spot", {"a": make_jpeg(spot=(20, 30)), "b": make_jpeg(100, 80, spot=(70, 40))}
    )
    progress = run(server, tmp_path, load_example())
    assert set(server.results) == {"a", "b"}
    (found,) = server.results["b"]["detections"]
    assert found["source_image_id"] == "b"
    assert 69 <= (found["bbox"]["x1"] + found["bbox"]["x2"]) / 2 <= 73
    assert found["algorithm"] == {"name": "Brightest spot", "key": "brightest-spot"}
    assert found["classifications"][0]["classification"] == "spot"
    assert found["classifications"][0]["terminal"] is True
    assert server.results["b"]["pipeline"] == "brightest-spot"
    assert server.results["b"]["source_images"] == [{"id": "b", "url": f"{server.image_url}/b"}]
    assert progress.read() == {
        "leased": 2,
        "loaded": 2,
        "begun": 2,
        "inferred": 2,
        "failed": 0,
        "posted": 2,
        "refused": 0,
        "dropped": 0,
    }


def test_nothing_found_is_said(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    run(server, tmp_path, Sleeper())
    (nothing,) = server.results["pic"]["detections"]
    assert nothing["bbox"] is None
    assert nothing["algorithm"]["key"] == "sleeper"


def test_the_calls_are_those_of_the_workers_in_the_field(
    server: FakeServer, tmp_path: Path
) -> None:
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    run(server, tmp_path, Sleeper())
    hello, asked = server.asked[:2]
    assert hello.path == "/api/v2/workers/hello"  # which such a server does not know
    assert (asked.method, asked.path.split("?")[0]) == ("GET", "/api/v2/jobs")
    query = asked.path.split("?")[1]
    assert (
        query == "pipeline__slug__in=sleeper&ids_only=1&incomplete_only=1&dispatch_mode=async_api"
    )
    assert server.paths("/api/v2/jobs/7/tasks/")[0].body == {"batch_size": 1}
    assert server.paths("/api/v2/jobs/7/result/")[0].body["results"][0]["reply_subject"] == "r-pic"


def test_image_hosts_never_see_the_token(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    run(server, tmp_path, Sleeper())
    (fetched,) = server.paths("/pic")
    assert "Authorization" not in fetched.headers
    assert TOKEN not in str(fetched.headers)
    assert server.paths("/api/v2/jobs/7/tasks/")[0].headers["Authorization"] == f"Token {TOKEN}"


def test_fetching_and_inference_overlap(server: FakeServer, tmp_path: Path) -> None:
    server.image_delay_s = 0.05
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(40)})
    pipeline = Sleeper(seconds=0.02)
    run(
        server,
        tmp_path,
        pipeline,
        limits=WorkerLimits(batch_size=4, loaders=4, poll_s=0.02, idle_s=0.15),
    )
    asked = sorted(one.at for one in server.paths("/i"))
    # One loader would ask for the next image after the last one has arrived.
    assert min(later - earlier for earlier, later in pairwise(asked)) < server.image_delay_s
    assert any(start < at < end for start, end in pipeline.spans for at in asked)
    assert len(server.results) == 40
    assert len(pipeline.threads) == 1
    assert max(map(len, pipeline.batches)) <= 4


def test_results_go_out_while_the_model_still_runs(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(12)})
    run(server, tmp_path, Sleeper(seconds=0.05))
    posts = [asked.at for asked in server.paths("/api/v2/jobs/7/result/")]
    assert len(posts) >= 3
    assert posts[-1] - posts[0] > 0.2


def test_one_bad_picture_costs_only_itself(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(
        7,
        "sleeper",
        {
            "a": make_jpeg(),
            "b": make_jpeg(width=66),
            "c": make_jpeg(),
            "d": b"no image",
            "e": b"",
        },
    )
    server.queued[7].append("gone")
    server.image_delay_s = 0.02
    progress = run(server, tmp_path, Sleeper(seconds=0.05, poison=[66]))
    assert server.results["b"] == {
        "error": "RuntimeError: cannot bear a width of 66",
        "image_id": "b",
    }
    assert server.results["d"] == {
        "error": "image is not an image: its format is unknown",
        "image_id": "d",
    }
    assert server.results["e"] == {"error": "image is not an image: it is empty", "image_id": "e"}
    assert server.results["gone"]["error"] == "failed to load image: the image host answered 404"
    for name in "ac":
        assert "error" not in server.results[name]
    assert progress.read()["failed"] == 4
    assert all(times == 1 for times in server.times_posted.values())


def fail_first(server: FakeServer, times: int, part: str, answer: Answer) -> list[Asked]:
    """Let the first requests with this in their path fail; the list given grows with them."""
    failed: list[Asked] = []

    def meddle(asked: Asked) -> Answer | None:
        if part in asked.path and len(failed) < times:
            failed.append(asked)
            return answer
        return None

    server.meddle = meddle
    return failed


@pytest.mark.parametrize("part", ["/api/v2/jobs?", "/tasks/", "/result/", "/pic"])
@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_failures_are_tried_again(
    server: FakeServer, tmp_path: Path, part: str, status: int
) -> None:
    failed = fail_first(server, 2, part, refuse(status))
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    run(server, tmp_path, Sleeper(), limits=WorkerLimits(batch_size=4, poll_s=0.01, idle_s=0.4))
    assert len(failed) == 2
    assert "error" not in server.results["pic"]


def test_refusals_for_good_are_not_tried_again(server: FakeServer, tmp_path: Path) -> None:
    failed = fail_first(server, 99, "/result/", refuse(400))
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    progress = run(server, tmp_path, Sleeper())
    assert len(failed) == 1
    assert progress.read()["refused"] == 1


def test_results_survive_an_outage_on_disk(server: FakeServer, tmp_path: Path) -> None:
    failed = fail_first(server, 10_000, "/result/", refuse(503))
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(6)})
    progress = run(server, tmp_path, Sleeper(), retry=RetryPolicy(1, 0.01))
    assert failed
    assert not server.results
    assert progress.read()["posted"] == 0
    assert len(Outbox(tmp_path, server.url)) > 0

    # The next worker, of the same machine, sends what the first one kept.
    server.meddle = lambda _: None
    run(server, tmp_path, Sleeper())
    assert len(server.results) == 6
    assert len(Outbox(tmp_path, server.url)) == 0
    assert set(server.times_posted.values()) == {1}


def test_results_are_sent_when_the_server_is_back(server: FakeServer, tmp_path: Path) -> None:
    fail_first(server, 4, "/result/", refuse(503))
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(6)})
    run(
        server,
        tmp_path,
        Sleeper(seconds=0.1),
        retry=RetryPolicy(1, 0.01),
        limits=WorkerLimits(batch_size=2, poll_s=0.05, idle_s=1),
    )
    assert len(server.results) == 6
    assert len(Outbox(tmp_path, server.url)) == 0


def test_a_body_too_large_is_halved(server: FakeServer, tmp_path: Path) -> None:
    def meddle(asked: Asked) -> Answer | None:
        return refuse(413) if "/result/" in asked.path and len(asked.body["results"]) > 1 else None

    server.meddle = meddle
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(4)})
    run(server, tmp_path, Sleeper(seconds=0.02))
    assert len(server.results) == 4


def test_a_job_that_is_gone_ends_no_worker(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {"pic": make_jpeg()})
    failed = fail_first(server, 1, "/jobs/7/tasks/", refuse(404))
    run(server, tmp_path, Sleeper())
    assert len(failed) == 1
    assert set(server.results) == {"pic"}


def test_a_refused_token_ends_the_worker(server: FakeServer, tmp_path: Path) -> None:
    with pytest.raises(WorkerRejected, match="sign in first"):
        run(server, tmp_path, Sleeper(), token="wrong", limits=WorkerLimits(poll_s=0.02))
    assert len(server.asked) == 1


def stop_after_a_result(server: FakeServer, stop: threading.Event) -> None:
    while not server.results:
        time.sleep(0.01)
    stop.set()


def test_stopping_posts_what_is_done_and_leases_no_more(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(100)})
    stop = threading.Event()
    watching = threading.Thread(target=stop_after_a_result, args=(server, stop), daemon=True)
    watching.start()
    progress = run(
        server,
        tmp_path,
        Sleeper(seconds=0.02),
        stop=stop,
        limits=WorkerLimits(batch_size=4, poll_s=0.05),
    )
    watching.join()
    counts = progress.read()
    assert 0 < counts["posted"] == counts["inferred"] == len(server.results) < 60
    assert server.queued[7]


def test_two_pipelines_share_a_worker(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {"a": make_jpeg(), "b": make_jpeg()})
    server.add_job(8, "brightest-spot", {"c": make_jpeg()})
    run(server, tmp_path, Sleeper(), load_example())
    assert server.results["a"]["pipeline"] == server.results["b"]["pipeline"] == "sleeper"
    assert server.results["c"]["pipeline"] == "brightest-spot"


def test_pixels_in_flight_are_bounded(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg(100, 100) for number in range(30)})
    pipeline = Sleeper(seconds=0.005)
    limits = WorkerLimits(
        batch_size=16, loaders=8, pixels_in_flight=30_000, poll_s=0.02, idle_s=0.15
    )
    run(server, tmp_path, pipeline, limits=limits)
    assert len(server.results) == 30
    assert max(map(len, pipeline.batches)) <= 3


def test_a_picture_larger_than_all_room_still_passes(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg(200, 200) for number in range(3)})
    run(
        server,
        tmp_path,
        Sleeper(),
        limits=WorkerLimits(pixels_in_flight=10_000, poll_s=0.02, idle_s=0.15),
    )
    assert len(server.results) == 3
