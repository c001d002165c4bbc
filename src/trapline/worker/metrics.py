"""Metrics of a worker for Prometheus, served over HTTP.

The format is text exposition 0.0.4 (prometheus.io, "Exposition formats").
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trapline.worker.memory import measure_memory
from trapline.worker.progress import Progress

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
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
    if not separator or not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT, for example 127.0.0.1:9100")
    return host.strip("[]"), int(port)


def render_metrics(progress: Progress, depths: Mapping[str, int], device: str) -> str:
    """Render all metrics; `depths` are the numbers of tasks in each queue of the worker."""
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
    gpu = measure_gpu_memory(device)
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
    import subprocess

    from trapline.worker.devices import get_cuda_index

    number = get_cuda_index(device)
    if number is None:
        return None
    query = ["nvidia-smi", f"--id={number}", "--format=csv,noheader,nounits"]
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
