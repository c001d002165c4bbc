"""Pull sources: create, list, show, change, delete, pause and resume; their runs and their files."""

import random
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from trapline.server.images.queries.deployments import (
    DeploymentRow,
    get_default_deployment_row,
    get_deployment_row,
)
from trapline.server.images.rules.capture_time import compile_pattern
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Forbidden, NotFound, Unprocessable
from trapline.server.sources.actions.describe_sources import (
    TIMEOUT_FIELDS,
    describe_run,
    describe_sources,
)
from trapline.server.sources.actions.gateways import (
    OPTION,
    apply_options,
    build_location_key,
    decrypt_secrets,
    encrypt_secrets,
    open_gateway,
    parse_header,
    validate_addresses,
)
from trapline.server.sources.actions.source_folders import require_granted
from trapline.server.sources.queries.pull_runs import (
    find_active_run,
    get_run_row,
    has_no_run,
    interrupt_dead_run,
    interrupt_run,
    select_runs,
)
from trapline.server.sources.queries.pulled_files import reset_files, select_files
from trapline.server.sources.queries.sources import (
    PulledFileRow,
    RunRow,
    SourceRow,
    get_source_row,
    select_sources,
)
from trapline.server.sources.rules.pull_policy import (
    FIRST_RUN_AFTER,
    find_schedule_error,
    get_next_run,
)
from trapline.server.sources.rules.source_urls import (
    SourceServer,
    get_gateway,
    get_server,
    list_gateways,
    validate_source_url,
)
from trapline.wire.sources import (
    FileState,
    NewSource,
    PulledFile,
    PullRun,
    RetryFilesResult,
    Source,
    SourceSettings,
)
from trapline.wire.values import Page

_chance = random.Random()  # noqa: S311 - jitter is no secret

SECRET_FIELDS = {"auth_password": "password", "auth_header": "header"}
NOT_COLUMNS = {
    *SECRET_FIELDS,
    *TIMEOUT_FIELDS,
    "options",
    "project",
    "deployment",
    "location_id",
    "user_id",
}
NULLABLE = {"auth_username", "rate_limit_per_s", "filename_time_pattern"}


async def resolve_deployment(scope: Scope, tx: Transaction, new: NewSource) -> DeploymentRow:
    """Find the deployment of a source to be: the one named, or the project's default."""
    if new.user_id is not None and new.user_id != scope.user_id:
        raise Forbidden(
            "user_id is not yours. Leave it out; a source belongs to its project. Nothing was made."
        )
    named = new.deployment or new.location_id
    if named is not None:
        deployment = await get_deployment_row(scope, tx, named)
        if new.project not in (None, deployment.project_id):
            raise NotFound
        return deployment
    if new.project is None:
        raise Unprocessable(
            "Name a `deployment` (or `location_id`), or a `project`. Nothing was made."
        )
    return await get_default_deployment_row(scope, tx, new.project)


def build_row(system: AppContext, deployment: DeploymentRow, new: NewSource) -> SourceRow:
    """Make the row of a source from its settings, without adding it.

    Raises Unprocessable, OutboundRefused.
    """
    now = datetime.now(UTC)
    row = SourceRow(
        id=uuid7(),
        project_id=deployment.project_id,
        deployment_id=deployment.id,
        auth_type="none",
        options={},
        secret_options=[],
        include=[],
        exclude=[],
        timeouts={},
        schedule="0 * * * *",
        max_files_per_run=10,
        order="oldest",
        concurrency=4,
        min_age_s=0,
        is_active=True,
        has_password=False,
        has_auth_header=False,
        consecutive_failures=0,
        created_at=now,
        updated_at=now,
    )
    apply_settings(system, row, new)
    row.next_run_at = now + FIRST_RUN_AFTER
    return row


def apply_settings(system: AppContext, row: SourceRow, change: SourceSettings) -> None:
    """Put settings onto a row and check them together; what is not set stays.

    Raises Unprocessable, OutboundRefused.
    """
    given = change.model_dump(exclude_unset=True)
    old = _server_of(row) if row.base_url else None
    for name, value in given.items():
        if name in NOT_COLUMNS:
            continue
        if value is None and name not in NULLABLE:
            if isinstance(change, NewSource):
                continue
            raise Unprocessable(f"{name} cannot be empty. Nothing was changed.")
        setattr(row, name, value.value if isinstance(value, StrEnum) else value)
    if not row.gateway or (
        not given.get("gateway") and row.gateway not in list_gateways(row.base_url)
    ):
        row.gateway = get_gateway(row.base_url)
    timeouts = row.timeouts | {
        column: given[name] for name, column in TIMEOUT_FIELDS.items() if name in given
    }
    row.timeouts = {column: seconds for column, seconds in timeouts.items() if seconds is not None}
    _apply_secrets(system, row, given, old)
    _check(system, row)


