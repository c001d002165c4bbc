"""`trapline demo`: import sample images from a camera server and run a real model on them."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.errors import CommandError, ExitCode
from trapline.cli.supervisor import ProcessSpec, Supervisor
from trapline.cli.up import PIPELINE, READY_WITHIN_S, STOP_WITHIN_S, is_ready
from trapline.extras import describe_install

if TYPE_CHECKING:
    from uuid import UUID

    from rich.console import Console

    from trapline.client import Trapline
    from trapline.wire.jobs import JobDetail
    from trapline.wire.sources import PullRun

PROJECT = "Demo"
NEEDED = ("psycopg", "fastapi", "onnxruntime", "simplejpeg")
"""Modules of the extras `server` and `worker-cpu`."""
PULL_WITHIN_S = 600.0
WORKER_WITHIN_S = 300.0


def demo(
    *,
    exit_: Annotated[
        bool,
        typer.Option(
            "--exit", help="Stop at the end; exit code 0 only if every image was analysed."
        ),
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Use the images of this folder."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder for the data of the demo. [./demo-data]")
    ] = None,
    port: Annotated[
        int, typer.Option(help="Port of the page; if it is in use, a free port is used.")
    ] = 8000,
) -> None:
    """Pull real photographs from a small camera server, run a real model over them, and show what
    it found.

    Example: `trapline demo --images ~/Pictures/camera-trap`
    """
    from trapline.cli.output import build_console

    console = build_console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _require_extras()
    folder = _choose_folder(data, console)
    downloaded = images.resolve() if images else _download_images(console)
    _load_models(console)
    from trapline.cli.demo_camera_server import serve_camera

    with (
        serve_camera(downloaded) as camera,
        _server(folder, _choose_port(port, console), camera, console) as address,
    ):
        from trapline.cli.demo_account import ensure_demo_account

        token, link = ensure_demo_account(folder)
        complete = _run(address, token, f"http://127.0.0.1:{camera}/", images, console)
        if exit_:
            if not complete:
                raise CommandError(
                    "Not every image was analysed. The lines above list the missing ones."
                )
            return
        console.print(
            f"\n[bold]The page:[/] {address}\n[bold]Sign in, once:[/] {link}\nCtrl-C stops "
            "everything."
        )
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("")


def _require_extras() -> None:
    """Check that the server and the worker are installed, before anything is downloaded.

    Raises:
        CommandError: modules are missing; the message names them and says what to install.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"The demo requires {', '.join(missing)}, which are not installed. Nothing was "
            "downloaded. Install them: "
            f"{describe_install('server', 'worker-cpu')}.",
            ExitCode.WRONG_USAGE,
        )


def _choose_folder(data: Path | None, console: "Console") -> Path:
    """Return the data folder, or another one if PostgreSQL cannot reach the default one."""
    from trapline.server.platform.postgres.data_folder import is_reachable

    folder = (data or Path("demo-data")).resolve()
    if data is None and not is_reachable(folder):
        folder = Path("/var/tmp/trapline-demo")  # noqa: S108 - reachable, and kept over a restart
        console.print(
            "PostgreSQL does not run as root and cannot access ./demo-data. "
            f"The demo uses {folder} instead."
        )
    return folder


def _choose_port(port: int, console: "Console") -> int:
    from trapline.server.platform.postgres.postgres import find_free_port

    if port == 0:
        return find_free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            free = find_free_port()
            console.print(f"Port {port} is in use; the page uses port {free}.")
            return free
    return port


def _download_images(console: "Console") -> Path:
    from trapline.cli.demo_images import download_demo_images, get_cache_folder
    from trapline.cli.output import print_table

    cache = get_cache_folder()
    folder = cache / "images"
    downloaded = download_demo_images(folder, cache, console.print)
    print_table(
        ("image", "shows", "licence", "by"),
        [(it.name, it.shows, it.licence, it.attribution) for it in downloaded],
    )
    return folder


def _load_models(console: "Console") -> None:
    """Download the models before any process is started that waits for them."""
    from trapline.worker.main import StartupError, load_pipelines
    from trapline.worker.progress_display import configure_logging
    from trapline.worker.settings import load_settings

    console.print(f"Models of {PIPELINE}: downloaded if they are missing")
    try:
        settings = load_settings(token="none yet")  # noqa: S106 - no secret
        load_pipelines(settings, [PIPELINE], configure_logging())
    except StartupError as error:
        raise CommandError(str(error)) from None


@contextmanager
def _server(folder: Path, port: int, camera: int, console: "Console") -> Iterator[str]:
    """Run a complete Trapline in a `with` block, and return its URL.

    Its output is written to a log file.
    """
    from trapline.cli.server_session import get_variable

    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "demo.log"
    supervisor = Supervisor(console.print)
    # The camera is on loopback, which requires this setting. Networks of the environment or of
    # `.env` stay allowed.
    allowed = [get_variable("TRAPLINE_ALLOWED_NETWORKS"), f"127.0.0.1:{camera}"]
    environment = {**os.environ, "TRAPLINE_ALLOWED_NETWORKS": ",".join(filter(None, allowed))}
    # Empty, because a `.env` file may also set them.
    environment |= {"TRAPLINE_PUBLIC_URL": "", "DATABASE_URL": ""}
    with log.open("wb") as log_file:
        arguments = ("up", "--data", str(folder), "--port", str(port))
        program = ProcessSpec(
            "trapline", "trapline.cli.main", arguments, environment, log=log_file.fileno()
        )
        child = supervisor.start(program)
    supervisor.release_children()
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        with console.status("Starting the database and the server"):
            while not is_ready(port):
                if child.process.poll() is not None or time.monotonic() > deadline:
                    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                    tail = "\n".join(lines[-5:])
                    raise CommandError(f"Trapline did not start ({log}):\n{tail}")
                time.sleep(0.05)
        yield f"http://localhost:{port}"
    finally:
        with console.status("Stopping"):
            supervisor.stop(["trapline"], STOP_WITHIN_S)


