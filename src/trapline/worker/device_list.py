"""The devices of this machine, found without loading a model runtime."""

import os
import subprocess

from trapline.worker.devices import CPU, parse_device

AUTO = "auto"
LIST_WITHIN_S = 20.0


class GpuCountError(Exception):
    """The driver is installed and does not work; the message says what to do."""


def parse_devices(text: str) -> list[str]:
    """Parse a list of devices, "cpu" or "cuda:0,cuda:1"; "auto" is every GPU, or else the CPU.

    Raises:
        ValueError: a name is unknown; the message names the devices.
        GpuCountError: the driver is installed and does not work.
    """
    if text.strip() == AUTO:
        return [f"cuda:{number}" for number in range(count_gpus())] or [CPU]
    return [parse_device(name.strip()) for name in text.split(",")]


def count_gpus() -> int:
    """Count the NVIDIA GPUs that processes of this environment can use; 0 without a driver.

    Raises:
        GpuCountError: the driver is installed and does not work.
    """
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=LIST_WITHIN_S, check=True
        ).stdout
    except FileNotFoundError:
        return 0
    except (OSError, subprocess.SubprocessError) as error:
        # Not the CPU: a worker that is 50 times slower than expected is hard to notice.
        reason = _describe_failure(error).strip().rstrip(".")
        raise GpuCountError(
            f"the GPUs cannot be counted, because nvidia-smi failed: {reason}. Nothing was leased. "
            "Repair the driver, or name the devices: --devices cpu"
        ) from None
    found = sum(line.startswith("GPU ") for line in listed.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    return min(found, len([name for name in visible.split(",") if name.strip() not in ("", "-1")]))


def _describe_failure(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it did not end within {error.timeout:g} s"
    if isinstance(error, subprocess.CalledProcessError):
        return error.stdout or error.stderr or f"exit code {error.returncode}"
    return str(error)