def _apply_secrets(
    system: AppContext, row: SourceRow, given: dict[str, Any], old: SourceServer | None
) -> None:
    opened = decrypt_secrets(system, row)
    secrets = dict(opened)
    options = given.get("options")
    kept = [name for name, key in SECRET_FIELDS.items() if key in secrets and name not in given]
    kept = kept if row.auth_type != "none" else []
    kept += [f"options.{name}" for name in row.secret_options if name not in (options or {})]
    apply_options(row, options, secrets)
    if kept and old and old != _server_of(row):
        raise Unprocessable(
            "The new address is another server. Give the password or header again (or null to forget it), so that it "
            "is not sent to somebody it was not meant for. Nothing was changed.",
            [(name, "is kept for the old address: give it again, or null") for name in kept],
        )
    for name, key in SECRET_FIELDS.items():
        if name in given:
            secrets.pop(key, None)
            if given[name]:
                secrets[key] = given[name]
    if row.auth_type == "none":
        secrets = {name: value for name, value in secrets.items() if name.startswith(OPTION)}
    if secrets != opened:
        # Sealed anew they would look like others, and a connection that is made of them would be
        # made anew.
        row.secrets = encrypt_secrets(system, row.id, secrets)
    row.has_password = "password" in secrets
    row.has_auth_header = "header" in secrets


def _server_of(row: SourceRow) -> SourceServer:
    """Tell whom a source speaks to; a bucket is at its endpoint."""
    return get_server(row.options.get("endpoint") or row.base_url)


def _check(system: AppContext, row: SourceRow) -> None:
    if row.gateway not in list_gateways(row.base_url):
        raise Unprocessable(f"The gateway {row.gateway!r} does not speak to such an address.")
    if wrong := find_schedule_error(row.schedule):
        raise Unprocessable("The schedule is not right.", [("schedule", wrong)])
    if row.filename_time_pattern:
        try:
            compile_pattern(row.filename_time_pattern)
        except ValueError as error:
            problems = [("filename_time_pattern", str(error))]
            raise Unprocessable("The pattern of file names is not right.", problems) from error
    validate_source_url(row.gateway, row.base_url, row.auth_type, row.auth_username)
    if row.gateway == "sftp" and not (row.has_password or row.secret_options):
        raise Unprocessable("SFTP needs auth_password, or a private key as the option `key`.")
    if row.auth_type == "basic" and not row.auth_username:
        raise Unprocessable("auth_type basic needs auth_username.")
    if row.auth_type == "bearer" and not (row.has_password or row.has_auth_header):
        raise Unprocessable("auth_type bearer needs the token as auth_password (or auth_header).")
    if row.auth_type == "header" and not row.has_auth_header:
        raise Unprocessable("auth_type header needs auth_header.")
    if row.auth_type in ("bearer", "header"):
        _check_headers(decrypt_secrets(system, row), row.auth_type)
    # Addresses that are never taken are refused now; where a name leads is checked at each
    # connection.
    open_gateway(system, row)


def _check_headers(secrets: dict[str, str], auth_type: str) -> None:
    """Refuse what cannot be sent as a header; what it is must not be said, because it is a secret."""
    from trapline.server.platform.network.outbound import is_header_value

    field = "auth_header" if "header" in secrets else "auth_password"
    value = secrets[SECRET_FIELDS[field]]
    if auth_type == "header":
        name, value = parse_header(value)
        if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            raise Unprocessable(f"The header {name} is not one to sign in with.")
    if not value or not is_header_value(value):
        wrong = "must be one line of plain ASCII characters"
        raise Unprocessable(f"{field} {wrong}.", [(field, wrong)])


async def create_source(system: AppContext, scope: Scope, new: NewSource) -> Source:
    """Make a pull source.

    Raises NotFound, Forbidden, Conflict where the name is taken, Unprocessable.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Source)
        if done:
            return done
        row = build_row(system, await resolve_deployment(scope, tx, new), new)
        validate_addresses(system, row)
        await require_granted(system, scope, tx, row)
        try:
            async with tx.session.begin_nested():
                tx.session.add(row)
        except IntegrityError as error:
            raise Conflict(
                f"This project has a pull source named {new.name} already. Nothing was made."
            ) from error
        tx.audit("create", "source", row.id, row.project_id, name=row.name)
        [source] = await describe_sources(scope, tx, [row])
        return save_response(scope, tx, source)


async def list_sources(
    system: AppContext, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Page[Source]:
    """List pull sources by name, active and paused ones."""
    async with system.database.transaction(scope) as tx:
        statement = select_sources(scope, project_id)
        order = [(SourceRow.name, str), (SourceRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        sources = await describe_sources(scope, tx, rows)
        return Page(results=sources, next=following, count=count, count_is_estimate=estimated)


async def get_source(system: AppContext, scope: Scope, source_id: UUID) -> Source:
    """Show a pull source. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        return (await describe_sources(scope, tx, [await get_source_row(scope, tx, source_id)]))[0]


