"""`trapline token`: API tokens, for people's scripts and for workers."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson
from trapline.wire.auth import CreatedToken, NewToken, TokenKind, TokenScope

if TYPE_CHECKING:
    from trapline.client import Trapline

app = typer.Typer(
    help="Manage API tokens, which authenticate scripts and workers; each is shown once.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("create")
def create(
    *,
    name: Annotated[str, typer.Option(help="Purpose of the token, such as gpu-2.")],
    kind: Annotated[
        TokenKind,
        typer.Option(
            help="user: your permissions. worker: lease tasks, post results. "
            "pipeline: create analyses."
        ),
    ] = (TokenKind.USER),
    project: Annotated[
        list[str] | None,
        typer.Option(help="Only this project (name or ID); may be given several times."),
    ] = None,
    scope: Annotated[
        list[TokenScope] | None,
        typer.Option(
            help="Scope of a user's token; may be given several times. Default: no restriction."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; never by default.")
    ] = None,
    nats: Annotated[
        bool,
        typer.Option(
            "--nats",
            help="Also print credentials that subscribe to hints about tasks over NATS, for a "
            "worker. Requires TRAPLINE_NATS_ACCOUNT_SEED on the server.",
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Create it in this data folder on the server's machine, without signing in.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API token and print it. It is shown only once.

    With a token of yours: `trapline token create --name gpu-2 --kind worker --project "Forest
    edge"`

    With `--nats` the output is also a credentials file of NATS: the token is its first line.

    The first one, on the server's machine: `trapline token create --data /srv/trapline --name me`
    """
    from trapline.cli.output import print_json

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    new = NewToken(name=name, kind=kind, scopes=scope, expires_at=expires_at)
    if nats:
        # Only if it is wanted, because older servers do not know the field.
        new = new.model_copy(update={"nats": True})
    if data is None:
        from trapline.cli.server_session import connect

        with connect() as server:
            projects = _find_projects(server, project)
            created = server.create_token(new.model_copy(update={"projects": projects}))
    else:
        created = asyncio.run(_create_locally(data, new, project))
    if as_json:
        print_json(created)
    else:
        print(created.token)
        if created.nats_credentials is not None:
            print(f"\n{created.nats_credentials}", end="")


@app.command("list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """List your tokens, without their secrets."""
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        tokens = server.list_tokens()
    print_list(
        tokens,
        ("name", "kind", "may", "begins with", "made", "last used", "good until", "id"),
        lambda it: (
            it.name,
            it.kind,
            ", ".join(it.scopes or ()) or "all",
            it.prefix,
            it.created_at,
            it.last_used_at,
            "revoked" if it.revoked_at else it.expires_at,
            it.id,
        ),
        as_json=as_json,
    )


@app.command("revoke")
def revoke(
    token_id: Annotated[
        UUID, typer.Argument(help="The token's id, as `trapline token list` shows it.")
    ],
) -> None:
    """Revoke a token; it is refused from now on."""
    from trapline.cli.server_session import connect

    with connect() as server:
        server.revoke_token(token_id)
    print("Revoked.")


def _find_projects(server: "Trapline", named: list[str] | None) -> list[int] | None:
    from trapline.cli.server_session import resolve_project

    return [resolve_project(server, name).id for name in named] if named else None


async def _create_locally(data: Path, new: NewToken, projects: list[str] | None) -> CreatedToken:
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.local_server import open_local_context
    from trapline.server.accounts.actions.tokens import create_token
    from trapline.server.accounts.queries.accounts import find_first_operator
    from trapline.server.accounts.queries.memberships import list_roles
    from trapline.server.platform.access import Scope

    if projects and not all(project.isdecimal() for project in projects):
        raise CommandError("With --data, name projects by their IDs.", ExitCode.WRONG_USAGE)
    ids = [int(project) for project in projects] if projects else None
    async with open_local_context(data) as system:
        scope = Scope.system("command line")
        if new.kind is TokenKind.USER:
            async with system.database.transaction(scope) as tx:
                owner = await find_first_operator(scope, tx)
                if owner is None:
                    raise CommandError(
                        "No account exists yet: `trapline link` prints the link that creates one."
                    )
                roles, archived = await list_roles(scope, tx, owner.id)
            scope = Scope(
                actor="command line",
                roles=roles,
                archived=archived,
                user_id=owner.id,
                is_operator=True,
            )
        return await create_token(system, scope, new.model_copy(update={"projects": ids}))
