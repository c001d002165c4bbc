"""The composition root: settings in; engines, application and chores out.

`python -m trapline.server.main api` serves HTTP, `... background` does the chores. `trapline up` starts both.
"""

import asyncio
import gc
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import structlog
import uvicorn
from fastapi import FastAPI

from trapline.server.arrivals import Arrivals
from trapline.server.db.base import Database
from trapline.server.db.migrations import check_present
from trapline.server.errors import TraplineError
from trapline.server.events import Listeners
from trapline.server.failpoints import FailpointsRefused, arm, watch_replies
from trapline.server.imaging.decoders import Decoders
from trapline.server.imaging.decoders import Limits as DecoderLimits
from trapline.server.routes.application import dress, make_application
from trapline.server.routes.protocol import Protocol
from trapline.server.rules.addresses import OutboundPolicy
from trapline.server.settings import Settings, SettingsError, load_settings, read_secret_keys, split_secrets
from trapline.server.store.keys import FILES
from trapline.server.store.local import LocalStore
from trapline.server.system import Callbacks, Leases, Limits, System
from trapline.server.telemetry import set_up_logs
from trapline.server.vault import SecretKeys

if TYPE_CHECKING:
    from trapline.server.store.s3 import S3

log = structlog.get_logger(__name__)

LISTEN_SOCKET = "TRAPLINE_LISTEN_SOCKET"
FAILPOINTS = "TRAPLINE_FAILPOINTS"
STOP_WITHIN_S = 8
KEEP_ALIVE_S = 75


@asynccontextmanager
async def open_system(settings: Settings) -> AsyncIterator[System]:
    """Open the engines that these settings name, and close them at the end. The database must be there already."""
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set. `trapline up` starts a database of its own and sets it.")
    keys = SecretKeys(read_secret_keys(settings))
    store = _find_bucket_store(settings) or LocalStore(
        settings.data / "store", keys.derive_all(FILES), settings.public_url
    )
    database = Database(settings.database_url.get_secret_value(), connections=settings.database_connections)
    decoders = Decoders(settings.decoders, DecoderLimits(max_pixels=settings.max_image_pixels))
    try:
        yield System(
            database=database,
            store=store,
            decoders=decoders,
            outbound=_outbound_policy(settings),
            secrets=keys,
            public_url=settings.public_url,
            source_folders=tuple(Path(folder) for folder in settings.source_folders),
            leases=Leases(
                lease_s=settings.lease_s,
                lease_max_s=settings.lease_max_s,
                reaper_s=settings.reaper_s,
                errors=settings.task_errors,
                losses=settings.task_losses,
                held_at_most=settings.held_at_most,
            ),
            limits=Limits(
                image_bytes=settings.max_image_bytes,
                image_pixels=settings.max_image_pixels,
                json_bytes=settings.max_json_bytes,
                result_bytes=settings.max_result_bytes,
            ),
            callbacks=_callbacks(settings),
        )
    finally:
        await decoders.close()
        await database.close()


async def check_store(settings: Settings) -> None:
    """Try all that will be asked of an S3 server; raises Unavailable in words that name what is missing."""
    store = _find_bucket_store(settings)
    if store is not None:
        await store.check_rights()


def _find_bucket_store(settings: Settings) -> "S3 | None":
    """The store on the S3 server that these settings name; None where they name none. Raises SettingsError."""
    if not any(name.startswith("s3_") for name in settings.model_fields_set):
        return None
    endpoint, bucket = settings.s3_endpoint, settings.s3_bucket
    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if endpoint is None or bucket is None or key is None or secret is None:
        needed = {"ENDPOINT": endpoint, "BUCKET": bucket, "ACCESS_KEY_ID": key, "SECRET_ACCESS_KEY": secret}
        missing = ", ".join(f"S3_{name}" for name, value in needed.items() if value is None)
        raise SettingsError(f"Some settings of S3 are there, but not {missing}. Set all of them, or none.")
    # What speaks S3 takes long to load, and most have none.
    from trapline.server.rules.presign import Signer
    from trapline.server.store.s3 import S3, Bucket

    signer = Signer(key, secret.get_secret_value(), settings.s3_region)
    place = Bucket(endpoint, settings.s3_public_endpoint or endpoint, bucket, signer)
    return S3(place, settings.data / "store")


def _outbound_policy(settings: Settings) -> OutboundPolicy:
    origins = (origin.rpartition(":") for origin in settings.own_origins)
    return OutboundPolicy(
        allow_private=settings.allow_private_sources,
        allowed_networks=tuple(ip_network(network) for network in settings.allowed_networks),
        own_origins=frozenset((host, int(port)) for host, _, port in origins),
    )


def _callbacks(settings: Settings) -> Callbacks:
    return Callbacks(
        shared_secrets=split_secrets(settings.ml_callback_hmac_secret),
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


def make_app(settings: Settings) -> FastAPI:
    """Make the application of one API process; its engines open with it and close with it."""
    app = make_application(None, outside=settings.ml_analysis_enabled)
    app.state.worker_additions = settings.worker_additions

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_system(settings) as system:
            app.state.system = system
            yield

    app.router.lifespan_context = lifespan
    return app


class _Server(uvicorn.Server):
    """Uvicorn waits for open streams and long waits before it stops: ours end at the signal."""

    def __init__(self, config: uvicorn.Config, listeners: Listeners, arrivals: Arrivals) -> None:
        super().__init__(config)
        self._listeners = listeners
        self._arrivals = arrivals

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._listeners.close()
        self._arrivals.close()
        super().handle_exit(sig, frame)


def spare_collection() -> None:
    """Let the collector of cycles pass over what lives as long as the process, and come by less often.

    Bodies of results are read into hundreds of thousands of small objects without a cycle among them: looking through
    these again and again took a quarter of the line's time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve_api(settings: Settings, listener: socket.socket) -> None:
    """Serve HTTP on a listening socket until SIGTERM or SIGINT; requests that are under way may end first."""
    app = make_app(settings)
    spare_collection()
    # Slow callers hold a descriptor each until they are closed; the usual 1,024 are soon theirs.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    config = uvicorn.Config(
        watch_replies(dress(app)),
        log_config=None,
        access_log=False,
        server_header=False,
        http=Protocol,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        # Workers never repeat a POST: one that goes out on a connection which is just being closed is lost.
        timeout_keep_alive=KEEP_ALIVE_S,
        forwarded_allow_ips=list(settings.trusted_proxies) or "",
    )
    _Server(config, app.state.listeners, app.state.arrivals).run([listener])


async def do_chores(settings: Settings) -> None:
    """Do the background work until SIGTERM or SIGINT."""
    # What chores stand on takes long to load, and an API process, which must be there soon, has none.
    from trapline.server.background.run import run_background

    async with open_system(settings) as system:
        await run_background(system)


def main(arguments: list[str]) -> int:
    """Run one process of the server; answers its exit code."""
    try:
        settings = load_settings()
        set_up_logs(settings.log_format, settings.log_level)
        assert settings.database_url is not None, "DATABASE_URL"
        arm(os.environ.get(FAILPOINTS), settings.data)
        check_present(settings.database_url.get_secret_value())
        match arguments:
            case ["api"]:
                serve_api(settings, socket.socket(fileno=int(os.environ[LISTEN_SOCKET])))
            case ["background"]:
                asyncio.run(do_chores(settings))
            case _:
                sys.stderr.write("usage: python -m trapline.server.main api|background\n")
                return 2
    except (SettingsError, TraplineError, FailpointsRefused) as error:
        log.error("this process cannot start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
