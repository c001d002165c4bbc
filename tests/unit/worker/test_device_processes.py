"""One worker process per device, its restart, its metrics, and the runtimes that are installed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_process import finish, installed, start

from trapline.worker.device_list import GpuCountError, parse_devices
from trapline.worker.exit_codes import FAILED
from trapline.worker.main import StartupError, load_pipelines
from trapline.worker.metrics import GpuMemoryGauge, measure_gpu_memory
from trapline.worker.onnx_session import RuntimeConflict, require_one_runtime
from trapline.worker.settings import WorkerSettingsError, load_settings

__all__ = ["installed"]


def wait_until(is_true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read what the worker prints until a line contains the text."""
    assert process.stderr is not None
    told = ""
    while text not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    return told


def find_two_ports() -> int:
    """Find a free port whose next one is free, too; return the first."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def list_pids(server: FakeServer) -> list[int]:
    return [asked.body["pid"] for asked in server.paths("/api/v2/workers/hello")]


def test_each_device_is_a_worker_and_a_dead_one_is_replaced(
    server: FakeServer, installed: Path
) -> None:
    port = find_two_ports()
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

    # Once it has worked, a process is started again also after a start that failed.
    [package] = installed.glob("*.dist-info")
    package = package.rename(installed / "away")
    os.kill(hellos[0]["pid"], signal.SIGKILL)
    told = read_until(process, "package offers pipeline slow")
    package.rename(installed / "slow_pipelines-1.0.dist-info")
    wait_until(lambda: len(list_pids(server)) == 3)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 0, err
    assert "the process of cpu ended; it is started again in 1 s" in told
    assert len(server.goodbyes) == 2


def test_processes_that_cannot_start_end_with_the_message(
    server: FakeServer, installed: Path
) -> None:
    code, _, err = finish(start(server, installed, "-p", "nonsense", "--devices", "cpu,cpu"))
    assert code == 1, err
    assert err.count("package offers pipeline nonsense") == 2
    assert "Traceback" not in err
    assert "started again" not in err.replace("not started again", "")


def test_a_process_that_cannot_start_yet_is_started_again(
    server: FakeServer, installed: Path
) -> None:
    server.additions = True
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        metrics = f"127.0.0.1:{busy.getsockname()[1]}"
        process = start(server, installed, "-p", "slow", "--devices", "cpu", "--metrics", metrics)
        told = read_until(process, "started again in 1 s")
    wait_until(lambda: len(list_pids(server)) == 1)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 0, err
    assert f"the metrics cannot be served at {metrics}" in told
    assert "Traceback" not in told


NOT_READY = """
from trapline.wire.pipelines import Algorithm
from trapline.worker.model_files import ModelFile
from trapline.worker.pipeline import Pipeline

class Base(Pipeline):
    name = "Not ready"
    algorithms = (Algorithm(name="None", key="none"),)
    def load(self, machine):
        for file in self.models:
            machine.fetch(file)
    def run(self, images):
        return [[] for _ in images]

class Undownloaded(Base):
    slug = "undownloaded"
    models = (ModelFile("net.onnx", "https://127.0.0.1:1/net.onnx", 1, "0" * 64, "MIT"),)

class Unlicensed(Base):
    slug = "unlicensed"
    models = (ModelFile("net.onnx", "https://127.0.0.1:1/net.onnx", 1, "0" * 64, "AGPL-3.0-only"),)

class Incomplete(Base):
    slug = "incomplete"
    needs = ("a_module_that_does_not_exist",)
"""
UNREADY = ("undownloaded", "unlicensed", "incomplete")


@pytest.mark.parametrize(
    ("slug", "is_permanent"),
    [
        ("nonsense", True),
        ("unlicensed", True),
        ("incomplete", True),
        ("undownloaded", False),
    ],
)
def test_a_start_is_repeated_unless_a_person_must_act(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
    is_permanent: bool,
) -> None:
    info = tmp_path / "packages" / "unready-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "unready_pipelines.py").write_text(NOT_READY)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unready\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trapline.pipelines]\n"
        + "".join(f"{name} = unready_pipelines:{name.title()}\n" for name in UNREADY)
    )
    monkeypatch.syspath_prepend(info.parent)
    settings = load_settings(token="t", model_cache=tmp_path / "cache")
    with pytest.raises(StartupError) as raised:
        load_pipelines(settings, [slug], structlog.get_logger())
    assert raised.value.is_permanent is is_permanent


def test_the_port_of_each_device_exists() -> None:
    options = {"token": "t", "metrics": "[::1]:65534"}
    assert load_settings(1, 3, **options).metrics == "[::1]:65535"
    with pytest.raises(WorkerSettingsError, match=r"device 3 .* port 65536.* lower first port"):
        load_settings(2, 3, **options)


@pytest.mark.parametrize(
    ("visible", "found"),
    [(None, ["cuda:0", "cuda:1"]), ("1", ["cuda:0"]), ("", ["cpu"]), ("-1", ["cpu"])],
)
def test_auto_is_every_visible_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, found: list[str]
) -> None:
    write_program(tmp_path, monkeypatch, "echo 'GPU 0: A (UUID: x)'; echo 'GPU 1: A (UUID: y)'")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert parse_devices("auto") == found


def write_program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_driver_that_fails_is_not_replaced_by_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(tmp_path, monkeypatch, "echo 'Driver/library version mismatch.'; exit 18")
    with pytest.raises(
        GpuCountError, match=r"failed: Driver/library version mismatch\. Nothing .*--devices cpu$"
    ):
        parse_devices("auto")
    ended = subprocess.run(
        [Path(sys.executable).with_name("trapline"), "worker", "--devices", "auto"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "Nothing was leased" in ended.stderr) == (FAILED, True), ended.stderr
    assert "Traceback" not in ended.stderr
    write_program(tmp_path, monkeypatch, "echo 'GPU 0: A'; exec sleep 60")
    monkeypatch.setattr("trapline.worker.device_list.LIST_WITHIN_S", 0.2)
    with pytest.raises(GpuCountError, match=r"it did not end within 0\.2 s\. Nothing was leased\."):
        parse_devices("auto")
    monkeypatch.setenv("PATH", "/nowhere")
    assert parse_devices("auto") == ["cpu"]


@pytest.mark.parametrize(
    ("visible", "device", "memory"),
    [
        (None, "cuda:1", (10 << 20, 11 << 20)),
        ("3,1", "cuda:0", (30 << 20, 31 << 20)),
        ("3, GPU-b", "cuda:1", (50 << 20, 51 << 20)),
        ("3", "cuda:1", None),
        (None, "cpu", None),
    ],
)
def test_the_memory_is_that_of_the_visible_gpu(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visible: str | None,
    device: str,
    memory: tuple[int, int] | None,
) -> None:
    write_program(
        tmp_path,
        monkeypatch,
        'case "$1" in --id=1) echo "10, 11";; --id=3) echo "30, 31";; '
        '--id=GPU-b) echo "50, 51";; esac',
    )
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert measure_gpu_memory(device) == memory


def test_the_memory_of_the_gpu_is_measured_every_10_s() -> None:
    measured = iter([(1, 9), None, (3, 9)])
    times = iter([0.0, 3.0, 12.0, 13.0, 15.0, 25.0, 25.0])
    gauge = GpuMemoryGauge("cuda:0", lambda _: next(measured), lambda: next(times))
    # It is measured at 0 s until 3 s, at 13 s until 15 s (12 s is too early), and at 25 s.
    assert [gauge.read() for _ in range(4)] == [(1, 9), (1, 9), None, (3, 9)]


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
