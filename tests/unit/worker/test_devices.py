"""The worker runs its models on the requested device and reports the same one."""

from pathlib import Path

import onnx
import onnxruntime
import pytest
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_process import finish, installed, start

from trapline.worker.devices import DeviceUnavailable
from trapline.worker.onnx_session import open_session

__all__ = ["installed"]

needs_cpu_build = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this is a GPU build of ONNX Runtime",
)


def make_model() -> bytes:
    """A model that returns its input."""
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "same", value[:1], value[1:]
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    made: bytes = onnx.helper.make_model(
        graph, opset_imports=opset, ir_version=8
    ).SerializeToString()
    return made


@needs_cpu_build
def test_a_model_is_not_opened_on_another_device_than_requested() -> None:
    open_session(make_model(), "cpu")
    with pytest.raises(DeviceUnavailable, match=r"cuda:0.*CUDAExecutionProvider.*onnxruntime-gpu"):
        open_session(make_model(), "cuda:0")


@needs_cpu_build
def test_a_worker_refuses_to_start_without_the_requested_device(
    server: FakeServer, installed: Path
) -> None:
    server.additions = True
    server.add_job(3, "slow", {"a": make_jpeg()})
    code, _, err = finish(
        start(server, installed, "-p", "slow", "--until-idle", "0.3", TRAPLINE_DEVICE="cuda:0")
    )
    assert code == 1, err
    assert "TRAPLINE_DEVICE is cuda:0" in err
    assert "--allow-cpu" in err
    assert "Traceback" not in err
    assert not server.asked


@needs_cpu_build
@pytest.mark.parametrize("way", ["option", "setting"])
def test_with_allow_cpu_it_runs_and_reports_the_cpu(
    server: FakeServer, installed: Path, way: str
) -> None:
    server.additions = True
    server.add_job(3, "slow", {"a": make_jpeg()})
    arguments, variables = (
        ((), {"TRAPLINE_ALLOW_CPU": "true"}) if way == "setting" else (("--allow-cpu",), {})
    )
    process = start(
        server,
        installed,
        "-p",
        "slow",
        "--until-idle",
        "0.3",
        *arguments,
        TRAPLINE_DEVICE="cuda:0",
        **variables,
    )
    code, _, err = finish(process)
    assert code == 0, err
    assert set(server.results) == {"a"}
    [hello] = server.paths("/api/v2/workers/hello")
    assert hello.body["devices"] == ["cpu"]
    assert "TRAPLINE_DEVICE is cuda:0" in err, "the log names the reason"


def test_without_a_device_the_cpu_is_reported(server: FakeServer, installed: Path) -> None:
    server.additions = True
    server.add_job(3, "slow", {"a": make_jpeg()})
    code, _, err = finish(start(server, installed, "-p", "slow", "--until-idle", "2"))
    assert code == 0, err
    [hello] = server.paths("/api/v2/workers/hello")
    assert hello.body["devices"] == ["cpu"]
    report = server.paths("/api/v2/tasks/renew")[-1].body["report"]
    assert report["batch_size"] in (1, 2)
    assert report["model_images_per_s"] > 0
    assert report["model_load_s"] >= 0
    assert report["free_memory"] > 0
    assert report["free_device_memory"] is None


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "cuda:0,1", "CPU", "mps"])
def test_an_unknown_device_is_a_wrong_setting(
    server: FakeServer, installed: Path, device: str
) -> None:
    code, _, err = finish(
        start(server, installed, "-p", "slow", "--until-idle", "0.3", TRAPLINE_DEVICE=device)
    )
    assert code == 2, err
    assert "TRAPLINE_DEVICE" in err
    assert "cuda:0" in err


PICKY = """
import os
from trapline.worker.devices import DeviceUnavailable
from trapline.worker.pipeline import Pipeline
from trapline.wire.pipelines import Algorithm

class Picky(Pipeline):
    slug = "picky"
    name = "Picky"
    algorithms = (Algorithm(name="Picky", key="picky"),)
    def load(self, machine):
        if machine.device != os.environ["RUNS_ON"]:
            raise DeviceUnavailable(f"picky runs on {os.environ['RUNS_ON']} only")
    def run(self, images):
        return [[] for _ in images]
"""


def test_a_pipeline_that_cannot_use_the_device_stops_the_start_also_unnamed(
    server: FakeServer, installed: Path
) -> None:
    """Without `--pipeline`, a pipeline with a missing model is left out, but not one on the wrong
    device.
    """
    (installed / "picky_pipeline.py").write_text(PICKY)
    points = installed / "slow_pipelines-1.0.dist-info" / "entry_points.txt"
    points.write_text("[trapline.pipelines]\npicky = picky_pipeline:Picky\n")
    for arguments in (("-p", "picky"), ()):
        code, _, err = finish(
            start(server, installed, *arguments, "--until-idle", "0.3", RUNS_ON="cuda:0")
        )
        assert code == 1, err
        assert "picky runs on cuda:0 only" in err
        assert not server.asked
