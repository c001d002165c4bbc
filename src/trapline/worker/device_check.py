"""Validation of the requested device before a worker leases any task."""

import importlib.util

from trapline.worker.devices import DeviceUnavailable, get_cuda_index, require_torch_device
from trapline.worker.pipeline import MissingExtra


def require_device(device: str) -> None:
    """Require that one of the installed runtimes can use a device.

    Raises:
        DeviceUnavailable: no installed runtime can use the device.
        ValueError: `device` is not the name of a device.
    """
    if get_cuda_index(device) is None:
        return
    from trapline.worker.onnx_session import require_onnx_device

    try:
        require_onnx_device(device)
    except (DeviceUnavailable, MissingExtra):
        if importlib.util.find_spec("torch") is None:
            raise
        require_torch_device(device)
