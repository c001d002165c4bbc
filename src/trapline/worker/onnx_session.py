"""ONNX models in memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class Session(Protocol):
    """A model that runs."""

    def run(self, outputs: Sequence[str] | None, inputs: Mapping[str, Array]) -> list[Any]:
        """The named outputs, or all of them, for these inputs."""


def open_session(model: bytes | Path, device: str = "cpu", threads: int = 1) -> Session:
    """Load a model, from a file or from bytes; `device` is "cpu" or "cuda:0"."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait in a busy loop would take the processor from those that decode the next pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers: list[Any] = ["CPUExecutionProvider"]
    kind, _, number = device.partition(":")
    if kind == "cuda":
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(number or 0)}))
    elif kind != "cpu":
        raise ValueError(f"{device!r} is no device that is known; it is cpu, or cuda:0 for the first GPU")
    source = model if isinstance(model, bytes) else str(model)
    session: Session = onnxruntime.InferenceSession(source, options, providers=providers)
    return session
