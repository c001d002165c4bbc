"""`trapline webhook`: URLs that receive the events of a project."""

import sys
from datetime import UTC
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.webhooks import Delivery, EventType, Webhook

app = typer.Typer(
    help=(
        "Manage webhooks, which send the events of a project to your programs: jobs, analyses, "
        "images, sources, workers.\n\n"
        "Each call is signed by the Standard Webhooks convention; docs/how-to/receive-webhooks.md "
        "has a receiver."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Named = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Name, URL or ID.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        help="A type such as job.completed, or a beginning such as job; may be given several "
        "times.",
    ),
]


Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only entries at or after this day or time.")
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only entries before this day or time.")
]


@app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="URL that receives the events.")],
    *,
    project: InProject = None,
    name: Annotated[str, typer.Option(help="Name shown in lists.")] = "",
    event: Events = None,
    analyses_of_jobs: Annotated[
        bool, typer.Option(help="Also send an event for each analysis of a job.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a webhook and print its signing secret once.

    Example: `trapline webhook add https://station.example/hook --event job --event source.failing`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.webhooks import NewWebhook

    types = _parse_types(event)
    with connect() as server:
        created = server.create_webhook(
            NewWebhook(
                project=resolve_project(server, project).id,
                url=url,
                name=name,
                event_types=types,
                analyses_of_jobs=analyses_of_jobs,
            )
        )
    if as_json:
        print_json(created)
    else:
        print(f"WEBHOOK_ID={created.id}\nWEBHOOK_SECRET={created.secret}")


@app.command("list")
def list_webhooks(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it, all your projects.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List webhooks with their waiting and abandoned deliveries, and report a NATS server that
    cannot be reached.

    Example: `trapline webhook list`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, list_in_project

    with connect() as server:
        found = list_in_project(server, server.list_webhooks, project)
        nats = server.list_webhooks(limit=1).nats
    if nats is not None and nats.failing_since is not None:
        print(
            f"NATS: failing since {nats.failing_since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: "
            f"{nats.error}. "
            "Events wait for a day and are published when it accepts them.",
            file=sys.stderr,
        )
    print_list(
        found,
        ("webhook", "name", "address", "events", "waiting", "failed", "state"),
        lambda it: (
            str(it.id),
            it.name,
            it.url,
            ", ".join(it.event_types) or "all",
            it.waiting,
            it.failed,
            _format_state(it),
        ),
        as_json=as_json,
    )


@app.command("update")
def change_webhook(
    webhook: Named,
    *,
    url: Annotated[str | None, typer.Option(help="New URL.")] = None,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    event: Events = None,
    analyses_of_jobs: Annotated[
        bool | None, typer.Option(help="Also send an event for each analysis of a job.")
    ] = None,
    on: Annotated[
        bool | None,
        typer.Option("--on/--off", help="Enable or disable it; waiting deliveries are kept."),
    ] = None,
) -> None:
    """Change a webhook; options that are not given stay the same.

    Example: `trapline webhook update station --on`
    """
    from trapline.cli.server_session import connect
    from trapline.wire.webhooks import WebhookUpdate

    given = {
        "url": url,
        "name": name,
        "event_types": _parse_types(event) if event else None,
        "analyses_of_jobs": analyses_of_jobs,
        "is_active": on,
    }
    change = WebhookUpdate.model_validate(
        {key: value for key, value in given.items() if value is not None}
    )
    with connect() as server:
        changed = server.update_webhook(_get_webhook(server, webhook).id, change)
    print(f"{changed.name or changed.url}: {_format_state(changed)}")


@app.command("deliveries")
def list_deliveries(
    webhook: Named,
    *,
    state: Annotated[str | None, typer.Option(help="Only waiting, delivered or failed.")] = None,
    event: Annotated[
        str | None, typer.Option(help="Only of this type, such as job.completed.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the deliveries of a webhook in the last 30 days, newest first.

    Example: `trapline webhook deliveries station --state failed`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        wanted = {"state": state, "event_type": event, **_parse_period(since, until)}
        found = server.list_deliveries(
            _get_webhook(server, webhook).id, limit=limit, **wanted
        ).results
    print_list(
        found,
        ("delivery", "event", "at", "state", "attempts", "next", "response"),
        lambda it: (
            str(it.id),
            it.event_type,
            it.created_at,
            it.state.value,
            it.attempts,
            it.next_attempt_at,
            _format_response(it),
        ),
        as_json=as_json,
    )


@app.command("replay")
def replay(
    webhook: Named,
    delivery: Annotated[
        list[UUID] | None, typer.Argument(help="IDs, as shown by `deliveries`.")
    ] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All abandoned deliveries.")] = False,
    event: Annotated[str | None, typer.Option(help="With --failed, only of this type.")] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Repeat deliveries, or all abandoned ones, for another day. Exit code 1 if a delivery does
    not exist.

    Example: `trapline webhook replay station --failed --since 2026-05-01`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.webhooks import ReplayRequest

    narrowed = {"event_type": event, **_parse_period(since, until)}
    if failed == bool(delivery):
        raise CommandError(
            "Specify deliveries, or --failed for all abandoned ones.", ExitCode.WRONG_USAGE
        )
    if delivery and any(narrowed.values()):
        raise CommandError("--event, --since and --until require --failed.", ExitCode.WRONG_USAGE)
    wanted = build_request(ReplayRequest, narrowed, "replay")
    missed: list[UUID] = []
    with connect() as server:
        found = _get_webhook(server, webhook)
        if failed:
            replayed = server.replay_failed(found.id, wanted).replayed
        else:
            named = list(dict.fromkeys(delivery or []))
            missed = [one for one in named if not _replay_one(server, found.id, one)]
            replayed = len(named) - len(missed)
    print(f"{replayed:,} deliveries are repeated.")
    if missed:
        raise CommandError(
            f"These are not deliveries of {webhook}, or are in progress: "
            f"{', '.join(map(str, missed))}. "
            f"`trapline webhook deliveries {webhook} --json` shows the IDs."
        )


@app.command("test")
def ping(webhook: Named, *, as_json: AsJson = False) -> None:
    """Send an event of the type webhook.ping once and report the result. Exit code 1 if it did
    not arrive.

    Example: `trapline webhook test station`
    """
    from trapline.cli.errors import ExitCode
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect
    from trapline.wire.webhooks import DeliveryState

    with connect() as server:
        done = server.ping_webhook(_get_webhook(server, webhook).id)
    is_there = done.state == DeliveryState.DELIVERED
    if as_json:
        print_json(done)
    else:
        print(
            f"Delivered in {done.duration_ms} ms."
            if is_there
            else f"Not delivered: {_format_response(done)}"
        )
    if not is_there:
        raise typer.Exit(ExitCode.NOT_DONE)


@app.command("rotate")
def rotate(webhook: Named, *, as_json: AsJson = False) -> None:
    """Create a new signing secret and print it once; the earlier secret also signs for another
    day. Requires the owner role.

    Example: `trapline webhook rotate station`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        created = server.rotate_webhook_secret(_get_webhook(server, webhook).id)
    if as_json:
        print_json(created)
    else:
        print(f"WEBHOOK_SECRET={created.secret}")


@app.command("delete")
def delete_webhook(webhook: Named) -> None:
    """Delete a webhook with its log.

    Example: `trapline webhook delete station`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.delete_webhook(_get_webhook(server, webhook).id)
    print("Deleted.")


def _replay_one(server: "Trapline", webhook_id: UUID, delivery_id: UUID) -> bool:
    """Repeat a delivery; return False if it does not exist."""
    from trapline.client import ApiStatusError

    try:
        return server.replay_delivery(webhook_id, delivery_id).replayed == 1
    except ApiStatusError as refused:
        if refused.status == 404:
            return False
        raise


def _get_webhook(server: "Trapline", named: str) -> "Webhook":
    from trapline.cli.server_session import list_in_project, resolve_one

    found = list_in_project(server, server.list_webhooks, None)
    return resolve_one(found, "webhook", named, lambda it: (it.name, it.url, it.id))


def _parse_period(since: str | None, until: str | None) -> dict[str, str | None]:
    from trapline.cli.timestamps import parse_timestamp

    return {
        "created_after": parse_timestamp("--since", since),
        "created_before": parse_timestamp("--until", until),
    }


def _parse_types(events: list[str] | None) -> "list[EventType]":
    """Parse event types, each given in full or by its first part. Raises CommandError."""
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.wire.webhooks import EventType

    chosen = []
    for word in events or []:
        matching = [kind for kind in EventType if kind == word or kind.startswith(f"{word}.")]
        if not matching:
            raise CommandError(
                f"There is no event {word}. There are: {', '.join(EventType)}.",
                ExitCode.WRONG_USAGE,
            )
        chosen += matching
    return chosen


def _format_state(webhook: "Webhook") -> str:
    from trapline.cli.output import format_value

    if not webhook.is_active:
        return f"off: {webhook.disabled_reason}" if webhook.disabled_reason else "off"
    return f"failing since {format_value(webhook.failing_since)}" if webhook.failing_since else "on"


def _format_response(delivery: "Delivery") -> str:
    return delivery.last_error or (f"status {delivery.last_status}" if delivery.last_status else "")
