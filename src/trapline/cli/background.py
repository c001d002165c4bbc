"""`trapline background`: run background tasks in a separate process."""

import typer


def background() -> None:
    """Run the server's background tasks; `trapline up` does this automatically.

    Any number of these processes may run at the same time, on any machine that can reach
    DATABASE_URL and the file store.
    """
    from trapline.server.app.main import main

    raise typer.Exit(main(["background"]))
