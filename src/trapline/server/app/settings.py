"""Every variable that the server reads, from the environment and a `.env` file in the working folder."""

import difflib
import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from trapline.server.platform.postgres.key_file import NAME, KeyFile, parse_keys

WORKER_NAMES = frozenset(
    f"TRAPLINE_{name}"
    for name in (
        "SERVER",
        "TOKEN",
        "SERVICE_NAME",
        "BATCH_SIZE",
        "LOADERS",
        "THREADS",
        "DEVICE",
        "ALLOW_CPU",
        "RETRY_MAX",
        "RETRY_BACKOFF",
        "READ_TIMEOUT",
        "POST_TIMEOUT",
        "MODEL_TIMEOUT",
        "MODEL_START_TIMEOUT",
        "STOP_TIMEOUT",
        "POLL",
        "PIXELS_IN_FLIGHT",
        "MODEL_CACHE",
        "ACCEPT_LICENCES",
        "OUTBOX",
        "CACHE",
        "SOURCE_PASSWORD",
    )
)
"""What the worker and the command line read themselves: the server only knows that these names are ours."""

# The numbers of the listening sockets that an API process inherits from `trapline up`.
HANDED_DOWN = frozenset({"TRAPLINE_LISTEN_SOCKET", "TRAPLINE_METRICS_SOCKET"})
TEST_NAMES = frozenset(
    f"TRAPLINE_{name}" for name in ("SAMPLES", "CHROMIUM", "FAILPOINTS", "FAULT_SEED", "SOAK")
)
"""Read by the tests, and by nothing that serves anybody: see failpoints.py for the one that a server heeds."""

_OURS = re.compile(r"(TRAPLINE|ML|S3)_")
# Kubernetes puts these into every container beside a service called trapline, ml or s3.
_OF_KUBERNETES = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$")

MIB = 1024 * 1024
MAX_SHARED_SECRETS = 3
# Fields whose variable is their bare name: the database's, those for outside pipelines, those of
# the S3 server.
BARE = ("database_url", "ml_", "s3_")


class SettingsError(Exception):
    """The settings cannot be used; the message names the variable and says what to do."""


