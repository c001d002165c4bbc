"""The devices of this machine, found without loading a model runtime."""

import os
import subprocess

from trapline.worker.devices import CPU, parse_device

AUTO = "auto"
LIST_WITHIN_S = 20.0


def parse_devices(text: str) -> list[str]:
    """Parse a list of devices, "cpu" or "cuda:0,cuda:1"; "auto" is every GPU, or else the CPU.

    Raises:
        ValueError: a name is unknown, or the GPUs cannot be counted; the message says what to do.
    """
    if text.strip() == AUTO:
        return [f"cuda:{number}" for number in range(count_gpus())] or [CPU]
    return [parse_device(name.strip()) for name in text.split(",")]


def count_gpus() -> int:
    """Count the NVIDIA GPUs that processes of this environment can use; 0 without a driver.

    Raises:
        ValueError: the driver is installed and does not work.
    """
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=LIST_WITHIN_S, check=True
        ).stdout
    except FileNotFoundError:
        return 0
    except (OSError, subprocess.SubprocessError) as error:
        # Not the CPU: a worker that is 50 times slower than expected is hard to notice.
        said = getattr(error, "stdout", None) or getattr(error, "stderr", None) or error
        raise ValueError(
            f"the GPUs cannot be counted, because nvidia-smi failed: {str(said).strip()} Nothing "
            "was leased. Repair the driver, or name the devices: --devices cpu"
        ) from None
    found = sum(line.startswith("GPU ") for line in listed.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    return min(found, len([name for name in visible.split(",") if name.strip() not in ("", "-1")]))
