"""The validator of the MegaDetector package, in a separate folder because it needs OpenCV.

`readers.lock` names the packages by hash. They are installed without their dependencies, so that
PyTorch is not needed.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("readers.lock")
FOLDER = Path(sys.prefix) / "survey-readers"
PROGRAM = """
import json, sys
from megadetector.postprocessing.validate_batch_results import validate_batch_results
found = validate_batch_results(sys.argv[1])["validation_results"]
print(json.dumps({name: found[name] for name in ("errors", "warnings")}))
"""


class ValidatorUnavailable(Exception):
    """The package could not be installed; the message gives the reason."""


def validate_results(path: Path) -> dict[str, Any]:
    """Validate a file of results; return the validator's `errors` and `warnings`.

    Raises:
        ValidatorUnavailable: the package is not installed, and no registry provides it.
    """
    # Test processes share the folder: none reads it while another installs the packages.
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = FOLDER / LOCK.name
        if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
            _install(stamp)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _install(stamp: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--upgrade",
    ]
    done = subprocess.run(
        [*command, "--target", str(FOLDER), "--requirement", str(LOCK)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise ValidatorUnavailable(done.stderr[-300:])
    stamp.write_bytes(LOCK.read_bytes())