def _run(
    address: str, token: str, camera_url: str, images: Path | None, console: "Console"
) -> bool:
    """Pull, analyse and show the images; return whether every image was analysed."""
    from trapline.cli.job_display import display_job
    from trapline.client import Trapline
    from trapline.wire.jobs import NewJob, Selection

    with Trapline(address, token) as server:
        project, deployment = _ensure_deployment(
            server, f"Images of {images.name}" if images else "Camera 1"
        )
        run = _pull(server, deployment, camera_url, console)
        count = server.list_images(project=project, deployment=str(deployment), limit=1).count
        if not count:
            raise CommandError("The camera had no image that could be imported.")
        with console.status("Waiting for the worker"):
            _wait_for_worker(server, project)
        job = server.create_job(
            NewJob(project=project, pipeline=PIPELINE, selection=Selection(deployment=deployment))
        )
        detail = display_job(server, job.id, console)
        _show_findings(server, project, deployment)
        return _is_complete(run, detail, count, console)


def _ensure_deployment(server: "Trapline", name: str) -> tuple[int, "UUID"]:
    from trapline.wire.deployments import NewDeployment
    from trapline.wire.projects import NewProject

    project = next((it for it in server.list_projects() if it.name == PROJECT), None)
    if project is None:
        project = server.create_project(
            NewProject(name=PROJECT, description="Created by trapline demo.")
        )
    for deployment in server.list_deployments(project.id):
        if deployment.name == name:
            return project.id, deployment.id
    return project.id, server.create_deployment(NewDeployment(project=project.id, name=name)).id


def _pull(server: "Trapline", deployment: "UUID", camera_url: str, console: "Console") -> "PullRun":
    """Poll the camera once; its URL differs in each run of the demo."""
    from trapline.wire.sources import NewSource, PullRunState, SourceSettings

    settings: dict[str, Any] = {
        "base_url": camera_url,
        "max_files_per_run": 0,
        "min_age_s": 0,
        "is_active": True,
    }
    source = next(
        (it for it in server.list_sources().results if it.location_id == deployment), None
    )
    if source is None:
        source = server.create_source(
            NewSource(
                name=f"The demo's camera {str(deployment)[-4:]}", deployment=deployment, **settings
            )
        )
    else:
        source = server.update_source(source.id, SourceSettings(**settings))
    run_id = server.run_source(source.id).run_id
    deadline = time.monotonic() + PULL_WITHIN_S
    with console.status(f"Polling the camera at {camera_url}") as status:
        while True:
            run = server.get_source_run(source.id, run_id)
            if run.state is not PullRunState.RUNNING:
                break
            status.update(
                f"Polling the camera at {camera_url}: {run.imported} of {run.new} new images"
            )
            if time.monotonic() > deadline:
                raise CommandError(f"The camera was not polled within {PULL_WITHIN_S:.0f} s.")
            time.sleep(0.1)
    if run.state is not PullRunState.COMPLETED:
        raise CommandError(f"The camera could not be read: {run.error or run.state}")
    console.print(
        f"The camera listed {run.listed} files: {run.imported} imported, {run.duplicate} "
        f"duplicates, {run.skipped} skipped, {run.failed} failed, "
        f"{run.listed - run.new} listed before."
    )
    return run


def _wait_for_worker(server: "Trapline", project: int) -> None:
    deadline = time.monotonic() + WORKER_WITHIN_S
    while not any(pipeline.slug == PIPELINE for pipeline in server.list_pipelines(project)):
        if time.monotonic() > deadline:
            raise CommandError(
                "The worker did not register its pipeline; see demo.log in the data folder."
            )
        time.sleep(0.2)


def _show_findings(server: "Trapline", project: int, deployment: "UUID") -> None:
    from trapline.cli.output import print_table

    rows: list[tuple[object, ...]] = []
    cursor = None
    while True:
        page = server.list_images(
            project=project, deployment=str(deployment), limit=200, cursor=cursor
        )
        for image in page.results:
            found = ", ".join(f"{box.class_name} {box.confidence:.0%}" for box in image.boxes)
            rows.append(
                (
                    image.filename,
                    f"{image.width} x {image.height}",
                    image.captured_at,
                    found or "nothing",
                )
            )
        cursor = page.next
        if cursor is None:
            break
    print_table(("image", "pixels", "taken", "found"), sorted(rows, key=lambda row: str(row[0])))


def _is_complete(run: "PullRun", job: "JobDetail", count: int, console: "Console") -> bool:
    done = job.progress.completed
    console.print(
        f"{done} of {count} images analysed, {job.annotations} annotations, "
        f"{job.nothing_found} blank."
    )
    return job.status == "completed" and done >= count and run.failed == 0
