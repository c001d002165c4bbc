"""`trapline worker`: run models on queued images, list pipelines and workers, evict a worker."""

from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.errors import CommandError, ExitCode
from trapline.cli.options import AsJson
from trapline.cli.worker_supervisor import START_ERROR_CODE, run_in_child
from trapline.worker.device_list import GpuCountError, parse_devices

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.workers import Worker
    from trapline.worker.pipeline_catalogue import CatalogueEntry

HELP = """Lease images from a server, run pipelines over them, and post what they find.

    trapline worker --pipeline animal-detector

`trapline worker pipelines` lists the installed pipelines. TRAPLINE_TOKEN is the API token of the
worker. On SIGTERM or Ctrl-C the worker ends within ten seconds. It immediately returns to the queue
the images that it has not begun; nothing is lost. The exit code is 4 if the server refuses the
token or a person evicted the worker.

The model runs in a separate process. If it hangs, the process is restarted and its batch is
retried. The time limit of a batch is 20 times its expected time, and at least
TRAPLINE_MODEL_TIMEOUT seconds. The first batch has one image and may take
TRAPLINE_MODEL_START_TIMEOUT seconds.

`--devices auto` starts one process for each GPU. Each process is a separate worker. A process that
ends too early is started again after a pause of 1 to 60 seconds. It is not started again if a
person must act first, for example install a package. `cuda:0` is the GPU with the number 0 in
`nvidia-smi`; CUDA_DEVICE_ORDER=FASTEST_FIRST numbers GPUs by speed.

`--metrics 127.0.0.1:9100` serves metrics for Prometheus.

With a token of a user, list all workers, or evict a faulty worker and revoke its leases:

    trapline worker list
    trapline worker evict 0197d3a0
"""

app = typer.Typer(
    help=HELP, invoke_without_command=True, add_completion=False, rich_markup_mode="markdown"
)

SHORT = 13
"""The number of characters shown of an ID: they encode its registration time to 1 ms."""


@app.callback()
def run(
    context: typer.Context,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline",
            "-p",
            help="Pipeline to run; may be given several times. "
            "Default: all that do not require --pipeline.",
        ),
    ] = None,
    server: Annotated[str | None, typer.Option(help="URL of the server. [TRAPLINE_SERVER]")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images per batch. [TRAPLINE_BATCH_SIZE]")
    ] = None,
    until_idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End after this time without a task.")
    ] = None,
    allow_cpu: Annotated[
        bool | None,
        typer.Option(
            "--allow-cpu",
            help="Use the CPU if TRAPLINE_DEVICE cannot be used, and report it. "
            "[TRAPLINE_ALLOW_CPU]",
        ),
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICES",
            help="One worker process for each of these devices: cpu, cuda:0,cuda:1, or auto for "
            "every GPU. Default: one process on TRAPLINE_DEVICE.",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve metrics for Prometheus at /metrics; further devices use the next ports. "
            "[TRAPLINE_METRICS]",
        ),
    ] = None,
    list_pipelines: Annotated[
        bool,
        typer.Option("--list", help="List the pipelines that do not require --pipeline, and exit."),
    ] = False,
) -> None:
    """Run a worker if no command is given."""
    if context.invoked_subcommand is not None:
        return
    number, processes = 0, 1
    if not list_pipelines:
        try:
            named = parse_devices(devices) if devices is not None else ()
            processes = len(named) or 1
            number = run_in_child(named)
        except ValueError as error:
            raise CommandError(f"--devices: {error}", ExitCode.WRONG_USAGE) from None
        except GpuCountError as error:
            raise CommandError(f"--devices: {error}") from None
    # Imported here, because the models and image libraries take a second to import.
    from trapline.worker.pipeline import list_default_slugs
    from trapline.worker.settings import WorkerSettingsError, load_settings

    if list_pipelines:
        for slug in list_default_slugs():
            print(slug)
        return
    try:
        settings = load_settings(
            number,
            processes,
            server=server,
            batch_size=batch_size,
            allow_cpu=allow_cpu,
            metrics=metrics,
        )
    except WorkerSettingsError as error:
        raise CommandError(str(error), ExitCode.WRONG_USAGE) from None

    from trapline.worker.main import StartupError, WorkerRejected, WorkerThreadError, run_worker

    try:
        run_worker(settings, pipeline or [], until_idle)
    except StartupError as error:
        code = START_ERROR_CODE if error.is_permanent else ExitCode.NOT_DONE
        raise CommandError(str(error), code) from None
    except WorkerThreadError as error:
        raise CommandError(str(error)) from None
    except WorkerRejected as error:
        raise CommandError(str(error), ExitCode.REFUSED) from None


