"""Pushed events: verify a signed message, record the files that it announces, and start a run.

The files become rows of `pulled_files` in the transaction of the request. A run without a listing
imports them like all other files. If a run is already in progress, its end starts the next one.
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
from trapline.server.sources.actions.next_run import advance_next_run
from trapline.server.sources.actions.pull_run_starts import begin_run
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
from trapline.wire.gateway_options import get_gateway_info
from trapline.wire.pushed_events import PushedEventsResult, RejectedEvent

log = structlog.get_logger(__name__)

UNSIGNED = (
    "Events of a pull source must be signed by the Standard Webhooks convention, with the headers "
    "webhook-id, webhook-timestamp and webhook-signature. Nothing was changed. Sign exactly the "
    "bytes that are sent, with the current time and the secret that was shown when it was created."
)
FOLLOWED_AT_ONCE = 50
_DECOY = generate_secret()
"""A secret that signs no message, so that unknown sources take the same time as known ones."""


async def accept_events(
    system: AppContext,
    origin: RequestOrigin,
    source_id: UUID | None,
    delivery: WebhookHeaders,
    body: bytes,
) -> PushedEventsResult:
    """Verify and record a signed message.

    Raises:
        Unauthenticated: the signature does not match, or the source does not exist.
        TooManyRequests: the source sends events too often.
        InvalidRequest: the message cannot be parsed.
        Conflict: the webhook-id was used for a different message.
    """
    scope = Scope(actor=f"events:{source_id}", everything=True, origin=origin)
    if (
        not verify_signature(delivery, await _list_secrets(system, scope, source_id), body)
        or source_id is None
    ):
        raise reject_signature(system, "the signature does not match the message")
    if wait_s := system.events.take(source_id):
        raise TooManyRequests(
            "This source sends events too often. Nothing was recorded. Repeat the message later.",
            wait_s,
        )
    try:
        files = parse_message(body)
    except InvalidMessage as error:
        raise InvalidRequest(
            f"This message cannot be parsed: {error}. Nothing was recorded."
        ) from error
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
                "This webhook-id was already used for a different message. Nothing was recorded."
            ) from error
        if done is not None:
            return done
        try:
            row = await get_source_row(scope, tx, source_id, lock=True)
        except NotFound as error:
            raise reject_signature(system, "the source was deleted") from error
        result = await record_pushed_files(
            scope, tx, row, files, hashlib.sha256(delivery.id).hexdigest()[:32]
        )
        return save_response(scope, tx, result)


def reject_signature(system: AppContext, reason: str) -> Unauthenticated:
    """Record a message with an invalid signature; returns the one error that all of them get."""
    system.callbacks.refused[reason] += 1
    SIGNATURE_FAILURES.labels("event", reason).inc()
    log.warning("an event was refused", reason=reason)
    return Unauthenticated(UNSIGNED)


async def _list_secrets(system: AppContext, scope: Scope, source_id: UUID | None) -> Sequence[str]:
    """List the secrets of a source and a decoy, so that each verification takes the same time."""
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
            "the event secret of a source cannot be decrypted",
            source=str(source_id),
            reason=str(error),
        )
        return [_DECOY]


async def record_pushed_files(
    scope: Scope, tx: Transaction, row: SourceRow, pushed: Sequence[PushedFile], event: str
) -> PushedEventsResult:
    """Record the announced files of a locked source, and start a run unless one is in progress.

    `event` identifies the message.
    """
    files: dict[str, str | None] = {}
    refused: list[RejectedEvent] = []
    for one in pushed:
        path, reason = _find_path(row, one)
        if path is not None and reason is None:
            reason = find_exclusion(path, row.include, row.exclude)
        if path is None or reason is not None:
            refused.append(RejectedEvent(element=one.shown, reason=reason or "it is not a file"))
        else:
            files[path] = None
    if files:
        await upsert_pushed_files(scope, tx, row, list(files.items()), event)
    run_id = None
    detail = "There are no new files to import."
    if any(skipped is None for skipped in files.values()):
        run_id, detail = await _begin(scope, tx, row)
    return PushedEventsResult(recorded=len(files), refused=refused, run_id=run_id, detail=detail)


async def _begin(scope: Scope, tx: Transaction, row: SourceRow) -> tuple[UUID | None, str]:
    """Start a run for pushed files if possible; returns its ID, and when the files are imported."""
    if not row.is_active:
        return None, "The source is paused; the files are imported after it is resumed."
    if row.consecutive_failures:
        advance_next_run(row, datetime.now(UTC))
        return (
            None,
            "The source is failing; the files are imported by its next run.",
        )
    run_id = await begin_run(scope, tx, row, EVENT)
    return (
        run_id,
        "A run imports the files now."
        if run_id
        else "A run is in progress; another one follows for these files.",
    )


async def start_runs_for_pushed_files(system: AppContext, scope: Scope) -> int:
    """Start a run for each source with waiting pushed files; returns the number of runs."""
    started = 0
    async with system.database.transaction(scope) as tx:
        waiting = await list_sources_with_pushed_files(scope, tx, FOLLOWED_AT_ONCE)
    for source_id in waiting:
        with suppress(NotFound):
            async with system.database.transaction(scope) as tx:
                row = await get_source_row(scope, tx, source_id, lock=True)
                if row.is_active and await has_pushed_files(scope, tx, row):
                    started += await begin_run(scope, tx, row, EVENT) is not None
    return started


def _find_path(row: SourceRow, file: PushedFile) -> tuple[str | None, str | None]:
    """Find the path of a file relative to its source; returns the path, or the reason for none."""
    if file.refused is not None:
        return None, file.refused
    if not get_gateway_info(row.gateway).accepts_events:
        return None, "this source lists its files with a JSON interface; start a run instead"
    match row.gateway:
        case "s3":
            path = _path_in_bucket(row.base_url, file)
        case "http" | "websocket":
            path = _path_over_http(row, file)
        case _:
            path = _plain_path(row.base_url, file)
    if path is None:
        return None, "it is not below the URL of the source"
    if len(path) > MAX_PATH_CHARACTERS:
        return None, "its path is too long"
    return path, None


def _path_over_http(row: SourceRow, file: PushedFile) -> str | None:
    from trapline.server.sources.gateways.http_directory_gateway import find_relative_path

    folder = get_folder_url(
        row.options.get("files_url") or row.options.get("listing_url") or row.base_url
    )
    split = urlsplit(folder)
    found = find_relative_path(folder, file.get_url(f"{split.scheme}://{split.netloc}"))
    return found[1] if found is not None and not found[1].endswith("/") else None


def _path_in_bucket(base_url: str, file: PushedFile) -> str | None:
    split = urlsplit(base_url)
    prefix = split.path.strip("/")
    within = f"{split.netloc}/{prefix}/" if prefix else f"{split.netloc}/"
    name = f"{file.bucket}/{file.key}" if file.url is None else file.url.removeprefix("s3://")
    if file.url is not None and not file.url.startswith("s3://"):
        return None
    path = name.removeprefix(within) if name.startswith(within) else ""
    return path if path and not path.endswith("/") else None


def _plain_path(base_url: str, file: PushedFile) -> str | None:
    base = base_url.rstrip("/") + "/"
    if file.url is None or not file.url.startswith(base):
        return None
    path = unquote(file.url.removeprefix(base))
    parts = path.split("/")
    return path if path.isprintable() and not {"", ".", ".."} & set(parts) else None