class Settings(BaseModel):
    """The server's settings.

    Times are in seconds, sizes in bytes unless the name says otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path = Field(
        Path("trapline-data"), description="Data folder: embedded database, files, secret key."
    )
    database_url: SecretStr | None = Field(
        None, description="URL of an existing PostgreSQL server. Default: the embedded server."
    )
    database_connections: int = Field(
        10, ge=2, le=1000, description="Connections of each process to PostgreSQL."
    )
    public_url: str = Field(
        "http://localhost:8000",
        description="URL of the server for people and workers. All absolute URLs start with it.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="At least 32 characters, or `1:KEY,2:KEY` during a rotation. Default: "
        "created at the first start and stored in the data folder.",
    )
    lease_s: float = Field(
        300, gt=0, le=86_400, description="Duration of a lease without contact from the worker."
    )
    lease_max_s: float = Field(
        3600,
        gt=0,
        le=604_800,
        description="Maximum extension of a lease by contact from the worker.",
    )
    reaper_s: float = Field(
        5, gt=0, le=3600, description="Interval at which expired leases return to the queue."
    )
    task_errors: int = Field(
        3, ge=1, le=1000, description="Number of errors after which a task is abandoned."
    )
    task_losses: int = Field(
        5, ge=1, le=1000, description="Number of lost leases after which a task is abandoned."
    )
    held_at_most: int = Field(
        500,
        ge=1,
        le=100_000,
        description="Number of tasks that one caller can hold before it gets single tasks.",
    )
    worker_additions: bool = Field(
        True,
        description="Enable the additional calls for registered workers. If false, these calls "
        "return 404.",
    )
    max_image_bytes: int = Field(200 * MIB, ge=1, description="Maximum size of an image file.")
    max_image_pixels: int = Field(
        150_000_000, ge=1, description="Maximum number of pixels of an image."
    )
    max_json_bytes: int = Field(
        32 * MIB, ge=1, description="Maximum size of a registration of pipelines."
    )
    max_result_bytes: int = Field(
        512 * MIB, ge=1, description="Maximum size of a request body with results of a worker."
    )
    deleted_images_kept_days: float = Field(
        60,
        ge=0,
        le=36_500,
        description="Days for which deleted images can be restored. They are purged afterwards.",
    )
    exports_kept_days: float = Field(
        30, gt=0, le=36_500, description="Days for which files of exports are kept."
    )
    file_check_mib_per_s: float = Field(
        4,
        ge=0,
        le=1e5,
        description="MiB per second that the check of stored files reads. 0 disables the check.",
    )
    file_check_every_days: float = Field(
        7, ge=0, le=3650, description="Days between two checks of all stored files."
    )
    decoders: int = Field(
        2,
        ge=1,
        le=64,
        description="Number of restricted processes that decode images, for each server process.",
    )
    allow_private_sources: bool = Field(
        False,
        description="Allow sources, webhooks and external pipelines in private networks (RFC "
        "1918: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16). `trapline up` sets it.",
    )
    allowed_networks: tuple[str, ...] = Field(
        (),
        description="Additional networks for sources, webhooks and external pipelines, "
        "comma-separated: a network, an address or a host, each with an optional port, such as "
        "`10.8.0.0/16, 127.0.0.1:8080, camera.local:8080`. Loopback and this machine must be "
        "listed by address. Link-local and metadata addresses are always refused.",
    )
    source_folders: tuple[str, ...] = Field(
        (),
        description="Local folders for pull sources, comma-separated. Default: none; under "
        "`trapline up` the folders where memory cards and disks are mounted (/media, /mnt, "
        "/run/media, /Volumes).",
    )
    project_creation: Literal["users", "operators"] = Field(
        "users",
        description="Accounts that can create projects: `users` (all) or `operators`.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="Addresses and networks of proxies, comma-separated. The server uses "
        "X-Forwarded-For and X-Forwarded-Proto of these proxies only.",
    )
    worker_calls_per_s: float = Field(
        2000,
        gt=0,
        le=1e6,
        description="Requests per second with the token of one worker, for each process. Results "
        "are never refused.",
    )
    token_calls_per_s: float = Field(
        1000,
        gt=0,
        le=1e6,
        description="Requests per second with any other token, session or key, for each process.",
    )
    address_calls_per_s: float = Field(
        100,
        gt=0,
        le=1e6,
        description="Requests per second from one network address without valid credentials, for "
        "each process. Behind a proxy, set TRAPLINE_TRUSTED_PROXIES.",
    )
    streams_at_once: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Number of open event streams of one token or session, for each process.",
    )
    ml_analysis_enabled: bool = Field(
        True,
        description="External pipelines can create analyses and send callbacks. If false, these "
        "calls return 404.",
    )
    ml_callback_hmac_secret: SecretStr | None = Field(
        None,
        description="Shared secret of v1 signatures. During a rotation up to three, "
        "comma-separated, the newest first.",
    )
    ml_hmac_allow_shared_secret: bool = Field(
        True,
        description="Accept the shared secret. Set to false when every pipeline signs with a "
        "separate secret.",
    )
    ml_hmac_min_version: int = Field(
        1, ge=1, le=2, description="Oldest accepted version of signatures. 2 refuses v1."
    )
    ml_pipeline_require_hmac: bool = Field(
        True,
        description="If false, the API token of a manager can send callbacks without a "
        "signature. A wrong signature is still refused.",
    )
    ml_hmac_timestamp_skew_seconds: int = Field(
        300,
        ge=1,
        le=86_400,
        description="Maximum difference between the time of a signature and the time of the "
        "server.",
    )
    ml_callback_max_body_bytes: int = Field(
        32 * MIB, ge=1024, description="Maximum size of a callback body."
    )
    ml_allowed_models: tuple[str, ...] = Field(
        (),
        description="Models for which external pipelines can create analyses, comma-separated. "
        "Default: all.",
    )
    ml_max_analyses_per_image: int = Field(
        50,
        ge=1,
        description="Maximum number of open and completed analyses of an image, without those of "
        "jobs.",
    )
    ml_max_bulk_annotations: int = Field(
        5000, ge=1, le=100_000, description="Maximum number of annotations in one bulk request."
    )
    ml_max_artifact_bytes: int = Field(256 * MIB, ge=1, description="Maximum size of an artifact.")
    ml_presigned_url_expiry_seconds: int = Field(
        900, ge=1, le=604_800, description="Validity of the upload URL of an artifact."
    )
    ml_stale_after_s: int = Field(
        3600, ge=1, description="Time without contact after which an analysis is shown as stale."
    )
    s3_endpoint: str | None = Field(
        None, description="URL of an S3 server for files. Default: a folder in the data folder."
    )
    s3_public_endpoint: str | None = Field(
        None, description="External URL of the S3 server, for signed URLs."
    )
    s3_bucket: str | None = Field(None, description="Name of an existing bucket.")
    s3_access_key_id: str | None = Field(None, description="Access key.")
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_region: str = Field("us-east-1", description="Region for which requests are signed.")
    oidc_issuer: str | None = Field(
        None,
        description="Issuer URL of the OpenID provider of your organisation, such as "
        "https://login.example.org. Users with an account can sign in with it.",
    )
    oidc_client_id: str | None = Field(
        None, description="Client ID of this server at the OpenID provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        None,
        description="Client secret at the OpenID provider. Without it only PKCE protects the "
        "sign-in.",
    )
    oidc_scopes: str = Field(
        "openid email profile",
        description="Scopes requested from the OpenID provider. They must include openid and "
        "email.",
    )
    oidc_name: str = Field(
        "your organisation",
        max_length=60,
        description="Name of the provider on the button of the sign-in page.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token for /metrics. Without it, /metrics does not exist.",
    )
    metrics_listen: str | None = Field(
        None,
        description="Separate port for /metrics without a token: a port of the loopback "
        "interface, or an address with a port, such as 10.0.0.5:9464. Default: none.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="URL of the mail server, such as "
        "smtp+starttls://user:password@mail.example.org (or smtps://, smtp://). Without it, no "
        "e-mail is sent.",
    )
    mail_from: str | None = Field(
        None,
        description="Sender of e-mails. Default: trapline@ and the host of `TRAPLINE_PUBLIC_URL`.",
    )
    nats_url: SecretStr | None = Field(
        None,
        description="URL of a NATS server for webhook events, such as "
        "nats://user:password@nats.example.org. Events are published as trapline.PROJECT.EVENT. "
        "Requires the extra `nats`.",
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum level of log lines."
    )

    @field_validator(
        "allowed_networks", "source_folders", "trusted_proxies", "ml_allowed_models", mode="before"
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("allowed_networks")
    @classmethod
    def _allowed_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from trapline.server.platform.network.outbound_policy import parse_allowed_network

        for entry in value:
            parse_allowed_network(entry)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _known_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @field_validator("ml_callback_hmac_secret")
    @classmethod
    def _at_most_three(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(parse_secrets(value)) > MAX_SHARED_SECRETS:
            raise ValueError(f"names more than {MAX_SHARED_SECRETS} secrets")
        return value

    @field_validator("metrics_listen")
    @classmethod
    def _a_place_to_listen(cls, value: str | None) -> str | None:
        if value is not None:
            parse_listen_address(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            from trapline.server.platform.network.email_sender import parse_smtp_url

            parse_smtp_url(value.get_secret_value(), "trapline@localhost", "")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _an_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_near = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if (
            not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
            or not (parts.scheme == "https" or is_near)
        ):
            raise ValueError(
                "must be an address such as https://login.example.org; http:// is for this machine alone"
            )
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _with_openid(cls, value: str) -> str:
        if not {"openid", "email"} <= set(value.split()):
            raise ValueError("must have openid and email in it, such as `openid email profile`")
        return " ".join(value.split())

    @field_validator("nats_url")
    @classmethod
    def _a_nats_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or all(
            _is_nats_server(url) for url in value.get_secret_value().split(",")
        ):
            return value
        raise ValueError(
            "must be such as nats://user:password@nats.example.org:4222 (or tls://); in a password : @ / , are written "
            "%3A %40 %2F %2C"
        )

    @field_validator("mail_from")
    @classmethod
    def _a_sender(cls, value: str | None) -> str | None:
        from trapline.server.platform.network.email_sender import parse_sender

        return None if value is None else parse_sender(value)

    @field_validator("public_url", "s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", value):
            raise ValueError("must be an address such as https://trapline.example.org")
        return value.rstrip("/")


def _is_nats_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("nats", "tls") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def parse_listen_address(text: str) -> tuple[str, int]:
    """Read where to listen: a port of the loopback, or an address with a port.

    Raises ValueError in words.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if (
        not re.fullmatch(r"[0-9]{1,5}", port)
        or not 0 < int(port) < 65_536
        or (not host and ":" in text)
    ):
        raise ValueError(
            "must be a port such as 9464, or an address with one such as 10.0.0.5:9464 or [::1]:9464"
        )
    return host or "127.0.0.1", int(port)


