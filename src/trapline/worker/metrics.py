"""Metrics of a worker for Prometheus, served over HTTP.

The format is text exposition 0.0.4 (prometheus.io, "Exposition formats").
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trapline.worker.devices import get_cuda_index
from trapline.worker.memory import measure_memory
from trapline.worker.progress import Progress

LARGEST_PORT = 65_535
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GPU_MEMORY_EVERY_S = 10.0
"""The memory of the GPU is measured at most this often, because a program must be started."""
COUNTS = {
    "leased": "Tasks leased.",
    "dropped": "Leased tasks that were dropped before they began.",
    "begun": "Tasks that the model has begun.",
    "inferred": "Tasks that the model completed.",
    "failed": "Tasks that failed.",
    "posted": "Results that the server has.",
}


def parse_listen(text: str) -> tuple[str, int]:
    """Parse `HOST:PORT`; an IPv6 address is in brackets.

    Raises:
        ValueError: the text is not a host with a port.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > LARGEST_PORT:
        raise ValueError(f"{text!r} is not HOST:PORT, for example 127.0.0.1:9100")
    return host.strip("[]"), int(port)


def compute_listen_address(text: str, number: int) -> str:
    """Return `HOST:PORT` with the port of the device of this number; the first one has number 0.

    Raises:
        ValueError: the port is larger than a port can be.
    """
    host, _, port = text.rpartition(":")
    if int(port) and int(port) + number > LARGEST_PORT:
        raise ValueError(
            f"device {number + 1} would serve its metrics at port {int(port) + number}, and the "
            f"largest port is {LARGEST_PORT}; select a lower first port"
        )
    return f"{host}:{int(port) + number if int(port) else 0}"


def render_metrics(
    progress: Progress, depths: Mapping[str, int], gpu: tuple[int, int] | None
) -> str:
    """Render all metrics.

    `depths` are the numbers of tasks in each queue of the worker, `gpu` is the free and total
    memory of the GPU in bytes.
    """
    counts = progress.read()
    # The progress counts no dropped tasks as leased, but a counter must not fall.
    counts["leased"] += counts["dropped"]
    lines: list[str] = []
    for name, meaning in COUNTS.items():
        public = "done" if name == "inferred" else name
        _render(lines, f"{public}_total", "counter", meaning, {"": counts[name]})
    stages = {f'{{stage="{stage}"}}': seconds for stage, seconds in progress.stages().items()}
    _render(
        lines, "stage_seconds_total", "counter", "Seconds in each stage, of all threads.", stages
    )
    queues = {f'{{queue="{queue}"}}': depth for queue, depth in depths.items()}
    _render(lines, "queue_tasks", "gauge", "Tasks in each queue.", queues)
    memory = measure_memory()
    if memory is not None:
        shares = {'{state="free"}': memory.free, '{state="total"}': memory.total}
        _render(lines, "memory_bytes", "gauge", "Memory of the process's limits.", shares)
    if gpu is not None:
        shares = {'{state="free"}': gpu[0], '{state="total"}': gpu[1]}
        _render(lines, "device_memory_bytes", "gauge", "Memory of the GPU.", shares)
    return "".join(lines)


def _render(
    lines: list[str], name: str, kind: str, meaning: str, values: Mapping[str, float]
) -> None:
    name = f"trapline_worker_{name}"
    lines.append(f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n")
    lines += [f"{name}{labels} {value}\n" for labels, value in values.items()]


def measure_gpu_memory(device: str) -> tuple[int, int] | None:
    """Return the free and total memory of a GPU in bytes; None on a CPU or without nvidia-smi."""
    name = find_gpu_name(device)
    if name is None:
        return None
    query = ["nvidia-smi", f"--id={name}", "--format=csv,noheader,nounits"]
    try:
        printed = subprocess.run(
            [*query, "--query-gpu=memory.free,memory.total"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout
        free, total = (int(part) << 20 for part in printed.split(","))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return free, total


def find_gpu_name(device: str) -> str | None:
    """Return the number or UUID by which nvidia-smi knows a device; None if there is no such GPU.

    CUDA counts only the GPUs in CUDA_VISIBLE_DEVICES, and nvidia-smi counts all.
    """
    number = get_cuda_index(device)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if number is None or visible is None:
        return None if number is None else str(number)
    names = [name.strip() for name in visible.split(",")]
    return names[number] if number < len(names) else None


class GpuMemoryGauge:
    """Measures the memory of a GPU, and repeats the last figures for some seconds."""

    def __init__(
        self,
        device: str,
        measure: Callable[[str], tuple[int, int] | None] = measure_gpu_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._measure = measure
        self._clock = clock
        self._lock = threading.Lock()
        self._measured_at = float("-inf")
        self._latest: tuple[int, int] | None = None

    def read(self) -> tuple[int, int] | None:
        """Return the free and total memory in bytes; None on a CPU or without nvidia-smi."""
        with self._lock:
            if self._clock() - self._measured_at >= GPU_MEMORY_EVERY_S:
                self._latest = self._measure(self._device)
                self._measured_at = self._clock()
            return self._latest


@contextmanager
def serve_metrics(listen: str, render: Callable[[], str]) -> Iterator[str]:
    """Serve `/metrics` at HOST:PORT, and yield the URL.

    Raises:
        OSError: the port is in use.
    """

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing: the requests come every few seconds."""

        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = render().encode() if found else b"The metrics are at /metrics.\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(parse_listen(listen), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield f"http://{server.server_address[0]!s}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
