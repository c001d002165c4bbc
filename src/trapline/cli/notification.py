"""`trapline notification`: your subscriptions to e-mails."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.wire.notices import Notice

app = typer.Typer(
    help=(
        "Subscribe to e-mail about silent cameras, failing sources and jobs, and detected "
        "classes.\n\n"
        "Events are combined into at most one e-mail of each kind per 15 minutes. "
        "See docs/how-to/configure-email-notifications.md."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("add")
def create_notice(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="deployment_silent, source_silent, job_failed or class_seen."
        ),
    ],
    *,
    project: InProject = None,
    hours: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=2160,
            help="Hours without an image until it counts as silent; default: 72 for deployments, "
            "24 for sources.",
        ),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="The class, for class_seen.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Minimum confidence.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Subscribe to e-mails of a kind. A subscription of the same kind and class is changed.

    Example: `trapline notification add class_seen --class lynx --confidence 0.8`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.notices import NewNotice, NoticeKind

    if kind not in list(NoticeKind):
        raise CommandError(
            f"There is no notice {kind}. There are: {', '.join(NoticeKind)}.", ExitCode.WRONG_USAGE
        )
    with connect() as server:
        created = server.create_notice(
            NewNotice(
                project=resolve_project(server, project).id,
                kind=NoticeKind(kind),
                silent_for_h=hours,
                class_name=class_name,
                confidence_min=confidence,
            )
        )
    if as_json:
        print_json(created)
    else:
        print(f"Subscribed: {created.kind.value}{_format_condition(created)}")


@app.command("list")
def list_notices(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it, all your projects.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List your e-mail subscriptions and the state of their last e-mails.

    Example: `trapline notification list`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        project_id = resolve_project(server, project).id if project else None
        found = server.list_notices(project=project_id, limit=1000)
    if as_json:
        print_json(found.results)
        return
    if not found.can_be_sent:
        print("This server sends no e-mail. Its operator can set TRAPLINE_SMTP_URL.")
    print_table(
        ("notice", "project", "kind", "when", "last e-mail", "trouble"),
        [
            (
                str(it.id),
                it.project,
                it.kind.value,
                _format_condition(it).strip(),
                it.last_sent_at,
                it.last_error or "",
            )
            for it in found.results
        ],
    )


@app.command("delete")
def delete_notice(
    notice: Annotated[UUID, typer.Argument(help="ID, as shown by `list`.")],
) -> None:
    """End a subscription; e-mails that are not sent yet are dropped.

    Example: `trapline notification delete 0190f0aa-0000-7000-8000-000000000000`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.delete_notice(notice)
    print("Ended.")


@app.command("test")
def send_test_email(*, as_json: AsJson = False) -> None:
    """Send yourself a test e-mail and report the result. Exit code 1 if it was not sent.

    Example: `trapline notification test`
    """
    from trapline.cli.errors import ExitCode
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        done = server.send_test_email()
    if as_json:
        print_json(done)
    else:
        print(
            f"The mail server accepted the e-mail to {done.address}."
            if done.sent
            else f"Not sent: {done.error}."
        )
    if not done.sent:
        raise typer.Exit(ExitCode.NOT_DONE)


def _format_condition(notice: "Notice") -> str:
    if notice.silent_for_h is not None:
        return f" (no image for {notice.silent_for_h} h)"
    if notice.class_name is not None:
        return f" ({notice.class_name}, from {notice.confidence_min or 0:g} on)"
    return ""
