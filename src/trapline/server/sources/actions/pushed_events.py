"""Pushed events: who signed a message, which files of a source it tells of, and the run that takes
them.

What is told of becomes rows of the ledger in the transaction that answers; a run without a listing
takes them and ends in the import that every picture goes through. While a run is in progress
nothing is begun: the run's end looks.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog
from sqlalchemy import select

from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import (
    UnreadableResponse,
    find_saved_response,
    save_response,
)
from trapline.server.platform.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    TooManyRequests,
    Unauthenticated,
)
from trapline.server.platform.metrics import SIGNATURE_FAILURES
from trapline.server.platform.vault import DecryptionError
from trapline.server.platform.webhook_signatures import (
    WebhookHeaders,
    generate_secret,
    verify_signature,
)
from trapline.server.sources.actions.event_secrets import list_event_secrets
from trapline.server.sources.actions.pull_runs import advance_next_run, begin_run
from trapline.server.sources.gateways.gateway import MAX_PATH_CHARACTERS
from trapline.server.sources.queries.pushed_files import (
    has_pushed_files,
    list_sources_with_pushed_files,
    upsert_pushed_files,
)
from trapline.server.sources.queries.sources import SourceRow, get_source_row
from trapline.server.sources.rules.pull_policy import find_exclusion
from trapline.server.sources.rules.pushed_events import (
    EVENT,
    InvalidMessage,
    PushedFile,
    get_folder_url,
    parse_message,
)
from trapline.wire.pushed_events import PushedEventsResult, RejectedEvent

log = structlog.get_logger(__name__)

UNSIGNED = (
    "This takes events of a pull source, signed by the Standard Webhooks convention: webhook-id, webhook-timestamp and "
    "webhook-signature. Nothing was changed. Sign exactly the bytes that are sent, with the present time and the "
    "secret that was shown when it was made."
)
FOLLOWED_AT_ONCE = 50
_DECOY = generate_secret()
"""Signs nothing: a source that is not there is judged like one that is."""


async def accept_events(
    system: AppContext,
    origin: RequestOrigin,
    source_id: UUID | None,
    delivery: WebhookHeaders,
    body: bytes,
) -> PushedEventsResult:
    """Take a signed message.

    Raises Unauthenticated, Invalid, TooMany, Conflict where its id came with other bytes.
    """
    scope = Scope(actor=f"events:{source_id}", everything=True, origin=origin)
    if (
        not verify_signature(delivery, await _list_secrets(system, scope, source_id), body)
        or source_id is None
    ):
        raise reject_signature(system, "the signature is another than that of this message")
    if wait_s := system.events.take(source_id):
        raise TooManyRequests(
            "More events come for this source than are taken. Nothing was noted; send it again.",
            wait_s,
        )
    try:
        told = parse_message(body)
    except InvalidMessage as error:
        raise InvalidRequest(f"This message cannot be read: {error}. Nothing was noted.") from error
    async with system.database.transaction(scope) as tx:
        try:
            done = await find_saved_response(scope, tx, PushedEventsResult)
        except UnreadableResponse as error:
            raise Conflict(
                "This message was recorded before, and the response cannot be returned: an earlier "
                "version of Trapline saved it in another form. Nothing was recorded now. Do not "
                "send the message again."
            ) from error
        except Conflict as error:
            raise Conflict(
                "A message with this webhook-id came before, and was another one. Nothing was noted now."
            ) from error
        if done is not None:
            return done
        try:
            row = await get_source_row(scope, tx, source_id, lock=True)
        except NotFound as error:
            raise reject_signature(system, "the source was deleted") from error
        taken = await record_pushed_files(
            scope, tx, row, told, hashlib.sha256(delivery.id).hexdigest()[:32]
        )
        return save_response(scope, tx, taken)


def reject_signature(system: AppContext, reason: str) -> Unauthenticated:
    """Note a message whose signature does not hold; answers the one refusal that all of them get."""
    system.callbacks.refused[reason] += 1
    SIGNATURE_FAILURES.labels("event", reason).inc()
    log.warning("an event was refused", reason=reason)
    return Unauthenticated(UNSIGNED)


async def _list_secrets(system: AppContext, scope: Scope, source_id: UUID | None) -> Sequence[str]:
    """List the secrets that may have signed, and one that never does, so that each judgement costs alike."""
    async with system.database.transaction(scope) as tx:
        sealed = (
            await tx.session.execute(
                select(SourceRow.event_secrets).where(SourceRow.id == source_id)
            )
        ).scalar()
    if sealed is None or source_id is None:
        return [_DECOY]
    try:
        return [*list_event_secrets(system, sealed, source_id, datetime.now(UTC)), _DECOY]
    except DecryptionError as error:
        log.error(
            "the secret of a source's events cannot be opened",
            source=str(source_id),
            reason=str(error),
        )
        return [_DECOY]


async def record_pushed_files(
    scope: Scope, tx: Transaction, row: SourceRow, told: Sequence[PushedFile], event: str
) -> PushedEventsResult:
    """Note the files that a message tells of, of a locked source, and begin a run for them unless one goes on."""
    files: dict[str, str | None] = {}
    refused: list[RejectedEvent] = []
    for one in told:
        path, reason = _find_path(row, one)
        if path is not None and reason is None:
            reason = find_exclusion(path, row.include, row.exclude)
        if path is None or reason is not None:
            refused.append(RejectedEvent(element=one.shown, reason=reason or "it is no file"))
        else:
            files[path] = None
    if files:
        await upsert_pushed_files(scope, tx, row, list(files.items()), event)
    run_id = None
    detail = "There is nothing new to take."
    if any(skipped is None for skipped in files.values()):
        run_id, detail = await _begin(scope, tx, row)
    return PushedEventsResult(recorded=len(files), refused=refused, run_id=run_id, detail=detail)


async def _begin(scope: Scope, tx: Transaction, row: SourceRow) -> tuple[UUID | None, str]:
    """Begin a run for what was pushed, if this is the time; answers it, and says when the files are taken."""
    if not row.is_active:
        return None, "The source is paused; they are taken once it goes on."
    if row.consecutive_failures:
        advance_next_run(row, datetime.now(UTC))
        return (
            None,
            "The source fails and is left alone for a while; they are taken with its next run.",
        )
    run_id = await begin_run(scope, tx, row, EVENT)
    return (
        run_id,
        "A run takes them now."
        if run_id
        else "A run is in progress; another one follows it for these.",
    )


async def start_runs_for_pushed_files(system: AppContext, scope: Scope) -> int:
    """Begin a run for each source whose pushed files wait without one, such as after a pause; answers how many."""
    begun = 0
    async with system.database.transaction(scope) as tx:
        waiting = await list_sources_with_pushed_files(scope, tx, FOLLOWED_AT_ONCE)
    for source_id in waiting:
        with suppress(NotFound):
            async with system.database.transaction(scope) as tx:
                row = await get_source_row(scope, tx, source_id, lock=True)
                if row.is_active and await has_pushed_files(scope, tx, row):
                    begun += await begin_run(scope, tx, row, EVENT) is not None
    return begun


def _find_path(row: SourceRow, told: PushedFile) -> tuple[str | None, str | None]:
    """Find the path of a file under its source, or say why it has none."""
    if told.refused is not None:
        return None, told.refused
    match row.gateway:
        case "s3":
            path = _path_in_bucket(row.base_url, told)
        case "http" | "websocket":
            path = _path_over_http(row, told)
        case "rest":
            return (
                None,
                "a source with a JSON interface tells itself where its files are; begin a run instead",
            )
        case _:
            path = _plain_path(row.base_url, told)
    if path is None:
        return None, "it does not lie under the source's address"
    if len(path) > MAX_PATH_CHARACTERS:
        return None, "its path is too long"
    return path, None


def _path_over_http(row: SourceRow, told: PushedFile) -> str | None:
    from trapline.server.sources.gateways.http_directory_gateway import find_relative_path

    folder = get_folder_url(
        row.options.get("files_url") or row.options.get("listing_url") or row.base_url
    )
    split = urlsplit(folder)
    found = find_relative_path(folder, told.get_url(f"{split.scheme}://{split.netloc}"))
    return found[1] if found is not None and not found[1].endswith("/") else None


def _path_in_bucket(base_url: str, told: PushedFile) -> str | None:
    split = urlsplit(base_url)
    prefix = split.path.strip("/")
    within = f"{split.netloc}/{prefix}/" if prefix else f"{split.netloc}/"
    name = f"{told.bucket}/{told.key}" if told.url is None else told.url.removeprefix("s3://")
    if told.url is not None and not told.url.startswith("s3://"):
        return None
    path = name.removeprefix(within) if name.startswith(within) else ""
    return path if path and not path.endswith("/") else None


def _plain_path(base_url: str, told: PushedFile) -> str | None:
    base = base_url.rstrip("/") + "/"
    if told.url is None or not told.url.startswith(base):
        return None
    path = unquote(told.url.removeprefix(base))
    parts = path.split("/")
    return path if path.isprintable() and not {"", ".", ".."} & set(parts) else None
