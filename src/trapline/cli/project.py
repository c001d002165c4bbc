"""`trapline project`: create, list and change projects, and show their audit log."""

from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.options import AsJson
from trapline.wire.auth import Role

if TYPE_CHECKING:
    from trapline.wire.audit import AuditEntry
    from trapline.wire.public_projects import PublicPreview

app = typer.Typer(
    help="Create and manage projects, and the roles of users in them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

SHOWN_DETAILS = 100


@app.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help='Such as "Forest edge".')],
    *,
    description: Annotated[str, typer.Option(help="Purpose of the project.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create a project; you become its owner.

    Example: `trapline project create "Forest edge"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect
    from trapline.wire.projects import NewProject

    with connect() as server:
        project = server.create_project(NewProject(name=name, description=description))
    if as_json:
        print_json(project)
    else:
        print(f"Created project {project.id}: {project.name}")


@app.command("list")
def list_projects(*, as_json: AsJson = False) -> None:
    """List your projects."""
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        projects = server.list_projects()
    print_list(
        projects,
        ("id", "name", "role", "images", "made"),
        lambda it: (str(it.id), it.name, it.role or "token", it.images, it.created_at),
        as_json=as_json,
    )


@app.command("summary")
def show_summary(
    project: Annotated[int, typer.Argument(help="Number.")],
    *,
    days: Annotated[int, typer.Option(min=1, help="Number of days, the latest first.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Show counts of images and classes, by deployment and by day.

    Example: `trapline project summary 1`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        summary = server.get_summary(project)
    if as_json:
        print_json(summary)
        return
    print(f"{summary.images:,} images, {summary.blank:,} of them blank")
    if summary.without_camera_time:
        print(
            f"{summary.without_camera_time:,} images have the time of their file, "
            "because no camera time was read."
        )
    if summary.is_behind:
        print("Some changes of the last seconds are not counted yet.")
    print_table(("class", "images"), [(one.class_name, one.images) for one in summary.classes])
    print_table(("deployment", "images"), [(one.name, one.images) for one in summary.deployments])
    print_table(
        ("day", "images", "blank"),
        [(str(one.day), one.images, one.blank) for one in summary.days[:days]],
    )


@app.command("members")
def list_members(
    project: Annotated[
        str | None, typer.Argument(help="Name or ID; not needed if you have one project.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the members of a project with their roles."""
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        members = server.list_members(resolve_project(server, project).id)
    print_list(
        members,
        ("name", "e-mail", "role", "state", "since", "id"),
        lambda it: (it.name, it.email, it.role, it.state, it.created_at, str(it.user_id)),
        as_json=as_json,
    )


@app.command("add-member")
def set_member_role(
    project: Annotated[str, typer.Argument(help="Name or ID.")],
    email: Annotated[str, typer.Argument(help="E-mail address of a user with an account.")],
    role: Annotated[
        Role, typer.Argument(help="Each role includes the permissions of the roles before it.")
    ],
) -> None:
    """Add a user to a project with a role, or change the role. Requires the owner role.

    Example: `trapline project add-member "Forest edge" anna@example.org reviewer`
    """
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.users import MemberUpdate, NewMember

    with connect() as server:
        number = resolve_project(server, project).id
        known = {it.email.lower(): it.user_id for it in server.list_members(number) if it.email}
        if (user := known.get(email.lower())) is not None:
            server.update_member(number, user, MemberUpdate(role=role))
        else:
            server.add_member(number, NewMember(email=email, role=role))
    print(f"{email} is {role} of {project}.")


@app.command("remove-member")
def remove_member(
    project: Annotated[str, typer.Argument(help="Name or ID.")],
    email: Annotated[
        str,
        typer.Argument(help="E-mail address of the member; with your own you leave the project."),
    ],
) -> None:
    """Remove a member from a project; the last owner cannot be removed."""
    from trapline.cli.errors import CommandError
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        number = resolve_project(server, project).id
        for member in server.list_members(number):
            if member.email is not None and member.email.lower() == email.lower():
                server.remove_member(number, member.user_id)
                print(f"{email} has no role in {project} any longer.")
                return
        raise CommandError(f"{email} has no role in {project}.")


@app.command("update")
def change_project(
    project: Annotated[str, typer.Argument(help="Name or ID.")],
    *,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    description: Annotated[str | None, typer.Option(help="Purpose of the project.")] = None,
    sequence_gap: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=86_400,
            help="Maximum gap between images of a sequence, in seconds; images are regrouped.",
        ),
    ] = None,
    automatic: Annotated[
        str | None, typer.Option(help="Slug of the pipeline that analyses each new image.")
    ] = None,
    archived: Annotated[
        bool | None,
        typer.Option(
            "--archive/--unarchive",
            help="Archive the project: it becomes read-only and its sources pause.",
        ),
    ] = None,
    public: Annotated[
        bool | None,
        typer.Option(
            "--public/--private",
            help="Publish the project, readable without an account; images of people are withheld.",
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            help="Shape that people draw on the page: box, point or polygon; can be repeated."
        ),
    ] = None,
) -> None:
    """Change a project: its settings, whether it is archived, and whether it is public."""
    from trapline.cli.errors import CommandError
    from trapline.cli.server_session import connect
    from trapline.wire.projects import ProjectUpdate

    given = {
        "name": name,
        "description": description,
        "archived": archived,
        "public": public,
        "sequence_gap_s": sequence_gap,
        "automatic_pipeline": automatic,
        "shapes": shape,
    }
    with connect() as server:
        for found in server.list_projects():
            if project in (found.name, str(found.id)):
                change = ProjectUpdate.model_validate(
                    {key: value for key, value in given.items() if value is not None}
                )
                changed = server.update_project(found.id, change)
                print(f"Changed project {found.id}: {changed.name}")
                if public is not None:
                    print(
                        f"Anyone can view it at /public/{found.id}."
                        if changed.public
                        else "Only members can view it."
                    )
                if changed.public and public:
                    _print_preview(server.get_public_preview(found.id))
                return
    raise CommandError(f"There is no project {project}.")


def _print_preview(preview: "PublicPreview") -> None:
    from trapline.cli.output import print_table

    of = (
        f"the newest {preview.images:,} images"
        if preview.images_is_estimate
        else f"{preview.images:,} images"
    )
    print(f"Of {of}, {preview.shown:,} are shown and {preview.hidden:,} hidden.")
    if preview.unknown_classes:
        print("Images with these classes are hidden, because they are not known animals.")
        print("Map the classes to taxa to show their images.")
        print_table(
            ("class", "images"), [(one.class_name, one.images) for one in preview.unknown_classes]
        )


@app.command("delete")
def delete_project(
    project: Annotated[str, typer.Argument(help="Name or ID.")],
    *,
    name: Annotated[
        str,
        typer.Option(prompt="Its name again, to delete it with all its images", help="Asked for."),
    ],
) -> None:
    """Delete a project. It can be restored for a limited time, and is then purged with all its
    data.
    """
    from trapline.cli.output import format_value
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        deleted = server.delete_project(resolve_project(server, project).id, name)
    print(
        f"Deleted. You can restore it until {format_value(deleted.purge_after)}: "
        f"trapline project restore {deleted.id}"
    )


@app.command("restore")
def restore_project(
    project: Annotated[
        int | None, typer.Argument(help="ID; without it, list the projects that can be restored.")
    ] = None,
) -> None:
    """Restore a deleted project, or list the deleted projects."""
    from trapline.cli.output import print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        if project is None:
            found = server.list_deleted_projects()
            print_table(
                ("id", "name", "images", "deleted", "gone after"),
                [(str(it.id), it.name, it.images, it.deleted_at, it.purge_after) for it in found],
            )
            return
        print(f"Restored project {project}: {server.restore_project(project).name}")


@app.command("audit")
def show_audit(
    project: Annotated[
        str | None, typer.Argument(help="Name or ID; not needed if you have one project.")
    ] = None,
    *,
    actor: Annotated[
        str | None, typer.Option(help="Only entries of this actor: the `actor_id` of --json.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this action, such as change or download.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Only entries about this kind of object, such as job or source."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Earliest day, such as 2026-05-01.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Maximum number of entries, the newest first.", min=1)
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """List changes in a project, and downloads of originals and exports, newest first. Requires
    the owner role.

    Example: `trapline project audit "Forest edge" --action download --since 2026-05-01`
    """
    from itertools import islice

    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project
    from trapline.cli.timestamps import parse_timestamp
    from trapline.client import iterate

    filters = {
        "actor": actor,
        "action": action,
        "kind": kind,
        "since": parse_timestamp("--since", since),
    }
    with connect() as server:
        within = resolve_project(server, project).id
        found = list(
            islice(
                iterate(server.list_audit, project=within, **filters, limit=min(limit, 500)), limit
            )
        )
    if as_json:
        print_json(found)
        return
    print_table(
        ("at", "who", "did", "what", "from", "details"),
        [
            (
                it.at,
                it.actor,
                it.action,
                f"{it.kind} {it.subject_id}",
                it.address,
                _format_details(it),
            )
            for it in found
        ],
    )
    if len(found) == limit:
        print(f"These are the newest {limit:,}; --limit shows more.")


def _format_details(entry: "AuditEntry") -> str:
    """Format the details of an entry as one line."""
    from trapline.cli.parameters import format_parameters

    text = format_parameters(entry.details)
    return text if len(text) <= SHOWN_DETAILS else f"{text[: SHOWN_DETAILS - 2]}.."
