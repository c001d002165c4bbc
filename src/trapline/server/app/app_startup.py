"""Builds the AppContext of a process from the settings, and closes it at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trapline.extras import describe_install

# Rows have foreign keys to tables of other domains, which must be loaded too.
from trapline.server.app import tables  # noqa: F401
from trapline.server.app.hooks import register_hooks
from trapline.server.app.settings import Settings, SettingsError, load_secret_keys, parse_secrets
from trapline.server.platform.app_context import (
    AppContext,
    CallbackSettings,
    FileChecks,
    IngestLimits,
    LeaseSettings,
    RateLimits,
    build_token_buckets,
)
from trapline.server.platform.db.base import Database
from trapline.server.platform.imaging.decoder_pool import DecodeLimits as DecoderLimits
from trapline.server.platform.imaging.decoder_pool import DecoderPool
from trapline.server.platform.map_tiles import MapTiles, parse_map_tiles, require_archive
from trapline.server.platform.network.email_sender import SmtpServer, parse_smtp_url
from trapline.server.platform.network.nats_connection import NatsFiles
from trapline.server.platform.network.nats_credentials import NatsAccount
from trapline.server.platform.network.nats_user import load_nats_user, parse_account_seed
from trapline.server.platform.network.oidc_provider import OidcProvider
from trapline.server.platform.network.outbound_policy import OutboundPolicy, parse_allowed_network
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.url_signatures import FILES
from trapline.server.platform.vault import SecretKeys

if TYPE_CHECKING:
    from trapline.server.platform.store.s3_store import S3Store


@asynccontextmanager
async def open_app_context(settings: Settings) -> AsyncIterator[AppContext]:
    """Open the database, store and other parts that the settings name; close them at the end.

    The database must exist.

    Raises:
        SettingsError: a required setting is missing.
    """
    if settings.database_url is None:
        raise SettingsError(
            "DATABASE_URL is not set. Set it, or run `trapline up`, which starts a database and "
            "sets it."
        )
    register_hooks()
    keys = SecretKeys(load_secret_keys(settings))
    store = _find_bucket_store(settings) or LocalStore(
        settings.data / "store", keys.follow(FILES), settings.public_url
    )
    database = Database(
        settings.database_url.get_secret_value(), connections=settings.database_connections
    )
    decoders = DecoderPool(settings.decoders, DecoderLimits(max_pixels=settings.max_image_pixels))
    try:
        yield AppContext(
            database=database,
            store=store,
            decoders=decoders,
            outbound=_outbound_policy(settings),
            secrets=keys,
            public_url=settings.public_url,
            source_folders=tuple(Path(folder) for folder in settings.source_folders),
            own_folders=(settings.data, settings.data / "store"),
            operators_create_projects=settings.project_creation == "operators",
            work_folder=settings.data / "work",
            leases=LeaseSettings(
                lease_s=settings.lease_s,
                lease_max_s=settings.lease_max_s,
                reaper_s=settings.reaper_s,
                errors=settings.task_errors,
                losses=settings.task_losses,
                held_at_most=settings.held_at_most,
            ),
            file_checks=FileChecks(
                bytes_per_s=settings.file_check_mib_per_s * 2**20,
                every_s=settings.file_check_every_days * 86_400,
            ),
            limits=IngestLimits(
                image_bytes=settings.max_image_bytes,
                image_pixels=settings.max_image_pixels,
                json_bytes=settings.max_json_bytes,
                result_bytes=settings.max_result_bytes,
                deleted_kept_s=settings.deleted_images_kept_days * 86_400,
                exports_kept_s=settings.exports_kept_days * 86_400,
                streams=settings.streams_at_once,
            ),
            callbacks=_callbacks(settings),
            metrics_token=settings.metrics_token.get_secret_value()
            if settings.metrics_token
            else None,
            rates=RateLimits(
                workers=build_token_buckets(settings.worker_calls_per_s),
                callers=build_token_buckets(settings.token_calls_per_s),
                strangers=build_token_buckets(settings.address_calls_per_s),
            ),
            mail_server=_find_mail_server(settings),
            identity_provider=_find_identity_provider(settings),
            nats_url=_find_nats(settings),
            nats_files=_find_nats_files(settings),
            nats_account=_find_nats_account(settings),
            map_tiles=_find_map_tiles(settings),
        )
    finally:
        await decoders.close()
        await database.close()


async def validate_store(settings: Settings) -> None:
    """Try all operations that the server uses on the S3 server, if one is configured.

    Raises:
        ServiceUnavailable: an operation is refused; the message names the missing permission.
    """
    store = _find_bucket_store(settings)
    if store is not None:
        await store.check_rights()


def _find_bucket_store(settings: Settings) -> "S3Store | None":
    """Build the store on the configured S3 server; None if none is configured.

    Raises:
        SettingsError: a required setting is missing.
    """
    if not any(name.startswith("s3_") for name in settings.model_fields_set):
        return None
    endpoint, bucket = settings.s3_endpoint, settings.s3_bucket
    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if endpoint is None or bucket is None or key is None or secret is None:
        needed = {
            "ENDPOINT": endpoint,
            "BUCKET": bucket,
            "ACCESS_KEY_ID": key,
            "SECRET_ACCESS_KEY": secret,
        }
        missing = ", ".join(f"S3_{name}" for name, value in needed.items() if value is None)
        raise SettingsError(
            f"Some settings of S3 are set, but {missing} is missing. Set all of them, or none."
        )
    # The S3 modules take long to import, and most installations do not use them.
    from trapline.server.platform.store.presign import S3Signer
    from trapline.server.platform.store.s3_store import S3BucketConfig, S3Store

    signer = S3Signer(key, secret.get_secret_value(), settings.s3_region)
    place = S3BucketConfig(endpoint, settings.s3_public_endpoint or endpoint, bucket, signer)
    return S3Store(place, settings.data / "store")


def _outbound_policy(settings: Settings) -> OutboundPolicy:
    return OutboundPolicy(
        allow_private=settings.allow_private_sources,
        allowed_networks=tuple(parse_allowed_network(entry) for entry in settings.allowed_networks),
    )


def _find_nats_account(settings: Settings) -> NatsAccount | None:
    if settings.nats_account_seed is None:
        return None
    return NatsAccount(parse_account_seed(settings.nats_account_seed.get_secret_value()))


def _find_nats_files(settings: Settings) -> NatsFiles:
    """Return the files for connections to the NATS server.

    Raises:
        SettingsError: a file cannot be read, or is not what its setting names.
    """
    files = NatsFiles(
        settings.nats_ca_file,
        settings.nats_certificate_file,
        settings.nats_key_file,
        settings.nats_credentials_file,
    )
    try:
        files.build_context()
    except OSError as error:
        raise SettingsError(
            "TRAPLINE_NATS_CA_FILE, TRAPLINE_NATS_CERTIFICATE_FILE or TRAPLINE_NATS_KEY_FILE is "
            f"not a readable PEM file with a certificate or its key: {error}"
        ) from None
    if files.credentials is not None:
        try:
            load_nats_user(files.credentials)
        except (OSError, ValueError) as error:
            raise SettingsError(f"TRAPLINE_NATS_CREDENTIALS_FILE: {error}") from None
    return files


def _find_map_tiles(settings: Settings) -> MapTiles | None:
    """Return the tiles of maps; None if none are configured.

    Raises:
        SettingsError: their file cannot be read, or is not a PMTiles file.
    """
    if settings.map_tiles is None:
        return None
    tiles = parse_map_tiles(settings.map_tiles, settings.map_attribution)
    if tiles.file is not None:
        try:
            require_archive(tiles.file)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"TRAPLINE_MAP_TILES is not a readable PMTiles file: {error}. Correct the path, or "
                "remove the setting; maps then show coarse land."
            ) from None
    return tiles


def _find_nats(settings: Settings) -> str | None:
    """Return the URL of the NATS server; None if none is configured.

    Raises:
        SettingsError: the extra `nats` is not installed.
    """
    if settings.nats_url is None:
        return None
    if find_spec("nats") is None:
        raise SettingsError(
            "TRAPLINE_NATS_URL requires an extra that is not installed: "
            f"{describe_install('server', 'nats')}"
        )
    return settings.nats_url.get_secret_value()


def _find_identity_provider(settings: Settings) -> OidcProvider | None:
    """Build the configured OpenID provider; None if none is configured.

    Raises:
        SettingsError: a required setting is missing.
    """
    if settings.oidc_issuer is None and settings.oidc_client_id is None:
        return None
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        missing = "CLIENT_ID" if settings.oidc_issuer else "ISSUER"
        raise SettingsError(
            f"Some settings of OIDC are set, but TRAPLINE_OIDC_{missing} is missing. Set both, or "
            "neither."
        )
    return OidcProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value()
        if settings.oidc_client_secret
        else None,
        scopes=settings.oidc_scopes,
        name=settings.oidc_name,
        policy=_outbound_policy(settings),
    )


def _find_mail_server(settings: Settings) -> SmtpServer | None:
    """Build the configured mail server; None if none is configured."""
    if settings.smtp_url is None:
        return None
    host = urlsplit(settings.public_url).hostname or "localhost"
    return parse_smtp_url(
        settings.smtp_url.get_secret_value(), settings.mail_from or f"trapline@{host}", host
    )


def _callbacks(settings: Settings) -> CallbackSettings:
    return CallbackSettings(
        shared_secrets=parse_secrets(settings.ml_callback_hmac_secret),
        allow_shared=settings.ml_hmac_allow_shared_secret,
        min_version=settings.ml_hmac_min_version,
        require_signature=settings.ml_pipeline_require_hmac,
        skew_s=settings.ml_hmac_timestamp_skew_seconds,
        body_bytes=settings.ml_callback_max_body_bytes,
        allowed_models=settings.ml_allowed_models,
        analyses_per_image=settings.ml_max_analyses_per_image,
        bulk_annotations=settings.ml_max_bulk_annotations,
        artifact_bytes=settings.ml_max_artifact_bytes,
        address_lifetime_s=settings.ml_presigned_url_expiry_seconds,
        stale_after_s=settings.ml_stale_after_s,
    )