async def update_source(
    system: AppContext, scope: Scope, source_id: UUID, change: SourceSettings
) -> Source:
    """Change a pull source; what is left out stays.

    Raises NotFound, Forbidden, LostRace, Conflict, Unprocessable.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        scope.check_unchanged(row.updated_at)
        before = build_location_key(row)
        apply_settings(system, row, change)
        if change.model_fields_set & {"base_url", "options"}:
            validate_addresses(system, row)
            await require_granted(system, scope, tx, row)
        if build_location_key(row) != before:
            # Names, sizes and tags mean nothing at another place. A run at the old one could still
            # note some.
            await interrupt_run(
                scope, tx, row.id, "the source now is at another place; the next run begins there"
            )
            row.not_before = None
            row.moved_at = (await tx.session.execute(select(func.clock_timestamp()))).scalar_one()
        await _reschedule(scope, tx, row)
        try:
            await tx.session.flush()
        except IntegrityError as error:
            raise Conflict(
                "Another pull source of this project has that name. Nothing was changed."
            ) from error
        tx.audit("change", "source", row.id, row.project_id, fields=sorted(change.model_fields_set))
        [source] = await describe_sources(scope, tx, [row])
    return source


async def toggle_source(
    system: AppContext, scope: Scope, source_id: UUID, is_active: bool | None
) -> Source:
    """Pause or resume a source; without a wish it flips. Raises NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        scope.check_unchanged(row.updated_at)
        row.is_active = not row.is_active if is_active is None else is_active
        if row.is_active:
            await require_granted(system, scope, tx, row)
        await _reschedule(scope, tx, row)
        tx.audit("resume" if row.is_active else "pause", "source", row.id, row.project_id)
        [source] = await describe_sources(scope, tx, [row])
    return source


async def _reschedule(scope: Scope, tx: Transaction, row: SourceRow) -> None:
    deployment = await get_deployment_row(scope, tx, row.deployment_id)
    now = datetime.now(UTC)
    row.next_run_at = get_next_run(row.schedule, ZoneInfo(deployment.time_zone), now, _chance)
    if await has_no_run(scope, tx, row.id):
        row.next_run_at = min(row.next_run_at, now + FIRST_RUN_AFTER)
    row.updated_at = now


async def delete_source(system: AppContext, scope: Scope, source_id: UUID) -> None:
    """Delete a source with its ledger; its images stay.

    Raises NotFound, Forbidden, Conflict while a run goes on.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        scope.check_unchanged(row.updated_at)
        await interrupt_dead_run(scope, tx, row.id, or_untaken=True)
        if await find_active_run(scope, tx, row.id) is not None:
            raise Conflict(
                "A run of this source is in progress. Pause the source, and delete it when the run is over."
            )
        tx.audit("delete", "source", row.id, row.project_id, name=row.name)
        await tx.session.delete(row)


async def list_runs(
    system: AppContext, scope: Scope, source_id: UUID, limit: int, cursor: str | None
) -> Page[PullRun]:
    """List the runs of a source, newest first. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, source_id)
        await interrupt_dead_run(scope, tx, source.id)
        statement = select_runs(scope, source)
        order = [(RunRow.started_at, datetime), (RunRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
    return Page(
        results=[describe_run(row) for row in rows],
        next=following,
        count=count,
        count_is_estimate=estimated,
    )


async def get_run(system: AppContext, scope: Scope, source_id: UUID, run_id: UUID) -> PullRun:
    """Show a run of a source. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        return describe_run(await get_run_row(scope, tx, source_id, run_id))


async def list_files(
    system: AppContext,
    scope: Scope,
    source_id: UUID,
    state: FileState | None,
    limit: int,
    cursor: str | None,
) -> Page[PulledFile]:
    """List the files of a source by path. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        statement = select_files(
            scope, await get_source_row(scope, tx, source_id), state.value if state else None
        )
        rows, following = await fetch_page(
            tx, statement, [(PulledFileRow.path, str)], descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
    files = [
        PulledFile(**{name: getattr(row, name) for name in PulledFile.model_fields}) for row in rows
    ]
    return Page(results=files, next=following, count=count, count_is_estimate=estimated)


async def retry_files(
    system: AppContext, scope: Scope, source_id: UUID, path: str | None = None
) -> RetryFilesResult:
    """Let failed and quarantined files, or the one at `path`, be tried again.

    Raises NotFound, Forbidden.
    """
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, source_id)
        released = await reset_files(scope, tx, source, path)
        tx.audit("retry", "source", source.id, source.project_id, files=released)
    return RetryFilesResult(files=released)
