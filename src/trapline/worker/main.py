"""The worker process: load settings and models, then run the loop until a signal or idle time."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from trapline.client import RetryPolicy, Trapline
from trapline.wire.pipelines import PipelineDefinition as Declaration
from trapline.worker.device_check import require_device
from trapline.worker.devices import CPU, DeviceUnavailable
from trapline.worker.exit_codes import FAILED, REJECTED, STOPPED
from trapline.worker.held_leases import HeldLeases
from trapline.worker.images import ImageFetcher
from trapline.worker.loop import WorkerLimits, WorkerLoop
from trapline.worker.memory import has_room_to_grow
from trapline.worker.metrics import GpuMemoryGauge, render_metrics, serve_metrics
from trapline.worker.model_files import (
    LicenceNotAccepted,
    ModelFile,
    ModelFileMissing,
    fetch_model_file,
)
from trapline.worker.model_watch import ModelWatch
from trapline.worker.onnx_session import RuntimeConflict, require_one_runtime
from trapline.worker.outbox import Outbox
from trapline.worker.pipeline import (
    Device,
    MissingExtra,
    Pipeline,
    UnknownPipeline,
    build_definition,
    build_pipeline,
    list_default_slugs,
    require_extra,
)
from trapline.worker.process_watch import ProcessWatch
from trapline.worker.progress import Progress
from trapline.worker.progress_display import configure_logging, display_download, display_progress
from trapline.worker.result_poster import ResultPoster
from trapline.worker.self_description import build_hello, build_report, build_user_agent
from trapline.worker.settings import WorkerSettings
from trapline.worker.stop_signals import stop_on_signals
from trapline.worker.worker_identity import WorkerIdentity, WorkerRejected, WorkerThreadError
from trapline.worker.worker_names import WorkerNameLock


class StartupError(Exception):
    """The worker cannot start; the message names what is missing.

    With `is_permanent`, every later start fails in the same way until a person acts.
    """

    def __init__(self, message: str, *, is_permanent: bool = False) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent


def run_worker(settings: WorkerSettings, slugs: Sequence[str], idle_s: float | None = None) -> None:
    """Run these pipelines, or all installed ones, until SIGTERM, SIGINT or `idle_s` idle seconds.

    Raises:
        StartupError: a pipeline or its model files are missing.
        WorkerRejected: the server refused the token or ended this worker.
        WorkerThreadError: a thread of the worker failed.
    """
    log = configure_logging()
    loaded = load_pipelines(settings, slugs, log)
    pipelines = loaded.pipelines
    stop = threading.Event()
    user_agent = build_user_agent(settings)
    retry = RetryPolicy(settings.retry_max, settings.retry_backoff, stop.wait)
    progress, watch = (
        Progress(),
        ModelWatch(settings.model_timeout, settings.model_start_timeout, may_grow=has_room_to_grow),
    )
    with ExitStack() as stack:
        api = stack.enter_context(
            Trapline(
                settings.server,
                settings.token.get_secret_value(),
                user_agent=user_agent,
                retry=retry,
                read_timeout_s=settings.read_timeout,
                post_timeout_s=settings.post_timeout,
            )
        )
        fetcher = ImageFetcher(
            user_agent=user_agent,
            timeout_s=settings.read_timeout,
            max_bytes=settings.max_image_bytes,
            retry=retry,
        )
        stack.callback(fetcher.close)
        outbox = Outbox(settings.outbox, settings.server)
        holding = HeldLeases()
        gpu_memory = GpuMemoryGauge(loaded.devices[0])
        poster = ResultPoster(
            api=api,
            outbox=outbox,
            batch_size=settings.batch_size,
            retry=retry,
            log=log,
            progress=progress,
            settle=holding.complete,
            forget=lambda refused: identity.forget(refused),
        )
        name = WorkerNameLock(settings.outbox.parent, settings.server, settings.full_service_name)
        stack.callback(name.release)
        identity = WorkerIdentity(
            api=api,
            hello=build_hello(settings, name.name, [one.slug for one in pipelines], loaded.devices),
            holding=holding,
            log=log,
            before=poster.send_saved,
            measure=lambda: build_report(
                loaded.provider, loaded.load_s, gpu_memory.read(), worker.measure_model()
            ),
        )
        limits = WorkerLimits(
            batch_size=settings.batch_size,
            loaders=settings.loaders,
            pixels_in_flight=settings.pixels_in_flight,
            max_image_pixels=settings.max_image_pixels,
            poll_s=settings.poll,
            idle_s=idle_s,
        )
        worker = WorkerLoop(
            api=api,
            fetcher=fetcher,
            pipelines=pipelines,
            poster=poster,
            limits=limits,
            stop=stop,
            log=log,
            progress=progress,
            watch=watch,
            identity=identity,
            holding=holding,
        )
        log.info(
            "worker ready",
            server=api.root,
            service=settings.full_service_name,
            pipelines=[pipeline.slug for pipeline in pipelines],
            devices=loaded.devices,
        )
        if settings.metrics is not None:
            url = stack.enter_context(
                _serve_metrics(
                    settings.metrics,
                    lambda: render_metrics(progress, worker.count_queues(), gpu_memory.read()),
                )
            )
            log.info("metrics are served", url=url)
        process_watch = ProcessWatch(
            watch=watch,
            stop=stop,
            stop_timeout_s=settings.stop_timeout,
            poster=poster,
            identity=identity,
            log=log,
            get_exit_code=lambda: get_exit_code(worker.error),
        )
        with (
            stop_on_signals(stop),
            process_watch.running(),
            display_progress(progress, log),
        ):
            worker.run()
        log.info("worker ended", **progress.read())


def get_exit_code(error: BaseException | None) -> int:
    """Return the exit code of a worker that ends with this error, or without one."""
    if error is None:
        return STOPPED
    return REJECTED if isinstance(error, WorkerRejected) else FAILED


@contextmanager
def _serve_metrics(listen: str, render: Callable[[], str]) -> Iterator[str]:
    try:
        opened = serve_metrics(listen, render)
        url = opened.__enter__()
    except OSError as error:
        raise StartupError(
            f"the metrics cannot be served at {listen}: {error.strerror}. Nothing was leased; "
            "select another port with --metrics."
        ) from error
    try:
        yield url
    finally:
        opened.__exit__(None, None, None)


@dataclass(frozen=True)
class LoadedPipelines:
    """Pipelines with their loaded models, the devices that they run on, and the time to load."""

    pipelines: list[Pipeline]
    devices: list[str]
    provider: str
    load_s: float


def load_pipelines(
    settings: WorkerSettings, slugs: Sequence[str], log: FilteringBoundLogger
) -> LoadedPipelines:
    """Load these pipelines, or all installed ones whose model files are available.

    A device that cannot be used is replaced by the CPU only with `allow_cpu`.

    Raises:
        StartupError: a pipeline, a model file or the device is missing; the message names it.
    """
    try:
        require_one_runtime()
    except RuntimeConflict as error:
        raise StartupError(str(error), is_permanent=True) from error
    started = time.monotonic()
    # Otherwise CUDA numbers GPUs by speed, and the numbers differ from those of nvidia-smi.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    device = _resolve_device(settings, log)
    loaded: list[Pipeline] = []
    devices: list[str] = []
    missing: list[str] = []
    is_permanent = True
    for slug in dict.fromkeys(slugs or list_default_slugs()):
        try:
            pipeline, used = _load_pipeline(settings, slug, device, log)
        except (UnknownPipeline, MissingExtra, ModelFileMissing, LicenceNotAccepted) as error:
            # A download that failed may succeed later.
            is_permanent = is_permanent and not isinstance(error, ModelFileMissing)
            if slugs:
                raise StartupError(str(error), is_permanent=is_permanent) from error
            missing.append(str(error))
            log.warning("pipeline left out", pipeline=slug, reason=str(error))
        else:
            loaded.append(pipeline)
            devices.append(used)
    if not loaded:
        text = "; ".join(missing) or "no pipeline is installed"
        raise StartupError(text, is_permanent=is_permanent)
    providers = dict.fromkeys(pipeline.provider for pipeline in loaded if pipeline.provider)
    load_s = time.monotonic() - started
    return LoadedPipelines(loaded, list(dict.fromkeys(devices)), ", ".join(providers), load_s)


def _resolve_device(settings: WorkerSettings, log: FilteringBoundLogger) -> str:
    """Return the device that models are loaded on.

    Raises:
        StartupError: the requested device cannot be used.
    """
    try:
        require_device(settings.device)
    except DeviceUnavailable as error:
        return _use_cpu(settings, error, log)
    except MissingExtra as error:
        raise StartupError(str(error), is_permanent=True) from error
    return settings.device


def _load_pipeline(
    settings: WorkerSettings, slug: str, device: str, log: FilteringBoundLogger
) -> tuple[Pipeline, str]:
    """Load a pipeline and return it with its device."""
    while True:
        pipeline = build_pipeline(slug)
        require_extra(pipeline)
        try:
            pipeline.load(build_device(settings, device))
        except DeviceUnavailable as error:
            if device == CPU:
                raise StartupError(f"pipeline {slug} does not run on the CPU: {error}") from error
            device = _use_cpu(settings, error, log)
        else:
            return pipeline, device


def _use_cpu(settings: WorkerSettings, error: DeviceUnavailable, log: FilteringBoundLogger) -> str:
    """Return the CPU in place of the requested device, if the settings allow it.

    Raises:
        StartupError: the settings do not allow the CPU.
    """
    text = f"TRAPLINE_DEVICE is {settings.device}: {error}"
    if not settings.allow_cpu:
        raise StartupError(
            f"{text} Nothing was leased. Make the device available, or start with --allow-cpu to "
            "use the CPU."
        ) from error
    log.warning("the CPU is used", reason=text)
    return CPU


def build_device(settings: WorkerSettings, device: str | None = None) -> Device:
    """Build the device that pipelines are loaded on."""

    def fetch(file: ModelFile) -> Path:
        return fetch_model_file(
            file, settings.model_cache, settings.accepted_licences, display_download
        )

    return Device(device or settings.device, settings.threads or os.cpu_count() or 1, fetch)


def declare_pipelines(settings: WorkerSettings, slugs: Sequence[str]) -> list[Declaration]:
    """Build the declarations of these pipelines, or of all default pipelines.

    Raises:
        StartupError: a pipeline cannot be declared.
    """
    machine = build_device(settings)
    declared = []
    for slug in slugs or list_default_slugs():
        try:
            pipeline = build_pipeline(slug)
            require_extra(pipeline)
            pipeline.fetch(machine)
        except (UnknownPipeline, MissingExtra, ModelFileMissing, LicenceNotAccepted) as error:
            raise StartupError(str(error)) from error
        declared.append(build_definition(pipeline))
    return declared


__all__ = [
    "LoadedPipelines",
    "StartupError",
    "WorkerRejected",
    "WorkerThreadError",
    "build_user_agent",
    "declare_pipelines",
    "load_pipelines",
    "run_worker",
    "stop_on_signals",
]