@app.command("list")
def list_workers(
    *,
    project: Annotated[
        str | None, typer.Option("--project", help="Name or ID; without it, all projects.")
    ] = None,
    ended: Annotated[
        bool, typer.Option("--ended", help="Include evicted, replaced and stopped workers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the workers of the last day with their state, leases, speed, device and memory.

    Example: `trapline worker list --project "Forest edge" --ended`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        within = resolve_project(server, project).id if project is not None else None
        workers = server.list_workers(within, ended=ended)
    print_list(
        workers,
        (
            "id",
            "worker",
            "service",
            "state",
            "holds",
            "jobs",
            "done",
            "images/s",
            "version",
            "devices",
            "batch",
            "loaded in",
            "free memory",
            "last seen",
        ),
        lambda it: (
            str(it.id)[:SHORT],
            it.name,
            it.service,
            _format_state(it),
            it.leases,
            ", ".join(str(held.job_id) for held in it.jobs),
            it.completed,
            it.images_per_s,
            it.version,
            _format_devices(it),
            it.report.batch_size if it.report else None,
            _format_load_time(it),
            _format_free_memory(it),
            it.last_contact_at,
        ),
        as_json=as_json,
    )


@app.command("pipelines")
def list_pipelines(*, as_json: AsJson = False) -> None:
    """List the installed pipelines with their classes, downloads, licences and requirements.

    Example: `trapline worker pipelines`
    """
    from dataclasses import asdict

    from trapline.cli.output import print_json, print_table
    from trapline.worker.pipeline_catalogue import list_catalogue
    from trapline.worker.settings import get_model_cache

    entries = list_catalogue(get_model_cache())
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    print_table(
        ("pipeline", "finds", "licence of the model", "download", "required steps"),
        [
            (
                entry.slug,
                entry.finds,
                ", ".join(entry.licences),
                "downloaded" if entry.here else _format_size(entry.download_bytes),
                _format_missing_steps(entry),
            )
            for entry in entries
        ],
    )
    named = [entry.slug for entry in entries if entry.only_when_named]
    if named:
        print(f"\nThese run only if --pipeline names them: {', '.join(named)}")


@app.command("evict")
def evict_worker(
    worker: Annotated[
        str, typer.Argument(metavar="ID", help="ID, or the beginning of it as `list` shows it.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Refuse a worker from now on, and return its images to the queue.

    Other workers can lease them immediately. A worker that made contact in the last 60 s keeps the
    images that it has begun, and its finished results are accepted. Its process ends. Its API token
    stays valid: a process that is started again is another worker. Requires a manager of every
    project that it works for, or the person whose token it uses.

    Example: `trapline worker evict 0197d3a0-5f1e`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        evicted = server.evict_worker(_find_worker(server, worker).id)
    if as_json:
        print_json(evicted)
        return
    images = "1 image is" if evicted.revoked == 1 else f"{evicted.revoked} images are"
    print(f"{evicted.worker.name} is evicted; {images} queued again.")


def _find_worker(server: "Trapline", wanted: str) -> "Worker":
    found = [
        worker
        for worker in server.list_workers(ended=True)
        if str(worker.id).startswith(wanted.lower())
    ]
    if not found:
        raise CommandError(f"there is no worker {wanted}; `trapline worker list` shows them")
    if len(found) > 1:
        names = ", ".join(f"{worker.id} ({worker.name})" for worker in found)
        raise CommandError(
            f"the IDs of several workers begin with {wanted}: {names}", ExitCode.WRONG_USAGE
        )
    return found[0]


def _format_state(worker: "Worker") -> str:
    if worker.ended_why == "evicted":
        return f"evicted by {worker.ended_by}"
    return worker.ended_why or ("online" if worker.online else "silent")


def _format_devices(worker: "Worker") -> str:
    provider = worker.report.provider if worker.report else ""
    return ", ".join(worker.devices) + (f" ({provider})" if provider else "")


def _format_load_time(worker: "Worker") -> str:
    seconds = worker.report.model_load_s if worker.report else None
    return "" if seconds is None else f"{seconds:.1f} s"


def _format_free_memory(worker: "Worker") -> str:
    if worker.report is None:
        return ""
    parts = {"": worker.report.free_memory, "GPU ": worker.report.free_device_memory}
    return ", ".join(
        f"{name}{size / 1e9:.1f} GB" for name, size in parts.items() if size is not None
    )


def _format_size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:.1f} MB"


def _format_missing_steps(entry: "CatalogueEntry") -> str:
    steps = [f"pip install '{entry.install}'"] if entry.install else []
    if entry.to_accept:
        steps.append(f"TRAPLINE_ACCEPT_LICENCES={','.join(entry.to_accept)}")
    return "; ".join(steps)
