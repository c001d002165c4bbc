"""`trapline worker`: run models on the images that a server has to work on."""

from typing import Annotated

import typer

from trapline.cli.failures import CommandFailed, Exit


def worker(
    pipeline: Annotated[
        list[str] | None,
        typer.Option("--pipeline", "-p", help="A pipeline to run, several times for more; without it, all installed."),
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
    from trapline.worker.pipeline import find_slugs
    from trapline.worker.settings import BadSettings, read_settings

    if list_pipelines:
        for slug in find_slugs():
            print(slug)
        return
    try:
        settings = read_settings(server=server, batch_size=batch_size)
    except BadSettings as error:
        raise CommandFailed(str(error), Exit.WRONG_USAGE) from None

    from trapline.worker.main import CannotStart, SignedOut, run_worker

    try:
        run_worker(settings, pipeline or [], until_idle)
    except CannotStart as error:
        raise CommandFailed(str(error)) from None
    except SignedOut as error:
        raise CommandFailed(str(error), Exit.REFUSED) from None
