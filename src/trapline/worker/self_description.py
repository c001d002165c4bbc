"""How a worker process describes itself to the server: registration, User-Agent and report."""

import os
import socket
from collections.abc import Sequence

from trapline import __version__
from trapline.wire.workers import HelloRequest, WorkerReport
from trapline.worker.memory import measure_memory
from trapline.worker.settings import WorkerSettings


def build_user_agent(settings: WorkerSettings) -> str:
    """Build the User-Agent that identifies this process in the server's logs."""
    # Headers are Latin-1 at most; a character outside ASCII would make every request fail.
    name = settings.service_name.encode("ascii", "replace").decode()
    return f"trapline-worker/{__version__} ({name}; {socket.gethostname()}; pid {os.getpid()})"


def build_hello(
    settings: WorkerSettings, name: str, slugs: Sequence[str], devices: Sequence[str]
) -> HelloRequest:
    """Build the registration request of this process."""
    return HelloRequest(
        service=settings.full_service_name[:255],
        name=name,
        host=socket.gethostname()[:255],
        pid=os.getpid(),
        version=__version__,
        devices=list(devices),
        pipelines=list(slugs),
    )


def build_report(
    provider: str,
    load_s: float,
    gpu: tuple[int, int] | None,
    model: tuple[int, float | None] | None,
) -> WorkerReport:
    """Build the report of this process.

    `gpu` is the free and total memory of the GPU in bytes, `model` the batch size and the seconds
    per image.
    """
    memory = measure_memory()
    size, seconds = model or (None, None)
    return WorkerReport(
        provider=provider[:255],
        model_load_s=round(load_s, 3),
        batch_size=size,
        model_images_per_s=round(1 / seconds, 3) if seconds else None,
        free_memory=memory.free if memory else None,
        free_device_memory=gpu[0] if gpu else None,
    )
