"""`trapline webhook`: addresses that are told of a project's events."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.webhooks import Delivery, EventType, Webhook

app = typer.Typer(
    help=(
        "Webhooks tell your programs what happens in a project: jobs, analyses, images, sources, workers.\n\n"
        "Each call is signed by the Standard Webhooks convention; docs/how-to/receive-webhooks.md has a receiver."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Named = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its name, address or id.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event", help="A type such as job.completed, or a beginning such as job; may be given several times."
    ),
]


@app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the events are sent to.")],
    *,
    project: Annotated[str | None, typer.Option(help="Name or id; not needed if you have one project.")] = None,
    name: Annotated[str, typer.Option(help="What it is called in lists.")] = "",
    event: Events = None,
    analyses_of_jobs: Annotated[
        bool, typer.Option(help="Tell of each analysis of a job too, not of jobs only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a webhook and print the secret that signs what it is told, this once.

    Example: `trapline webhook add https://station.example/hook --event job --event source.failing`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import get_project, open_server
    from trapline.wire.webhooks import NewWebhook

    types = _read_types(event)
    with open_server() as server:
        made = server.make_webhook(
            NewWebhook(
                project=get_project(server, project).id,
                url=url,
                name=name,
                event_types=types,
                analyses_of_jobs=analyses_of_jobs,
            )
        )
    if as_json:
        print_json(made)
    else:
        print(f"WEBHOOK_ID={made.id}\nWEBHOOK_SECRET={made.secret}")


@app.command("list")
def list_webhooks(
    *,
    project: Annotated[str | None, typer.Option(help="Name or id; without it those of all your projects.")] = None,
    as_json: AsJson = False,
) -> None:
    """List webhooks with what waits for each and what was given up.

    Example: `trapline webhook list`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import get_project, open_server
    from trapline.client import iterate

    with open_server() as server:
        asked = get_project(server, project).id if project else None
        found = list(iterate(server.list_webhooks, project=asked))
    if as_json:
        print_json(found)
        return
    print_table(
        ("webhook", "name", "address", "events", "waiting", "failed", "state"),
        [
            (str(it.id), it.name, it.url, ", ".join(it.event_types) or "all", it.waiting, it.failed, _tell_state(it))
            for it in found
        ],
    )


@app.command("change")
def change_webhook(
    webhook: Named,
    *,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    event: Events = None,
    analyses_of_jobs: Annotated[bool | None, typer.Option(help="Tell of each analysis of a job too.")] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off; what waits is kept.")] = None,
) -> None:
    """Change a webhook; what is left out stays.

    Example: `trapline webhook change station --on`
    """
    from trapline.cli.server import open_server
    from trapline.wire.webhooks import WebhookChange

    given = {
        "url": url,
        "name": name,
        "event_types": _read_types(event) if event else None,
        "analyses_of_jobs": analyses_of_jobs,
        "is_active": on,
    }
    change = WebhookChange.model_validate({key: value for key, value in given.items() if value is not None})
    with open_server() as server:
        changed = server.change_webhook(_get_webhook(server, webhook).id, change)
    print(f"{changed.name or changed.url}: {_tell_state(changed)}")


@app.command("deliveries")
def list_deliveries(
    webhook: Named,
    *,
    state: Annotated[str | None, typer.Option(help="Only waiting, delivered or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was told in the last 30 days, newest first, and how that went.

    Example: `trapline webhook deliveries station --state failed`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import open_server

    with open_server() as server:
        found = server.list_deliveries(_get_webhook(server, webhook).id, state=state, limit=limit).results
    if as_json:
        print_json(found)
        return
    print_table(
        ("delivery", "event", "at", "state", "attempts", "next", "what was said"),
        [
            (
                str(it.id),
                it.event_type,
                it.created_at,
                it.state.value,
                it.attempts,
                it.next_attempt_at,
                _tell_answer(it),
            )
            for it in found
        ],
    )


@app.command("replay")
def replay(
    webhook: Named,
    delivery: Annotated[UUID | None, typer.Argument(help="One delivery, as `deliveries` shows it.")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that was given up.")] = False,
) -> None:
    """Attempt one delivery, or all that were given up, again for another day.

    Example: `trapline webhook replay station --failed`
    """
    from trapline.cli.failures import CommandFailed, Exit
    from trapline.cli.server import open_server

    if failed == (delivery is not None):
        raise CommandFailed("Name one delivery, or give --failed for all that were given up.", Exit.WRONG_USAGE)
    with open_server() as server:
        found = _get_webhook(server, webhook).id
        done = server.replay_failed(found) if delivery is None else server.replay_delivery(found, delivery)
    print(f"{done.replayed:,} to be attempted again.")


@app.command("test")
def ping(webhook: Named, *, as_json: AsJson = False) -> None:
    """Send an event of the type webhook.ping, once and now, and say how that went. Ends with 1 if it did not arrive.

    Example: `trapline webhook test station`
    """
    from trapline.cli.failures import Exit
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server
    from trapline.wire.webhooks import DeliveryState

    with open_server() as server:
        done = server.ping_webhook(_get_webhook(server, webhook).id)
    is_there = done.state == DeliveryState.DELIVERED
    if as_json:
        print_json(done)
    else:
        print(f"Delivered in {done.duration_ms} ms." if is_there else f"Not delivered: {_tell_answer(done)}")
    if not is_there:
        raise typer.Exit(Exit.NOT_DONE)


@app.command("rotate")
def rotate(webhook: Named, *, as_json: AsJson = False) -> None:
    """Make a new secret and print it, this once; the one before signs too for a day.

    Example: `trapline webhook rotate station`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server

    with open_server() as server:
        made = server.rotate_webhook_secret(_get_webhook(server, webhook).id)
    if as_json:
        print_json(made)
    else:
        print(f"WEBHOOK_SECRET={made.secret}")


@app.command("delete")
def delete_webhook(webhook: Named) -> None:
    """Delete a webhook with its log.

    Example: `trapline webhook delete station`
    """
    from trapline.cli.server import open_server

    with open_server() as server:
        server.remove_webhook(_get_webhook(server, webhook).id)
    print("Deleted.")


def _get_webhook(server: "Trapline", named: str) -> "Webhook":
    from trapline.cli.failures import CommandFailed
    from trapline.client import iterate

    found = [it for it in iterate(server.list_webhooks) if named in (it.name, it.url, str(it.id))]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandFailed(f"Several webhooks are called {named}; give the id. `trapline webhook list` shows them.")
    raise CommandFailed(f"There is no webhook {named} in your projects. `trapline webhook list` shows them.")


def _read_types(events: list[str] | None) -> "list[EventType]":
    """The types that these words name, each whole or by its beginning. Raises CommandFailed."""
    from trapline.cli.failures import CommandFailed, Exit
    from trapline.wire.webhooks import EventType

    chosen = []
    for word in events or []:
        meant = [kind for kind in EventType if kind == word or kind.startswith(f"{word}.")]
        if not meant:
            raise CommandFailed(f"There is no event {word}. There are: {', '.join(EventType)}.", Exit.WRONG_USAGE)
        chosen += meant
    return chosen


def _tell_state(webhook: "Webhook") -> str:
    from trapline.cli.output import describe

    if not webhook.is_active:
        return f"off: {webhook.disabled_reason}" if webhook.disabled_reason else "off"
    return f"failing since {describe(webhook.failing_since)}" if webhook.failing_since else "on"


def _tell_answer(delivery: "Delivery") -> str:
    return delivery.last_error or (f"status {delivery.last_status}" if delivery.last_status else "")
