"""The worker's loop: lease tasks, download and decode images, run the model, and post results.

One thread leases, one renews leases, several download and decode, and one posts results. The
caller's thread runs the model, because many models require a single thread. The queues between the
threads are limited: tasks by number, decoded images by pixels.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from structlog.typing import FilteringBoundLogger

from trapline.client import Trapline
from trapline.wire.results import Failure, Result, Success
from trapline.wire.tasks import Task
from trapline.worker.batching import BatchLimit, build_failure, build_success, run_isolated
from trapline.worker.held_leases import HeldLeases
from trapline.worker.images import (
    ImageFetcher,
    ImageLoadError,
    PixelBudget,
    count_bytes,
    decode_image,
    parse_image_size,
)
from trapline.worker.lease_size import HOLD_S, MOST_BATCHES, HeldWork
from trapline.worker.model_watch import ModelWatch
from trapline.worker.pipeline import InputImage, Pipeline
from trapline.worker.progress import Progress
from trapline.worker.result_poster import ResultPoster
from trapline.worker.task_leaser import HeldLease, TaskLeaser
from trapline.worker.worker_identity import WorkerIdentity, WorkerThreadError

EMPTY_WAIT_S = 0.05
IDLE_WAIT_S = 0.25
"""Seconds after which a thread without work checks whether to stop."""
LONG_POLL_S = 20.0
LEAVE_WITHIN_S = 0.5
BATCH_PART = 4
"""One batch has at most this part of the pixels in flight, so that others load meanwhile."""
BYTES_PER_PIXEL = 3


@dataclass(frozen=True)
class WorkerLimits:
    """Limits of a worker. Times are in seconds.

    The worker holds at most `hold_s` seconds of work that is not begun. The loop ends after
    `idle_s` seconds without a task.
    """

    batch_size: int = 24
    loaders: int = 4
    pixels_in_flight: int = 300_000_000
    max_image_pixels: int = 150_000_000
    hold_s: float = HOLD_S
    poll_s: float = 2.0
    idle_s: float | None = None


@dataclass
class DecodedTask:
    """A task with its decoded image; `pixels` includes the size of its prepared input."""

    lease: HeldLease
    image: InputImage
    pixels: int


class WorkerLoop:
    """The loop of one worker process.

    `run` returns when `stop` is set, or after the configured idle time. It raises WorkerRejected
    if the server refuses the worker, and WorkerThreadError if one of its threads fails.
    """

    def __init__(
        self,
        *,
        api: Trapline,
        fetcher: ImageFetcher,
        pipelines: Sequence[Pipeline],
        poster: ResultPoster,
        limits: WorkerLimits,
        stop: threading.Event,
        log: FilteringBoundLogger,
        progress: Progress,
        watch: ModelWatch,
        identity: WorkerIdentity,
        holding: HeldLeases,
    ) -> None:
        self._api = api
        self._identity = identity
        self._leases = holding
        self._fetcher = fetcher
        self._pipelines = {pipeline.slug: pipeline for pipeline in pipelines}
        self._poster = poster
        self._limits = limits
        self._stop = stop
        self._log = log
        self._progress = progress
        self._watch = watch
        self._to_load: queue.SimpleQueue[HeldLease | None] = queue.SimpleQueue()
        self._loaded: queue.Queue[DecodedTask] = queue.Queue()
        self._next_task: DecodedTask | None = None
        self._budget = PixelBudget(limits.pixels_in_flight)
        self._batches = {
            slug: BatchLimit(limits.batch_size, limits.pixels_in_flight // BATCH_PART)
            for slug in self._pipelines
        }
        self._work = HeldWork(self.find_batch_size, watch.find_seconds_per_image, limits.hold_s)
        self._leaser = TaskLeaser(
            api=api,
            slugs=list(self._pipelines),
            find_room=self._find_room,
            take=self._enqueue,
            poll_s=limits.poll_s,
            stop=stop,
            log=log,
            identity=identity,
            wait_s=LONG_POLL_S if limits.idle_s is None else min(LONG_POLL_S, limits.idle_s / 4),
        )
        self._lock = threading.Lock()
        self._alone = False
        self._failure: BaseException | None = None

    @property
    def error(self) -> BaseException | None:
        """The error that `run` ends with; None so far or if it ends without one."""
        return self._failure or self._leaser.error

    def run(self) -> None:
        """Run until `stop` is set; then release leases that are not begun, and post all results."""
        loaders = [
            self._start(self._load, f"loader-{number}") for number in range(self._limits.loaders)
        ]
        leaser = self._start(self._leaser.run, "leaser")
        poster = self._start(self._poster.run, "poster")
        renewer = self._start(
            lambda: self._identity.keep_renewing(self._stop, self._leaser.fail), "renewer"
        )
        try:
            while not self._stop.is_set():
                if self._leaser.error is not None:
                    # Finish only the tasks that are begun. The server has returned the others to
                    # its queue, or does so when this worker ends.
                    self._leases.remove_idle()
                batch = self._next_batch()
                if batch:
                    if begun := self._begin(batch):
                        self._process(begun)
                elif self._leaser.error is not None or self._is_idle_too_long():
                    break
        except BaseException as error:
            self._failure = error
            raise
        finally:
            # Also on an error: the other threads must not continue without a model.
            self._stop.set()
            # The thread may be waiting for tasks; `end` releases any task that it still gets.
            leaser.join(LEAVE_WITHIN_S if self._identity.hello_response else None)
            for _ in loaders:
                self._to_load.put(None)
            for loader in loaders:
                loader.join()
            self._poster.finish()
            poster.join()
            renewer.join()
            self._identity.end(self._poster.list_unsent())
        if self._leaser.error is not None:
            raise self._leaser.error

    def _start(self, work: Callable[[], None], name: str) -> threading.Thread:
        def run() -> None:
            # Without this thread the worker would wait forever, so it ends with an error.
            try:
                work()
            except Exception as error:
                self._log.exception("a thread of the worker failed", thread=name)
                self._leaser.fail(
                    WorkerThreadError(
                        f"the {name} of the worker failed: {type(error).__name__}: {error}. Posted "
                        "results are kept, and the other tasks return to the queue. Start the "
                        "worker again; the log contains the traceback."
                    )
                )

        # Daemon threads: at the deadline for stopping, the process ends whatever they wait for.
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def find_batch_size(self, slug: str) -> int:
        """Return the number of images that the next batch of a pipeline may have."""
        limit = self._batches.get(slug)
        if limit is None:
            return 1
        seconds = self._watch.find_seconds_per_image(slug)
        most = int(self._limits.hold_s / MOST_BATCHES / seconds) if seconds else limit.images
        return max(1, min(self._watch.find_batch_size(slug), limit.images, most))

    def count_queues(self) -> dict[str, int]:
        """Count the tasks in each queue: held, to download, decoded, and results to post."""
        with self._lock:
            held = self._work.total
        return {
            "held": held,
            "to_download": self._to_load.qsize(),
            "decoded": self._loaded.qsize(),
            "to_post": self._poster.count_unsent(),
        }

    def measure_model(self) -> tuple[int, float | None] | None:
        """Return the batch size and seconds per image of the pipeline that was leased last."""
        slug = self._work.latest
        return (
            (self.find_batch_size(slug), self._watch.find_seconds_per_image(slug)) if slug else None
        )

    def _find_room(self) -> int:
        """Return how many tasks to lease."""
        with self._lock:
            if self._alone:
                self._alone = not self._is_empty()
            if self._alone or not self._poster.has_room():
                return 0
            return self._work.find_room()

    def _is_empty(self) -> bool:
        return self._work.total == 0 and self._poster.is_empty()

    def _enqueue(self, leases: Sequence[HeldLease]) -> None:
        self._leases.add(leases)
        self._progress.add(leased=len(leases))
        if any(lease.alone for lease in leases):
            # The task may end this process, so no other lease may be held with it.
            while not self._stop.is_set() and not self._is_empty():
                self._stop.wait(EMPTY_WAIT_S)
        with self._lock:
            self._alone = any(lease.alone for lease in leases)
            for lease in leases:
                self._work.add(lease.slug)
        for lease in leases:
            self._to_load.put(lease)

    def _discard(self, lease: HeldLease) -> None:
        """Discard a lease whose result is no longer needed."""
        with self._lock:
            self._work.remove(lease.slug)
        self._progress.add(leased=-1, dropped=1)
        self._leases.complete([lease.lease_token])

    def _load(self) -> None:
        while (lease := self._to_load.get()) is not None and not self._stop.is_set():
            if not self._leases.is_active(lease):
                self._discard(lease)
                continue
            try:
                loaded = self._load_one(lease)
            except ImageLoadError as error:
                self._log.warning("image not loaded", image=lease.task.image_id, reason=str(error))
                self._fail(lease, str(error))
            except Exception as error:
                self._log.exception("image not loaded", image=lease.task.image_id)
                self._fail(lease, f"failed to load image: {error}")
            else:
                if loaded is not None:
                    self._loaded.put(loaded)

    def _load_one(self, lease: HeldLease) -> DecodedTask | None:
        task: Task = lease.task
        with self._progress.stage("download"):
            data = self._fetcher.fetch(
                urljoin(self._api.root, task.image_url),
                lambda: self._stop.is_set() or not self._leases.is_active(lease),
            )
        width, height = parse_image_size(data, self._limits.max_image_pixels)
        if not self._budget.acquire(width * height, self._stop.is_set):
            return None
        try:
            with self._progress.stage("decode"):
                image = InputImage(task.image_id, decode_image(data), lease.config)
        except BaseException:
            self._budget.give_back(width * height)
            raise
        try:
            with self._progress.stage("prepare"):
                prepared = self._pipelines[lease.slug].prepare(image)
        except Exception as error:
            self._budget.give_back(width * height)
            self._log.warning("pipeline failed on an image", image=task.image_id, exc_info=error)
            self._fail(lease, error)
            return None
        extra = count_bytes(prepared) // BYTES_PER_PIXEL
        self._budget.add(extra)
        self._progress.add(loaded=1)
        return DecodedTask(lease, replace(image, prepared=prepared), width * height + extra)

    def _next_batch(self) -> list[DecodedTask]:
        """Return the decoded tasks of one pipeline that are ready, up to the limits of a batch.

        It does not wait for a full batch, because the model would be idle.
        """
        first = self._next_task
        self._next_task = None
        if first is None:
            try:
                with self._progress.waiting():
                    first = self._loaded.get(timeout=IDLE_WAIT_S)
            except queue.Empty:
                return []
        batch, pixels = [first], first.pixels
        slug = first.lease.slug
        limit, size = self._batches[slug], self.find_batch_size(slug)
        while True:
            try:
                following = self._loaded.get_nowait()
            except queue.Empty:
                return batch
            pixels += following.pixels
            is_full = len(batch) >= size or not limit.fits(len(batch), pixels)
            if is_full or following.lease.slug != slug:
                self._next_task = following
                return batch
            batch.append(following)

    def _begin(self, batch: list[DecodedTask]) -> list[DecodedTask]:
        """Mark the tasks of a batch as begun, and return those whose results are still needed."""
        begun = []
        for loaded in batch:
            if self._leases.begin(loaded.lease):
                begun.append(loaded)
            else:
                self._budget.give_back(loaded.pixels)
                self._discard(loaded.lease)
        self._progress.add(begun=len(begun))
        return begun

    def _process(self, batch: list[DecodedTask]) -> None:
        slug = batch[0].lease.slug
        pipeline = self._pipelines[slug]
        started = time.monotonic()
        with self._lock:
            self._work.set_running(slug, len(batch))
        with self._progress.busy():
            outcomes = run_isolated(
                pipeline, [loaded.image for loaded in batch], self._batches[slug], self._watch
            )
        with self._lock:
            self._work.set_running(slug, 0)
        seconds = (time.monotonic() - started) / len(batch)
        for loaded, outcome in zip(batch, outcomes, strict=True):
            self._budget.give_back(loaded.pixels)
            task = loaded.lease.task
            result: Success | Failure
            try:
                if isinstance(outcome, Exception):
                    raise outcome
                result = build_success(pipeline, loaded.image, task.image_url, outcome, seconds)
            except Exception as error:
                self._log.warning(
                    "pipeline failed on an image", image=task.image_id, exc_info=error
                )
                result = build_failure(error, task.image_id)
            self._post(loaded.lease, result)

    def _fail(self, lease: HeldLease, error: BaseException | str) -> None:
        """Post the failure of an image before the model, if it is still needed.

        A lease that has a result counts as begun: it must not be released or taken over.
        """
        if self._leases.begin(lease):
            self._post(lease, build_failure(error, lease.task.image_id))
        else:
            self._discard(lease)

    def _post(self, lease: HeldLease, result: Success | Failure) -> None:
        with self._lock:
            self._work.remove(lease.slug)
        self._progress.add(**{"failed" if isinstance(result, Failure) else "inferred": 1})
        self._poster.put(
            lease.job_id,
            Result.model_construct(reply_subject=lease.task.reply_subject, result=result),
        )

    def _is_idle_too_long(self) -> bool:
        if self._limits.idle_s is None:
            return False
        with self._lock:
            if not self._is_empty():
                self._leaser.touch()
                return False
        return self._leaser.seconds_without_task() >= self._limits.idle_s
