"""ONNX models, loaded into ONNX Runtime."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trapline.extras import describe_install
from trapline.worker.devices import CPU, DeviceUnavailable, get_cuda_index
from trapline.worker.pipeline import MissingExtra

CUDA = "CUDAExecutionProvider"
Array = NDArray[np.floating[Any]]


class RuntimeConflict(Exception):
    """Two builds of ONNX Runtime are installed; the message gives the commands to fix it."""


class OnnxSession(Protocol):
    """A loaded model."""

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Array]) -> list[Any]:
        """Return the named outputs, or all outputs, for these inputs."""

    def get_providers(self) -> list[str]:
        """Return the execution providers, the one in use first."""


def open_session(model: bytes | Path, device: str = "cpu", threads: int = 1) -> OnnxSession:
    """Load a model from a file or from bytes; `device` is "cpu" or "cuda:0".

    Raises:
        DeviceUnavailable: ONNX Runtime would run the model on another device.
        MissingExtra: no ONNX Runtime is installed.
    """
    onnxruntime = _import_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the processor from those that decode images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers: list[Any] = ["CPUExecutionProvider"]
    number = get_cuda_index(device)
    if number is not None:
        # Without this check ONNX Runtime only warns, and uses the CPU.
        if CUDA not in onnxruntime.get_available_providers():
            raise _unavailable(device, f"{CUDA} is not part of this build")
        providers.insert(0, (CUDA, {"device_id": number}))
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, options, providers=providers)
    # Without this call the session would continue on the CPU after an error of the GPU.
    session.disable_fallback()
    if number is not None and CUDA not in session.get_providers():
        raise _unavailable(
            device, f"{CUDA} could not be started; its libraries or the GPU's driver are missing"
        )
    opened: OnnxSession = session
    return opened


def require_onnx_device(device: str) -> None:
    """Require that ONNX Runtime can run a model on a device.

    Raises:
        DeviceUnavailable: ONNX Runtime cannot use the device.
        ValueError: `device` is not the name of a device.
    """
    if device != CPU:
        open_session(_build_identity(), device)


def require_one_runtime() -> None:
    """Require that not both builds of ONNX Runtime are installed.

    They install the same module: the last one installed replaces files of the other.

    Raises:
        RuntimeConflict: both are installed.
    """
    found = []
    for name in ("onnxruntime", "onnxruntime-gpu"):
        with suppress(PackageNotFoundError):
            version(name)
            found.append(name)
    if len(found) > 1:
        raise RuntimeConflict(
            "onnxruntime and onnxruntime-gpu are both installed. They contain the same module, so "
            "neither is complete. Nothing was leased. Remove both, and install one again: "
            f"pip uninstall onnxruntime onnxruntime-gpu; then {describe_install('worker-cpu')}, or "
            f"{describe_install('worker-gpu')} for an NVIDIA GPU"
        )


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"no ONNX Runtime is installed: {describe_install('worker-cpu')}, or "
            f"{describe_install('worker-gpu')} for an NVIDIA GPU"
        ) from error
    return onnxruntime


def _unavailable(device: str, reason: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"ONNX Runtime {_import_runtime().__version__} cannot use {device}: {reason}. Its GPU "
        "build is the package onnxruntime-gpu (extra worker-gpu), installed in place of "
        "onnxruntime."
    )


def _build_identity() -> bytes:
    """Build the smallest model: it returns its input."""
    from onnx import TensorProto, helper

    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        for name in ("given", "returned")
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["given"], ["returned"])], "identity", ends[:1], ends[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
