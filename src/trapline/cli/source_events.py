"""`trapline source events`: the secret that a server signs with when it tells of new files."""

from typing import Annotated

import typer

from trapline.cli.options import AsJson


def source_events(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Its name or id.")],
    *,
    project: Annotated[
        str | None, typer.Option("--project", help="Name or id; not needed if you have one.")
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new secret; the old one holds for a day.")
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="Take no events any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a server tell a source of new files, and print the address and the secret to sign with,
    this once. It wants an owner.

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
            print("No events are taken any more.")
            return
        if found.has_event_secret and not rotate:
            raise CommandError(
                f"{found.name} has a secret, which is never shown again. --rotate makes a new one; the old one then "
                "holds for another day. Nothing was changed."
            )
        made = server.create_event_secret(found.id)
        address = f"{server.root}/image-pull-sources/{found.id}/events"
    if as_json:
        print_json({"address": address, **made.model_dump(mode="json")})
    else:
        print(f"EVENTS_URL={address}\nEVENTS_SECRET={made.secret}")
