"""Settings of a pull source: apply them to its row and validate them together."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

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
from trapline.server.platform.errors import Forbidden, NotFound, Unprocessable
from trapline.server.sources.actions.describe_sources import TIMEOUT_FIELDS
from trapline.server.sources.actions.gateways import (
    OPTION,
    apply_options,
    decrypt_secrets,
    encrypt_secrets,
    open_gateway,
    parse_header,
)
from trapline.server.sources.queries.sources import SourceRow
from trapline.server.sources.rules.next_run import find_schedule_error
from trapline.server.sources.rules.pull_policy import FIRST_RUN_AFTER
from trapline.server.sources.rules.source_urls import (
    SourceServer,
    get_gateway,
    get_server,
    list_gateways,
    validate_source_url,
)
from trapline.wire.sources import (
    NewSource,
    SourceSettings,
)

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
    """Return the deployment for a new source: the given one, or the default of the project.

    Raises:
        Forbidden: `user_id` is not the caller's.
        NotFound: the deployment does not exist, or is in another project.
        Unprocessable: neither a deployment nor a project is given.
    """
    if new.user_id is not None and new.user_id != scope.user_id:
        raise Forbidden(
            "user_id is not your own. Nothing was created. Omit it; sources belong to projects."
        )
    named = new.deployment or new.location_id
    if named is not None:
        deployment = await get_deployment_row(scope, tx, named)
        if new.project not in (None, deployment.project_id):
            raise NotFound
        return deployment
    if new.project is None:
        raise Unprocessable(
            "Set `deployment` (or `location_id`), or `project`. Nothing was created."
        )
    return await get_default_deployment_row(scope, tx, new.project)


def build_row(system: AppContext, deployment: DeploymentRow, new: NewSource) -> SourceRow:
    """Build the row of a source from its settings, without storing it.

    Raises:
        Unprocessable: a setting is not valid.
        AddressNotAllowed: the policy forbids the address.
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
    """Apply settings to a row and validate them together; unset fields keep their values.

    Raises:
        Unprocessable: a setting is not valid.
        AddressNotAllowed: the policy forbids the address.
    """
    given = change.model_dump(exclude_unset=True)
    old = _get_row_server(row) if row.base_url else None
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
    if kept and old and old != _get_row_server(row):
        raise Unprocessable(
            "The new URL is on another server. Nothing was changed. Set the password or header "
            "again, or set it to null, so that it is not sent to the wrong server.",
            [(name, "was set for the old server: set it again, or to null") for name in kept],
        )
    for name, key in SECRET_FIELDS.items():
        if name in given:
            secrets.pop(key, None)
            if given[name]:
                secrets[key] = given[name]
    if row.auth_type == "none":
        secrets = {name: value for name, value in secrets.items() if name.startswith(OPTION)}
    if secrets != opened:
        # Unchanged secrets are not encrypted again: different bytes would restart the connection of
        # a WebSocket source.
        row.secrets = encrypt_secrets(system, row.id, secrets)
    row.has_password = "password" in secrets
    row.has_auth_header = "header" in secrets


def _get_row_server(row: SourceRow) -> SourceServer:
    """Return the server of a source; that of a bucket is its endpoint."""
    return get_server(row.options.get("endpoint") or row.base_url)


def _check(system: AppContext, row: SourceRow) -> None:
    if row.gateway not in list_gateways(row.base_url):
        raise Unprocessable(f"The gateway {row.gateway!r} does not support this URL.")
    if wrong := find_schedule_error(row.schedule):
        raise Unprocessable("The schedule is not valid.", [("schedule", wrong)])
    if row.filename_time_pattern:
        try:
            compile_pattern(row.filename_time_pattern)
        except ValueError as error:
            problems = [("filename_time_pattern", str(error))]
            raise Unprocessable("The pattern for file names is not valid.", problems) from error
    validate_source_url(row.gateway, row.base_url, row.auth_type, row.auth_username)
    if row.gateway == "sftp" and not (row.has_password or row.secret_options):
        raise Unprocessable("SFTP requires auth_password, or a private key as the option `key`.")
    if row.auth_type == "basic" and not row.auth_username:
        raise Unprocessable("auth_type basic requires auth_username.")
    if row.auth_type == "bearer" and not (row.has_password or row.has_auth_header):
        raise Unprocessable(
            "auth_type bearer requires the token as auth_password (or auth_header)."
        )
    if row.auth_type == "header" and not row.has_auth_header:
        raise Unprocessable("auth_type header requires auth_header.")
    if row.auth_type in ("bearer", "header"):
        _check_headers(decrypt_secrets(system, row), row.auth_type)
    # Forbidden addresses are rejected here; resolved host names are checked at each connection.
    open_gateway(system, row)


def _check_headers(secrets: dict[str, str], auth_type: str) -> None:
    """Validate that a secret can be sent as a header; the error does not contain the secret."""
    from trapline.server.platform.network.outbound import is_header_value

    field = "auth_header" if "header" in secrets else "auth_password"
    value = secrets[SECRET_FIELDS[field]]
    if auth_type == "header":
        name, value = parse_header(value)
        if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            raise Unprocessable(f"The header {name} cannot be used for authentication.")
    if not value or not is_header_value(value):
        wrong = "must be one line of printable ASCII characters"
        raise Unprocessable(f"{field} {wrong}.", [(field, wrong)])
