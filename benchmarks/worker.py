"""B6: the worker over HTTP, compared with the same model in a loop over decoded images.

    python benchmarks/worker.py [--pipeline yolox-nano] [--images DIR] [--count 200] [--rounds 3]
        [--device cuda:0] [--batch 24]

The server and the image host run in a separate process, so that their work is not counted for the
worker. Floors are measured in the same run: the model alone over images decoded before, and
decoding alone with as many threads as loaders. The images are those of DIR, else of the folder
`images` in TRAPLINE_SAMPLES, else generated ones.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
from _samples import HELP, read_images

from trapline.client import RetryPolicy, Trapline
from trapline.wire.workers import HelloRequest
from trapline.worker.device_check import require_device
from trapline.worker.devices import DeviceUnavailable
from trapline.worker.held_leases import HeldLeases
from trapline.worker.images import ImageFetcher, decode_image
from trapline.worker.loop import WorkerLimits, WorkerLoop
from trapline.worker.model_files import fetch_model_file
from trapline.worker.model_watch import ModelWatch
from trapline.worker.outbox import Outbox
from trapline.worker.pipeline import (
    Device,
    InputImage,
    MissingExtra,
    Pipeline,
    build_pipeline,
    list_default_slugs,
)
from trapline.worker.progress import Progress
from trapline.worker.result_poster import ResultPoster
from trapline.worker.settings import WorkerSettings
from trapline.worker.worker_identity import WorkerIdentity


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--pipeline", choices=list_default_slugs(), default="yolox-nano")
    arguments.add_argument("--images", type=Path, metavar="DIR", help=HELP)
    arguments.add_argument("--count", type=int, default=200)
    arguments.add_argument("--loaders", type=int, default=4)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--device", default="cpu", help="cpu (default) or cuda:0")
    arguments.add_argument(
        "--batch", type=int, default=8, help="images per batch of the model alone (default 8)"
    )
    options = arguments.parse_args()
    files = [image for image in read_images(options.images) if _decodes(image)]
    if not files:
        raise SystemExit("none of the images can be decoded")
    pipeline = build_pipeline(options.pipeline)
    cache = WorkerSettings(token="unused").model_cache
    try:
        require_device(options.device)
        pipeline.load(
            Device(options.device, options.threads, lambda file: fetch_model_file(file, cache))
        )
    except (DeviceUnavailable, MissingExtra, ValueError) as error:
        raise SystemExit(f"--device: {error}") from None
    rows = []
    for _ in range(options.rounds):
        # In turns, so that a slow machine slows all of them equally.
        model = measure_model(pipeline, files, options.count, options.batch)
        decoding = measure_decoding(files, options.count, options.loaders)
        rows.append(
            (model, decoding, measure_worker(pipeline, files, options.count, options.loaders))
        )
    model, decoding, worker = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, "
        f"{time.strftime('%Y-%m-%d')}"
    )
    print(
        f"{options.pipeline}, {options.count} images of {len(files)} files, {options.loaders} "
        f"loaders, {options.threads} threads, {options.device} ({pipeline.provider}), the model "
        f"alone in batches of {options.batch}"
    )
    print(f"model alone     {model:8.1f} images/s")
    print(f"decoding alone  {decoding:8.1f} images/s")
    print(
        f"worker          {worker:8.1f} images/s   {100 * worker / model:.0f} % of the model, ",
        end="",
    )
    print(f"{100 * worker / decoding:.0f} % of decoding")
    # On few processors decoding and the model share them; the floor is then the time of both.
    both = 1 / (
        1 / model
        + 1 / (decoding / min(options.loaders, os.cpu_count() or 1)) / (os.cpu_count() or 1)
    )
    print(f"both need       {both:8.1f} images/s if decoding is spread over the other processors")


def measure_model(pipeline: Pipeline, files: list[bytes], count: int, size: int) -> float:
    """Return images per second of the model over images that are decoded before."""
    images = [InputImage(str(number), decode_image(image)) for number, image in enumerate(files)]
    pipeline.run(images[:size])
    cycle = itertools.islice(itertools.cycle(images), count)
    started = time.monotonic()
    while batch := list(itertools.islice(cycle, size)):
        pipeline.run(batch)
    return count / (time.monotonic() - started)


def measure_decoding(files: list[bytes], count: int, threads: int) -> float:
    """Return images per second of decoding, with as many threads as the worker has loaders."""
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(decode_image, itertools.islice(itertools.cycle(files), count)):
            pass
    return count / (time.monotonic() - started)


def measure_worker(pipeline: Pipeline, files: list[bytes], count: int, loaders: int) -> float:
    """Return images per second of the whole worker.

    The time is from its first request to the last accepted result.
    """
    ours, theirs = multiprocessing.Pipe()
    host = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs, pipeline.slug, files, count), daemon=True
    )
    host.start()
    url = str(ours.recv())
    log = structlog.wrap_logger(
        structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(30)
    )
    stop, retry, progress = threading.Event(), RetryPolicy(), Progress()
    fetcher = ImageFetcher(user_agent="benchmark", timeout_s=30, max_bytes=10**9, retry=retry)
    with Trapline(url, "any", retry=retry) as api, tempfile.TemporaryDirectory() as folder:
        holding = HeldLeases()
        poster = ResultPoster(
            api=api,
            outbox=Outbox(Path(folder), url),
            batch_size=24,
            retry=retry,
            log=log,
            progress=progress,
            settle=holding.complete,
            forget=lambda refused: identity.forget(refused),
        )
        hello = HelloRequest(
            service="Bench", name="bench", host="here", pid=os.getpid(), pipelines=[pipeline.slug]
        )
        identity = WorkerIdentity(
            api=api, hello=hello, holding=holding, log=log, before=poster.send_saved
        )
        worker = WorkerLoop(
            api=api,
            fetcher=fetcher,
            pipelines=[pipeline],
            poster=poster,
            limits=WorkerLimits(loaders=loaders, poll_s=0.05),
            stop=stop,
            log=log,
            progress=progress,
            watch=ModelWatch(),
            identity=identity,
            holding=holding,
        )

        def end_when_done() -> None:
            ours.recv()
            stop.set()

        threading.Thread(target=end_when_done, daemon=True).start()
        started = time.monotonic()
        worker.run()
        seconds = time.monotonic() - started
    fetcher.close()
    host.terminate()
    host.join()
    assert progress.read()["posted"] == count, progress.read()
    return count / seconds


def serve(out: Connection, slug: str, data: list[bytes], count: int) -> None:
    """Serve the five calls of the worker protocol and the images, in a separate process.

    It sends a message when every result has arrived.
    """
    left = iter(range(count))
    lock = threading.Lock()
    done = 0
    url = ""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            if self.path.startswith("/api"):
                self._say({"results": [{"id": 1, "pipeline_slug": slug}] if done < count else []})
            else:
                self._send(data[int(self.path.rsplit("/", 1)[1]) % len(data)])

        def do_POST(self) -> None:
            nonlocal done
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/tasks/"):
                with lock:
                    numbers = list(itertools.islice(left, body["batch_size"]))
                rows = [
                    {
                        "id": str(n),
                        "image_id": str(n),
                        "image_url": f"{url}/i/{n}",
                        "reply_subject": str(n),
                    }
                    for n in numbers
                ]
                self._say({"tasks": rows})
                return
            if not self.path.endswith("/result/"):
                # This server supports only the five calls, so the worker does not register.
                self._send(b"{}", status=404)
                return
            self._say(
                {
                    "status": "accepted",
                    "job_id": 1,
                    "results_queued": len(body["results"]),
                    "tasks": [],
                }
            )
            with lock:
                done += len(body["results"])
                if done == count:
                    out.send("done")

        def _say(self, answer: object) -> None:
            self._send(json.dumps(answer).encode())

        def _send(self, body: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_address[1]}"
    out.send(url)
    server.serve_forever()


def _decodes(image: bytes) -> bool:
    try:
        return bool(decode_image(image).size)
    except Exception:
        return False


if __name__ == "__main__":
    main()