def parse_secrets(secret: SecretStr | None) -> tuple[str, ...]:
    """Split a comma list of secrets; the first is the newest."""
    text = "" if secret is None else secret.get_secret_value()
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load_settings(
    environment: Mapping[str, str] | None = None, env_file: Path = Path(".env")
) -> Settings:
    """Read the settings; the environment wins over the file.

    Raises SettingsError for a value that cannot be used and for a name of ours that no part reads.
    """
    given = {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    given.update(os.environ if environment is None else environment)
    validate_variables(given)
    fields = {
        name: given[variable]
        for name, variable in get_variable_names().items()
        if given.get(variable)  # an empty variable is one that is not set
    }
    try:
        return Settings.model_validate(fields)
    except ValidationError as error:
        variables = get_variable_names()
        wrong = "; ".join(
            f"{variables.get(str(problem['loc'][0]), problem['loc'][0])} {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise SettingsError(f"A setting cannot be used: {wrong}.") from None


def get_variable_names() -> dict[str, str]:
    """Map each field of Settings to the variable that it is read from."""
    return {
        name: name.upper() if name.startswith(BARE) else f"TRAPLINE_{name.upper()}"
        for name in Settings.model_fields
    }


def list_known_variables() -> frozenset[str]:
    """Every variable of ours that some part reads, tests included."""
    return frozenset(get_variable_names().values()) | WORKER_NAMES | TEST_NAMES | HANDED_DOWN


def validate_variables(environment: Mapping[str, str]) -> None:
    """Refuse names of ours that no part reads: a misspelt setting would silently do nothing.

    Raises SettingsError.
    """
    known = list_known_variables()
    for name in sorted(environment):
        if not _OURS.match(name) or name in known or _OF_KUBERNETES.search(name):
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = (
            f"Did you mean {nearest[0]}?"
            if nearest
            else "Remove it, or see the list of settings in the docs."
        )
        raise SettingsError(f"{name} is set, but no part of Trapline reads it. {hint}")


def load_secret_keys(settings: Settings) -> Mapping[int, bytes]:
    """The secret keys by version: those of the settings, or those of the data folder, whose file is followed."""
    try:
        if settings.secret_key is not None:
            return parse_keys(settings.secret_key.get_secret_value(), "TRAPLINE_SECRET_KEY")
        return KeyFile(settings.data / NAME)
    except ValueError as error:
        raise SettingsError(str(error)) from None
