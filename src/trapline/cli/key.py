"""`trapline key`: service keys, which sign the callbacks of outside pipelines."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Service keys sign what outside pipelines say; each secret is shown once.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.command("create")
def create_key(
    *,
    service: Annotated[str, typer.Option(help="The processing service that signs with it, such as deer-net.")],
    project: Annotated[
        list[str] | None,
        typer.Option(help="A project (name or id) that it is good for; may be given several times."),
    ] = None,
    name: Annotated[str, typer.Option(help="What it is called in lists.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a service key and print it as two lines for the service's environment, this once.

    Example: `trapline key create --project "Forest edge" --service deer-net`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import get_project, open_server
    from trapline.wire.callback_keys import NewCallbackKey

    with open_server() as server:
        wanted: list[str | None] = [*project] if project else [None]
        ids = [get_project(server, named).id for named in wanted]
        made = server.make_callback_key(NewCallbackKey(projects=ids, service=service, name=name))
    if as_json:
        print_json(made)
    else:
        print(f"CALLBACK_KEY_ID={made.key_id}\nCALLBACK_KEY_SECRET={made.secret}")


@app.command("list")
def list_keys(
    *,
    project: Annotated[str | None, typer.Option(help="Name or id; not needed if you have one project.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the service keys that are good for a project; their secrets are never shown again.

    Example: `trapline key list --project "Forest edge"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import get_project, open_server

    with open_server() as server:
        keys = server.list_callback_keys(get_project(server, project).id)
    if as_json:
        print_json(keys)
        return
    print_table(
        ("key", "service", "name", "made", "last used", "revoked"),
        [(it.key_id, it.service, it.name, it.created_at, it.last_used_at, it.revoked_at) for it in keys],
    )


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key, as `trapline key list` shows it.")],
) -> None:
    """Revoke a service key; what it signs is refused from now on.

    Example: `trapline key revoke tlk_0123456789abcdef`
    """
    from trapline.cli.failures import CommandFailed
    from trapline.cli.server import open_server

    with open_server() as server:
        found = [it for it in server.list_callback_keys() if key in (it.key_id, str(it.id))]
        if not found:
            raise CommandFailed(f"There is no key {key} in your projects. `trapline key list` shows them.")
        server.revoke_callback_key(found[0].id)
    print("Revoked.")
