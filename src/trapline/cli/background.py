"""`trapline background`: the chores, in a process of their own."""

import typer


def background() -> None:
    """Do the server's background work; `trapline up` does this by itself.

    Any number of these may run beside each other, on any machine that reaches DATABASE_URL and the
    file store.
    """
    from trapline.server.app.main import main

    raise typer.Exit(main(["background"]))
