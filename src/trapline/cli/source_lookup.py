"""The pull sources that a command can name."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.sources import Source


def resolve_source(server: "Trapline", project: str | None, named: str) -> "Source":
    """Return the source with this name or ID.

    Raises:
        CommandError: there is no such source; the message lists the names that exist.
    """
    from trapline.cli.errors import CommandError

    sources = list_all_sources(server, project)
    for source in sources:
        if named in (source.name, str(source.id)):
            return source
    names = ", ".join(source.name for source in sources) or "none yet"
    raise CommandError(f"There is no pull source {named}. Sources: {names}.")


def list_all_sources(server: "Trapline", project: str | None) -> "list[Source]":
    """List the sources of a project, or of all projects of the token, page by page."""
    from trapline.cli.server_session import resolve_project

    chosen = resolve_project(server, project).id if project else None
    sources: list[Source] = []
    cursor = None
    while True:
        page = server.list_sources(project=chosen, limit=1000, cursor=cursor)
        sources += page.results
        cursor = page.next
        if cursor is None:
            return sources
