"""One worker process per device, its restart, its metrics, and the runtimes that are installed."""

import os
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_process import finish, installed, start

from trapline.worker.device_list import parse_devices
from trapline.worker.onnx_session import RuntimeConflict, require_one_runtime

__all__ = ["installed"]


def wait_until(is_true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


def list_pids(server: FakeServer) -> list[int]:
    return [asked.body["pid"] for asked in server.paths("/api/v2/workers/hello")]


def test_each_device_is_a_worker_and_a_dead_one_is_replaced(
    server: FakeServer, installed: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server.additions = True
    server.add_job(7, "slow", {f"i{number}": make_jpeg() for number in range(6)})
    options = ("--pipeline", "slow", "--devices", "cpu,cpu", "--metrics", f"127.0.0.1:{port}")
    process = start(server, installed, *options)
    server.wait_for_results(6)
    wait_until(lambda: len(list_pids(server)) == 2)
    hellos = [asked.body for asked in server.paths("/api/v2/workers/hello")]
    assert {hello["name"] for hello in hellos} == {"worker-1", "worker-2"}
    pages = []
    for number in (port, port + 1):
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            pages.append(answer.read().decode())
    done = [re.search(r"^trapline_worker_done_total (\d+)$", page, re.MULTILINE) for page in pages]
    assert sum(int(found[1]) for found in done if found) == 6
    assert all('trapline_worker_stage_seconds_total{stage="model"}' in page for page in pages)

    os.kill(hellos[0]["pid"], signal.SIGKILL)
    wait_until(lambda: len(list_pids(server)) == 3)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 0, err
    assert "the process of cpu ended; it is started again in 1 s" in err
    assert len(server.goodbyes) == 2


@pytest.mark.parametrize(
    ("visible", "found"),
    [(None, ["cuda:0", "cuda:1"]), ("1", ["cuda:0"]), ("", ["cpu"]), ("-1", ["cpu"])],
)
def test_auto_is_every_visible_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, found: list[str]
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: x)'\necho 'GPU 1: A (UUID: y)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert parse_devices("auto") == found


def test_devices_are_named() -> None:
    assert parse_devices("cuda:1, cpu") == ["cuda:1", "cpu"]
    with pytest.raises(ValueError, match="'gpu' is not a device"):
        parse_devices("gpu")


def test_two_runtimes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_one_runtime()
    for name in ("onnxruntime", "onnxruntime_gpu"):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeConflict, match=r"both installed.*worker-cpu.*worker-gpu"):
        require_one_runtime()
