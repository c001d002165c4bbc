"""`trapline worker`: run models on the images that a server has to work on."""

from typing import Annotated, NoReturn

import typer


def worker(
    pipeline: Annotated[
        list[str] | None, typer.Option("--pipeline", "-p", help="A pipeline to run; may be given several times.")
    ] = None,
    server: Annotated[str | None, typer.Option(help="The server's address. [TRAPLINE_SERVER]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures at a time. [TRAPLINE_BATCH_SIZE]")] = None,
    until_idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End when no task has come for so long.")
    ] = None,
    list_pipelines: Annotated[bool, typer.Option("--list", help="List the installed pipelines and end.")] = False,
) -> None:
    """Lease images from a server, run pipelines over them, and post what they find.

    Signs in with TRAPLINE_TOKEN. Ends on SIGTERM or Ctrl-C within ten seconds; nothing is lost.
    """
    # Models and image libraries take a second to import; other commands must not wait for them.
    try:
        from trapline.worker.pipeline import find_slugs
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is not installed: install trapline with its worker extra, trapline[worker]")
    from trapline.worker.settings import BadSettings, read_settings

    if list_pipelines:
        for slug in find_slugs():
            print(slug)
        return
    try:
        settings = read_settings(server=server, batch_size=batch_size)
    except BadSettings as error:
        _fail(str(error))
    if not pipeline:
        _fail(f"name at least one pipeline, with --pipeline SLUG; installed are {', '.join(find_slugs())}")

    from trapline.worker.main import CannotStart, SignedOut, run_worker

    try:
        run_worker(settings, pipeline, until_idle)
    except (CannotStart, SignedOut) as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
