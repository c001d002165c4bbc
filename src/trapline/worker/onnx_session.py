"""ONNX models, loaded into ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from trapline.worker.devices import CPU, DeviceUnavailable, get_cuda_index

CUDA = "CUDAExecutionProvider"
Array = NDArray[np.floating[Any]]


class OnnxSession(Protocol):
    """A loaded model."""

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Array]) -> list[Any]:
        """Return the named outputs, or all outputs, for these inputs."""


def open_session(model: bytes | Path, device: str = "cpu", threads: int = 1) -> OnnxSession:
    """Load a model from a file or from bytes; `device` is "cpu" or "cuda:0".

    Raises:
        DeviceUnavailable: ONNX Runtime would run the model on another device.
    """
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


def _unavailable(device: str, reason: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"ONNX Runtime {onnxruntime.__version__} cannot use {device}: {reason}. Its GPU build is "
        "the package onnxruntime-gpu, installed in place of onnxruntime."
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
