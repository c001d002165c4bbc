"""Break load-bearing lines one at a time and report each break that its named tests do not notice.

Each entry of tests/mutants/*.toml names a file, its exact text `old`, the text `new` that replaces
it, and the tests of which one must fail. The tree is copied to a temporary folder; the checkout
stays as it is.

    python -m tests.mutants                    run every mutant
    python -m tests.mutants --shard 1/4        run every fourth, from the first on
    python -m tests.mutants --only store/      run those whose names contain a text
    python -m tests.mutants --list             print names, files and tests
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.table import Mutant, load_mutants

ROOT = Path(__file__).parent.parent.parent
PAGE = Path("src/trapline/server/page")
"""The built page, which git ignores and the server serves."""
TIMEOUT_S = 240
PASSED, FAILED = 0, 1
"""Exit codes of pytest; every other one means that the tests did not run."""


@contextmanager
def copy_tree() -> Iterator[Path]:
    """Copy the files of the repository and the built page to a temporary folder.

    It is deleted afterwards.
    """
    # PostgreSQL and the decoders run as other users and must reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="trapline-mutants-"))
    folder.chmod(0o711)
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        if (ROOT / PAGE).is_dir():
            shutil.copytree(ROOT / PAGE, folder / PAGE, dirs_exist_ok=True)
        create_environment(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_environment(folder: Path) -> None:
    """Create an environment with the copy as `trapline` and the other packages of this environment.

    A path in the environment variable PYTHONPATH is not enough: decoders run with `python -I`,
    which ignores it.
    """
    environment = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    ours = Path(sys.prefix) / packages.relative_to(environment)
    # Python adds these folders to its path, but does not process the .pth files in them.
    (packages / "mutants.pth").write_text(f"{folder / 'src'}\n{ours}\n", encoding="utf-8")
    for script in (Path(sys.prefix) / "bin").iterdir():
        copied = environment / "bin" / script.name
        if script.is_file() and not copied.exists():
            shutil.copy(script, copied)
            content = copied.read_bytes()
            if content.startswith(b"#!"):
                copied.write_bytes(
                    content.replace(sys.prefix.encode(), str(environment).encode(), 1)
                )


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[int | None, str]:
    """Run tests in the copy until one fails.

    Return pytest's exit code, None after TIMEOUT_S, and its output.
    """
    python = folder / ".venv" / "bin" / "python"
    # The folder of temporary files of this run, so that nothing is left of tests that are killed.
    with tempfile.TemporaryDirectory(
        prefix="trapline-mutant-", ignore_cleanup_errors=True
    ) as temporary:
        Path(temporary).chmod(0o711)
        running = subprocess.Popen(
            [python, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=folder,
            # Bytecode is kept between runs; a file that was broken or restored is newer than its
            # bytecode.
            env={**os.environ, "TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = running.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            return None, running.communicate()[0]
    return running.returncode, output


def run_mutant(folder: Path, mutant: Mutant) -> str | None:
    """Apply the change in the copy, run the tests, restore the line.

    Return a fault as a message, or None.
    """
    path = folder / mutant.file
    source = path.read_text(encoding="utf-8")
    try:
        broken = mutant.apply(source)
    except ValueError as error:
        return f"no longer applies: {error}"
    path.write_text(broken, encoding="utf-8")
    try:
        code, output = run_tests(folder, mutant.tests)
    finally:
        path.write_text(source, encoding="utf-8")
    if code == FAILED:
        return None
    if code is None:
        return f"tests took more than {TIMEOUT_S} s"
    if code == PASSED:
        return f"SURVIVED: {', '.join(mutant.tests)} passed ({output.strip().splitlines()[-1]})"
    return f"tests did not run (exit code {code}):\n{output[-2000:]}"


def run(mutants: Sequence[Mutant], *, is_checked: bool) -> int:
    """Run mutants one after another; return how many were not noticed. Print a line for each."""
    faults = 0
    with copy_tree() as folder:
        if is_checked:
            tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
            code, output = run_tests(folder, tests)
            if code != PASSED:
                print(
                    "The tests fail without any mutant; nothing can be "
                    f"concluded:\n{output[-4000:]}"
                )
                return 1
            print(
                f"{len(tests)} tests pass without any mutant: {output.strip().splitlines()[-1]}",
                flush=True,
            )
        for mutant in mutants:
            began = time.monotonic()
            fault = run_mutant(folder, mutant)
            faults += fault is not None
            print(
                f"{time.monotonic() - began:6.1f} s  {mutant.name}: {fault or 'noticed'}",
                flush=True,
            )
    print(f"{len(mutants)} mutants, {len(mutants) - faults} noticed, {faults} not noticed")
    return faults


def main() -> int:
    """Parse the command line and run what it names."""
    parser = argparse.ArgumentParser(
        "python -m tests.mutants", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--shard", default="1/1", help="K/N: every Nth mutant, from the Kth on")
    parser.add_argument(
        "--only", action="append", default=[], help="only mutants whose names contain this"
    )
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    parser.add_argument(
        "--unchecked", action="store_true", help="do not run the tests without a mutant first"
    )
    arguments = parser.parse_args()
    part, _, parts = arguments.shard.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        parser.error("--shard is K/N, for example 1/4")
    meant = [
        one
        for one in load_mutants()
        if not arguments.only or any(text in one.name for text in arguments.only)
    ]
    meant = meant[int(part) - 1 :: int(parts)]
    if not meant:
        parser.error("no mutant has such a name")
    if arguments.list:
        for mutant in meant:
            print(f"{mutant.name}\n    {mutant.file}\n    {' '.join(mutant.tests)}")
        return 0
    return min(run(meant, is_checked=not arguments.unchecked), 1)


if __name__ == "__main__":
    sys.exit(main())
