"""`trapline source events`: the secret with which a server signs its messages of new files."""

from typing import Annotated

import typer

from trapline.cli.options import AsJson


def source_events(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Name or ID of the source.")],
    *,
    project: Annotated[
        str | None, typer.Option("--project", help="Name or ID; optional if you have one project.")
    ] = None,
    rotate: Annotated[
        bool,
        typer.Option("--rotate", help="Create a new secret; the old one is valid for another day."),
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="Stop accepting events.")] = False,
    as_json: AsJson = False,
) -> None:
    """Accept events of new files from a server; print their URL and signing secret once.

    Requires the owner role.

    Example: `trapline source events "Old oak"`
    """
    from trapline.cli.errors import CommandError
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect
    from trapline.cli.source_lookup import resolve_source

    with connect() as server:
        found = resolve_source(server, project, source)
        if end:
            server.delete_event_secret(found.id)
            print("Events are no longer accepted.")
            return
        if found.has_event_secret and not rotate:
            raise CommandError(
                f"{found.name} already has a secret, which cannot be shown again. Nothing was "
                "changed. Create a new secret with --rotate; the old one is valid for another day."
            )
        created = server.create_event_secret(found.id)
        address = f"{server.root}/image-pull-sources/{found.id}/events"
    if as_json:
        print_json({"address": address, **created.model_dump(mode="json")})
    else:
        print(f"EVENTS_URL={address}\nEVENTS_SECRET={created.secret}")
