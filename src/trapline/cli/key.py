"""`trapline key`: service keys, which sign the callbacks of external pipelines."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.wire.callback_keys import SignatureCheckRequest, SignatureCheckResult

app = typer.Typer(
    help=(
        "Manage the keys that sign requests of external pipelines; each secret is shown once.\n\n"
        "To replace a key without downtime: `create` a second key for the same service, configure "
        "the pipeline with it, check with `list` that it is used, then `revoke` the first key."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("create")
def create_key(
    *,
    service: Annotated[
        str, typer.Option(help="Processing service that uses the key, such as deer-net.")
    ],
    project: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or ID of a project in which the key is valid; may be given several times."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name shown in lists.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create a service key and print it as two lines for the service's environment. It is shown
    only once.

    Example: `trapline key create --project "Forest edge" --service deer-net`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.callback_keys import NewCallbackKey

    with connect() as server:
        names: list[str | None] = [*project] if project else [None]
        ids = [resolve_project(server, named).id for named in names]
        created = server.create_callback_key(
            NewCallbackKey(projects=ids, service=service, name=name)
        )
    if as_json:
        print_json(created)
    else:
        print(f"CALLBACK_KEY_ID={created.key_id}\nCALLBACK_KEY_SECRET={created.secret}")


@app.command("list")
def list_keys(
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """List the service keys of a project, without their secrets.

    Example: `trapline key list --project "Forest edge"`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        keys = server.list_callback_keys(resolve_project(server, project).id)
    print_list(
        keys,
        ("key", "service", "name", "projects", "made", "last used", "revoked"),
        lambda it: (
            it.key_id,
            it.service,
            it.name,
            ", ".join(map(str, it.projects)),
            it.created_at,
            it.last_used_at,
            it.revoked_at,
        ),
        as_json=as_json,
    )


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key, as `trapline key list` shows it.")],
) -> None:
    """Revoke a service key; its signatures are refused from now on.

    Example: `trapline key revoke tlk_0123456789abcdef`
    """
    from trapline.cli.errors import CommandError
    from trapline.cli.server_session import connect

    with connect() as server:
        found = [it for it in server.list_callback_keys() if key in (it.key_id, str(it.id))]
        if not found:
            raise CommandError(
                f"There is no key {key} in your projects. `trapline key list` shows them."
            )
        server.revoke_callback_key(found[0].id)
    print("Revoked.")


@app.command("check")
def check_signature(
    *,
    request: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help="A file with the raw HTTP request; - is standard input.",
        ),
    ] = Path("-"),
    project: InProject = None,
    signed: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="File with the message that your program signed, to find the first difference.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which part of a request's signature is wrong. Requires the owner role. Nothing is
    stored or changed.

    The request begins with its line, then come the headers, an empty line, and the body to its last
    byte:

        PATCH /api/analyses/01890a5d-ac96-774b-bcce-b302099a8057/status HTTP/1.1
        X-ML-Key-Id: tlk_0123456789abcdef
        X-ML-Timestamp: 1767225600
        X-ML-Nonce: 00112233445566778899aabbccddeeff
        X-ML-Signature: v2=...

        {"status": "processing"}

    Exit code 0 if the signature is valid, 1 if it is not.

    Example: `trapline key check refused.http --project 7`
    """
    from trapline.cli.errors import ExitCode
    from trapline.cli.output import print_json
    from trapline.cli.raw_request import parse_request
    from trapline.cli.server_session import connect, resolve_project

    message = None if signed is None else signed.read_bytes().decode("utf-8", "backslashreplace")
    content = sys.stdin.buffer.read() if request == Path("-") else request.read_bytes()
    with connect() as server:
        check_request = parse_request(content, resolve_project(server, project).id, message)
        result = server.check_signature(check_request)
    if as_json:
        print_json(result)
    else:
        _print_check(check_request, result)
    if not result.valid:
        raise typer.Exit(ExitCode.NOT_DONE)


def _print_check(check_request: "SignatureCheckRequest", result: "SignatureCheckResult") -> None:
    for part in result.parts:
        print(f"{'ok ' if part.valid else 'NO '} {part.component}: {part.message}")
    print("The signature is valid." if result.valid else "The signature is not valid.")
    if result.expected_message is None or result.valid:
        return
    print(f"\nThe message to sign:\n{result.expected_message}")
    if result.first_difference is not None and check_request.signed_message is not None:
        offset = result.first_difference
        expected = result.expected_message.encode()[offset : offset + 1]
        actual = check_request.signed_message.encode()[offset : offset + 1]
        print(
            f"\nYour message differs from byte {offset + 1}: expected {expected!r}, "
            f"signed {actual!r}."
        )
    elif check_request.signed_message is not None:
        print(
            "\nYour message is correct. Either the secret differs, or the digest is not an "
            "HMAC-SHA256 in hex."
        )
