"""Devices that models run on.

A worker runs on the requested device, or it does not start.
"""

import re

CPU = "cpu"
_CUDA = re.compile(r"cuda(?::(\d{1,3}))?")


class DeviceUnavailable(Exception):
    """A model cannot run on the requested device.

    The message gives the reason and the package to install.
    """


def parse_device(text: str) -> str:
    """Parse the name of a device, "cpu" or "cuda:N".

    Raises:
        ValueError: the name is unknown; the message names the devices.
    """
    if text == CPU:
        return text
    match = _CUDA.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a device; use cpu, or cuda:0 for the first GPU")
    return f"cuda:{int(match[1] or 0)}"


def get_cuda_index(device: str) -> int | None:
    """Return the number of a GPU, or None for the CPU.

    Raises:
        ValueError: `device` is not the name of a device.
    """
    name = parse_device(device)
    return None if name == CPU else int(name.removeprefix("cuda:"))


def require_torch_device(device: str) -> None:
    """Require that PyTorch can use a device.

    Without this check, packages that use PyTorch fall back to the CPU silently.

    Raises:
        DeviceUnavailable: PyTorch cannot use the device.
        ValueError: `device` is not the name of a device.
    """
    number = get_cuda_index(device)
    if number is None:
        return
    import torch

    if not torch.cuda.is_available():
        raise DeviceUnavailable(
            f"PyTorch {torch.__version__} cannot use {device}: it found no supported GPU"
        )
    if number >= torch.cuda.device_count():
        raise DeviceUnavailable(
            f"PyTorch cannot use {device}: this machine has {torch.cuda.device_count()} GPUs."
        )
