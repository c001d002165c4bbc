"""`trapline link`: a one-time link that signs a person in."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def link(
    email: Annotated[
        str | None,
        typer.Option(help="E-mail address of the account; by default that of the first owner."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The server's data folder. [TRAPLINE_DATA]")
    ] = None,
) -> None:
    """Print a one-time link that signs a person in; on the server's machine only.

    If no account exists yet, the link creates the owner's account.
    """
    print(asyncio.run(_create_link(email, data)))


async def _create_link(email: str | None, data: Path | None) -> str:
    from trapline.cli.local_server import open_local_context
    from trapline.server.accounts.actions.one_time_links import (
        build_link_url,
        create_first_owner_link,
        create_sign_in_link,
    )

    async with open_local_context(data) as system:
        secret = await create_first_owner_link(system) or await create_sign_in_link(system, email)
        return build_link_url(system, secret)
