"""`trapline user`: accounts, for operators, and one's own sessions and password."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson
from trapline.wire.auth import Role

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.users import User, UserUpdate

app = typer.Typer(
    help=(
        "Manage user accounts: invite, list, deactivate and reset.\n\n"
        "Each person has one account, and a role in each of their projects. "
        "Operators manage accounts. The owner of the first account is an operator."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Named = Annotated[str, typer.Argument(metavar="USER", help="E-mail address or ID of the user.")]


@app.command("invite")
def invite_user(
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="E-mail address of the user; no e-mail is sent.")
    ],
    *,
    name: Annotated[str, typer.Option(help="Name of the user.")] = "",
    project: Annotated[
        list[str] | None, typer.Option(help="A project (name or ID); may be given several times.")
    ] = None,
    role: Annotated[Role, typer.Option(help="Role in the project.")] = Role.VIEWER,
    operator: Annotated[
        bool, typer.Option("--operator", help="Make the user an operator.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create an account and print a link, only once. The user opens it to choose a password.

    Example: `trapline user invite anna@example.org --name Anna --project "Forest edge" --role
    reviewer`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.users import NewMembership, NewUser

    with connect() as server:
        given = [
            NewMembership(project=resolve_project(server, one).id, role=role)
            for one in project or []
        ]
        created = server.invite_user(
            NewUser(email=email, name=name, is_operator=operator, memberships=given)
        )
    if as_json:
        print_json(created)
    else:
        print(created.link.url)


@app.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List all accounts."""
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        users = server.list_users()
    print_list(
        users,
        ("e-mail", "name", "state", "operator", "projects", "last seen", "id"),
        lambda it: (
            it.email,
            it.name,
            it.state,
            it.is_operator,
            ", ".join(f"{one.project_name} ({one.role})" for one in it.memberships),
            it.last_seen_at,
            it.id,
        ),
        as_json=as_json,
    )


@app.command("deactivate")
def deactivate_user(user: Named) -> None:
    """Deactivate an account: its sessions, links and API tokens are revoked permanently."""
    from trapline.wire.users import UserUpdate

    changed = _change(user, UserUpdate(deactivated=True))
    print(f"{changed.email} is deactivated. Its sessions and API tokens are revoked.")


@app.command("reactivate")
def reactivate_user(user: Named) -> None:
    """Reactivate an account with its old password; revoked sessions and tokens stay revoked."""
    from trapline.wire.users import UserUpdate

    changed = _change(user, UserUpdate(deactivated=False))
    print(f"{changed.email} can sign in again.")


@app.command("unlink")
def unlink_user(user: Named) -> None:
    """Remove the OpenID link of an account; the next OpenID sign-in links it again, by e-mail
    address.

    Example: `trapline user unlink anna@example.org`
    """
    from trapline.wire.users import UserUpdate

    changed = _change(user, UserUpdate(is_linked=False))
    print(f"{changed.email} has no OpenID link. The next OpenID sign-in creates a new one.")


@app.command("update")
def change_user(
    user: Named,
    *,
    name: Annotated[str | None, typer.Option(help="Name of the user.")] = None,
    operator: Annotated[
        bool | None,
        typer.Option("--operator/--no-operator", help="Make the user an operator, or not."),
    ] = None,
) -> None:
    """Change the name of a user, or whether the user is an operator."""
    from trapline.wire.users import UserUpdate

    changed = _change(user, UserUpdate(name=name, is_operator=operator))
    print(f"Changed {changed.email}.")


@app.command("reset")
def reset_user(user: Named) -> None:
    """Print a link for choosing a new password, only once. Its use ends the user's sessions."""
    from trapline.cli.server_session import connect

    with connect() as server:
        print(server.create_user_link(_find(server, user).id).url)


@app.command("me")
def show_current_user(
    *,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the account and permissions of your API token, or change your name.

    Example: `trapline user me --name "Anna Berg"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        caller = server.get_caller() if name is None else server.update_current_user(name)
    if as_json:
        print_json(caller)
        return
    print(
        f"{caller.name or caller.email or 'no user'} "
        f"({caller.kind}{', operator' if caller.is_operator else ''})"
    )
    print_table(
        ("project", "role"), [(it.project_name, it.role.value) for it in caller.memberships]
    )


@app.command("sessions")
def list_sessions(*, as_json: AsJson = False) -> None:
    """List the browsers in which you are signed in."""
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        sessions = server.list_sessions()
    print_list(
        sessions,
        ("address", "browser", "since", "last seen", "id"),
        lambda it: (it.address, it.user_agent, it.created_at, it.last_seen_at, it.id),
        as_json=as_json,
    )


@app.command("end-session")
def end_session(
    session: Annotated[
        UUID | None, typer.Argument(help="ID, as shown by `trapline user sessions`.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="End all of them.")] = False,
) -> None:
    """Sign one of your browsers out, or all of them."""
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import connect

    if (session is None) != every:
        raise CommandError("Give either the id of a session, or --all.", ExitCode.WRONG_USAGE)
    with connect() as server:
        if session is None:
            server.end_sessions()
        else:
            server.end_session(session)
    print("Signed out.")


@app.command("password")
def change_password(
    old: Annotated[
        str,
        typer.Option(
            prompt="Present password", hide_input=True, prompt_required=True, help="Asked for."
        ),
    ],
    new: Annotated[
        str,
        typer.Option(
            prompt="New password", hide_input=True, confirmation_prompt=True, help="Asked for."
        ),
    ],
) -> None:
    """Set your password; all your sessions end."""
    from trapline.cli.server_session import connect
    from trapline.wire.auth import PasswordUpdate

    with connect() as server:
        server.change_password(PasswordUpdate(old=old or None, new=new))
    print("Password changed. All your sessions have ended; sign in again.")


def _change(named: str, change: "UserUpdate") -> "User":
    from trapline.cli.server_session import connect

    with connect() as server:
        return server.update_user(_find(server, named).id, change)


def _find(server: "Trapline", named: str) -> "User":
    from trapline.cli.errors import CommandError

    for user in server.list_users():
        if named.lower() in (user.email.lower(), str(user.id)):
            return user
    raise CommandError(f"There is no account {named}. `trapline user list` shows the accounts.")
