"""Start Trapline for development, and restart it when its source files change: `make dev`."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "trapline"
WEB = ROOT / "web"

LOADED_BY_UP = (
    "__init__.py",
    "extras.py",
    "cli/",
    "server/__init__.py",
    "server/app/__init__.py",
    "server/app/settings/",
    "server/platform/__init__.py",
    "server/platform/db/migrations/",
    "server/platform/failpoints.py",
    "server/platform/postgres/",
)
"""Sources that `trapline up` itself loads, or runs once at its start."""

POLL_S = 0.5
STABLE_AFTER_S = 5.0
"""`trapline up` delays the restarts of processes that repeatedly end sooner than this."""
PAGE_PAUSES_S = (0, 2, 5, 15)
"""Before Vite starts again: the first entry unless it ended soon after its start."""
WORKER_PATIENCE_S, SERVER_PATIENCE_S, UP_PATIENCE_S, PAGE_PATIENCE_S = 4.0, 12.0, 25.0, 5.0

HELP = """\
Start the server, a worker and the development server of the page.

Changes of the page (web/) appear in the browser immediately. After a change in src/trapline, the
API, background and worker processes restart with the new code. After a change of the command line,
the settings or the migrations, all of `trapline up` restarts. A file with a syntax error is
reported, and the old code continues to run until the file is correct.

Other options are passed to `trapline up`, such as --no-worker. Ctrl-C stops everything.
"""
EXAMPLE = 'Example: make dev ARGS="--port 8010 --page-port 5183"'


def print_line(text: str) -> None:
    """Print a message of this program, in order with the output of its child processes."""
    print(f"dev: {text}", flush=True)


def parse_arguments(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Parse the options of this program; return the options of `trapline up` separately."""
    parser = argparse.ArgumentParser(
        prog="tools/dev.py",
        usage="%(prog)s [--data DIR] [--port N] [--page-port N] [options of `trapline up`]",
        description=HELP,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data", type=Path, default=ROOT / ".dev", metavar="DIR",
        help="folder of the database and the files [.dev in the repository]",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_parse_port, default=8000, metavar="N", help="port of the server [8000]"
    )
    parser.add_argument(
        "--page-port", type=_parse_port, default=5173, metavar="N",
        help="port of the development server of the page [5173]",
    )  # fmt: skip
    return parser.parse_known_args(arguments)


def _parse_port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


class StopSignals:
    """Records SIGINT, SIGTERM and SIGHUP, so that child processes are stopped in order."""

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._record)

    def _record(self, _number: int, _frame: object) -> None:
        self.received = True


class SourceWatch:
    """Finds the Python files of the server, the worker and the client that changed."""

    def __init__(self) -> None:
        self._known = self._read_states()

    def find_changes(self) -> set[Path]:
        """Return the files that changed since the last call, once no more of them change."""
        states = self._read_states()
        if states == self._known:
            return set()
        while True:
            time.sleep(POLL_S)
            newer = self._read_states()
            if newer == states:
                break
            states = newer
        changed = {path for path, _ in states.items() ^ self._known.items()}
        self._known = states
        return changed

    def _read_states(self) -> dict[Path, tuple[int, int]]:
        states = {}
        for path in SOURCES.rglob("*.py"):
            try:
                status = path.stat()
            except FileNotFoundError:  # deleted since the folder was listed
                continue
            states[path] = (status.st_mtime_ns, status.st_size)
        return states


def find_syntax_errors(paths: Iterable[Path]) -> list[str]:
    """Describe the files that Python cannot compile, as Python reports them."""
    found = []
    for path in sorted(paths):
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except FileNotFoundError:
            continue
        except (SyntaxError, ValueError) as error:
            found.append("".join(traceback.format_exception_only(error)).rstrip())
    return found


def format_paths(paths: Iterable[Path]) -> str:
    """Name up to three files, and the number of the others."""
    names = [str(path.relative_to(ROOT)) for path in sorted(paths)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


class TraplineUp:
    """The process `trapline up`, and its child processes that run the code of the server."""

    def __init__(self, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", "trapline.cli.main", "up", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._seen: set[str] = set()

    def start(self) -> None:
        """Start `trapline up` in a separate session: Ctrl-C is for this program."""
        self._seen = set()
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def stop(self) -> None:
        """Stop `trapline up` with all of its child processes, if it runs."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(UP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            print_line("`trapline up` did not stop in time and was killed.")
            self._process.kill()  # its child processes end when it does
            self._process.wait()
        self._process = None

    def handle_end(self) -> None:
        """If `trapline up` ended, report the reason; restart it unless it failed with an error."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return
        self._process = None
        end = (
            f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        )
        if code <= 0 and time.monotonic() - self._started >= STABLE_AFTER_S:
            print_line(f"`trapline up` {end}. It restarts.")
            self.start()
        else:
            print_line(f"`trapline up` {end}; see its messages above.")
            print_line("It restarts after the next change in src/trapline. Ctrl-C stops the rest.")

    def apply(self, changes: set[Path]) -> None:
        """Restart the processes that run the changed code."""
        names = [path.relative_to(SOURCES).as_posix() for path in changes]
        children = self._find_children()
        if self._process is None or any(name.startswith(LOADED_BY_UP) for name in names):
            whole = True
        else:
            missing = ({"api", "background"} | self._seen) - {name for name, _ in children}
            age = min((time.time() - child.create_time() for _, child in children), default=0.0)
            # A process that failed can wait for up to 30 s before `trapline up` restarts it.
            whole = bool(missing) or age < STABLE_AFTER_S
        if whole:
            print_line(f"{format_paths(changes)} changed: `trapline up` restarts.")
            self.stop()
            self.start()
            return
        self._seen = {name for name, _ in children}
        print_line(f"{format_paths(changes)} changed: {', '.join(sorted(self._seen))} restart.")
        # The worker returns its tasks through the API, so it ends first.
        end_processes([child for name, child in children if name == "worker"], WORKER_PATIENCE_S)
        end_processes([child for name, child in children if name != "worker"], SERVER_PATIENCE_S)

    def _find_children(self) -> list[tuple[str, psutil.Process]]:
        found: list[tuple[str, psutil.Process]] = []
        if self._process is None:
            return found
        try:
            for child in psutil.Process(self._process.pid).children():
                name = find_process_name(child)
                if name is not None:
                    found.append((name, child))
        except psutil.NoSuchProcess:
            pass
        return found


def find_process_name(child: psutil.Process) -> str | None:
    """Find the name of a child process of `trapline up`; None for PostgreSQL and preparations."""
    try:
        command = child.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    if "trapline.cli.supervised_process" not in command:
        return None
    if "trapline.cli.local_worker" in command:
        return "worker"
    return next((name for name in ("api", "background") if name in command), None)


def end_processes(processes: list[psutil.Process], patience_s: float) -> None:
    """End processes with SIGTERM, and kill those that take longer."""
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, running = psutil.wait_procs(processes, timeout=patience_s)
    for process in running:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


class PageServer:
    """Vite's development server, if Node and the packages of the page are installed."""

    def __init__(self, port: int, server_port: int) -> None:
        self.url = f"http://localhost:{port}"
        self._port, self._server_port = port, server_port
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._due: float | None = None

    def start(self) -> str | None:
        """Start Vite; return the reason if that is not possible."""
        if not (WEB / "node_modules").is_dir():
            return "web/node_modules is missing (install it with `make web`)"
        sys.path.insert(0, str(ROOT))
        from hatch_build import PageNotBuilt, find_npm

        try:
            npm = find_npm()
        except PageNotBuilt as error:
            return str(error)
        self._started = time.monotonic()
        options = ["--port", str(self._port), "--strictPort", "--clearScreen", "false"]
        self._process = subprocess.Popen(
            [*npm, "run", "--silent", "dev", "--", *options],
            cwd=WEB,
            env={
                **os.environ,
                "PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "SERVER_PORT": str(self._server_port),
            },
            # Vite ends when this pipe closes, also if this program is killed.
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return None

    def handle_end(self) -> None:
        """If Vite ended, report it and start it again, after a pause if it ends repeatedly."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self.stop()
            self._failures = 0 if now - self._started >= STABLE_AFTER_S else self._failures + 1
            pause_s = PAGE_PAUSES_S[min(self._failures, len(PAGE_PAUSES_S) - 1)]
            self._due = now + pause_s
            print_line(
                f"The development server of the page ended with code {code}; its messages are "
                f"above. It starts again in {pause_s} s."
            )
        if self._due is not None and now >= self._due:
            self._due = None
            if (reason := self.start()) is not None:
                print_line(f"The page has no reload: {reason}.")

    def stop(self) -> None:
        """Stop npm and Vite, if they run."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except (ProcessLookupError, PermissionError):  # macOS: the group has only zombies
                break
            try:
                self._process.wait(PAGE_PATIENCE_S)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()
        self._process = None


def run(options: argparse.Namespace, more: list[str]) -> None:
    """Run everything until a signal ends it."""
    signals = StopSignals()
    watch = SourceWatch()
    page = PageServer(options.page_port, options.port)
    up = TraplineUp(["--data", str(options.data), "--port", str(options.port), *more])
    try:
        reason = page.start()
        if reason is None:
            print_line(f"page with reload: {page.url} (changes in web/ appear immediately)")
        else:
            print_line(f"The page has no reload: {reason}.")
        print_line(
            f"server: http://localhost:{options.port} (restarts after changes in src/trapline)"
        )
        print_line(f"data: {shlex.quote(str(options.data))}")
        up.start()
        pending: set[Path] = set()
        while not signals.received:
            time.sleep(POLL_S)
            page.handle_end()
            up.handle_end()
            changes = watch.find_changes()
            pending |= changes
            if not changes or signals.received:
                continue
            if errors := find_syntax_errors(pending):
                print("\n".join(errors), flush=True)
                print_line("Nothing restarted. The next change of a file tries again.")
            else:
                up.apply(pending)
                pending = set()
    finally:
        up.stop()
        page.stop()


if __name__ == "__main__":
    run(*parse_arguments(sys.argv[1:]))
