"""Download the images that a run names by URL; if one fails, the job fails with the reason."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from trapline.server.images.actions.image_import import (
    ExistingImage,
    build_import_target,
    create_image,
    require_disk_space,
    validate_image,
)
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.host_rate_limits import acquire_host_slot, release_host_slot
from trapline.server.platform.errors import AddressNotAllowed, OutboundFailed, ServiceUnavailable
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.metrics import IMAGES_IMPORTED
from trapline.server.platform.network.http_responses import (
    build_open_file,
    format_status,
    parse_retry_after,
)
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.platform.vault import DecryptionError
from trapline.server.queue.actions.file_receiver import receive_file
from trapline.server.queue.actions.image_urls import decrypt_url, get_host
from trapline.server.queue.actions.jobs import enqueue_expansion
from trapline.server.queue.queries.job_downloads import (
    PendingDownload,
    claim_download,
    complete_download,
    fail_download,
    finish_downloads,
    get_next_delay_s,
    release_download,
    reschedule_download,
)
from trapline.server.queue.rules.run_names import get_image_name

if TYPE_CHECKING:
    from trapline.server.platform.network.open_file import OpenFile

log = structlog.get_logger(__name__)

ATTEMPTS = 4
WITHIN_S = 120.0
CLAIMED_S = WITHIN_S + 30
WAITS_S = (1.0, 4.0, 15.0)
LONGEST_WAIT_S = 60.0
TURN_S = 60.0
"""Seconds for which a run keeps its place, before the next run in the queue gets it."""
WORTH_ANOTHER_TRY = (408, 425, 429)
"""Client errors (400 to 499) that may succeed on a retry."""
GONE = "the URLs of its images were purged, or their deployment was deleted; submit the run again"


class DownloadFailed(Exception):
    """An image that cannot be downloaded, with the reason."""


class PermanentError(OutboundFailed):
    """An error that a retry cannot fix."""


async def download_content(system: AppContext, scope: Scope, job_id: int) -> None:
    """Download the images that a job names by URL, then queue them.

    Several processes may do so for one job: each URL is claimed by one process at a time.
    """
    ends = time.monotonic() + TURN_S
    while True:
        async with system.database.transaction(scope) as tx:
            if time.monotonic() > ends:
                await enqueue_expansion(scope, tx, job_id, fetching=True)
                return
            download = await claim_download(scope, tx, job_id, CLAIMED_S)
            wait_s = None if download else await get_next_delay_s(scope, tx, job_id)
        if download is not None:
            await _take(system, scope, download)
        elif wait_s is None:
            async with system.database.transaction(scope) as tx:
                images = await finish_downloads(scope, tx, job_id)
                if images:
                    await enqueue_expansion(scope, tx, job_id, fetching=False)
                elif images == 0:
                    await fail_download(scope, tx, job_id, GONE)
            return
        elif wait_s > LONGEST_WAIT_S:
            return  # another process has claimed it
        else:
            await asyncio.sleep(wait_s + 0.01)


async def _take(system: AppContext, scope: Scope, download: PendingDownload) -> None:
    try:
        url = decrypt_url(system, download)
    except DecryptionError:
        await _give_up(
            system,
            scope,
            download,
            "a URL cannot be decrypted: it was encrypted with another secret key",
        )
        return
    name = get_image_name(url)
    try:
        async with _visit(system, scope, get_host(url)) as wait_s:
            if not wait_s:
                await _fetch(system, scope, download, url, name)
        if wait_s:
            async with system.database.transaction(scope) as tx:
                await release_download(scope, tx, download)
            await asyncio.sleep(wait_s)
    except DownloadFailed as error:
        await _give_up(system, scope, download, f"{name} cannot be imported: {error}")
    except AddressNotAllowed as error:
        await _give_up(system, scope, download, f"{name} is not allowed: {error.detail}")
    except OutboundFailed as error:
        if download.attempt >= ATTEMPTS or isinstance(error, PermanentError):
            await _give_up(
                system, scope, download, f"{name} could not be downloaded: {error.detail}"
            )
            return
        wait_s = max(WAITS_S[download.attempt - 1], min(error.retry_after_s or 0, LONGEST_WAIT_S))
        log.info(
            "the download of an image is retried",
            job=download.job_id,
            reason=error.detail,
            wait_s=wait_s,
        )
        async with system.database.transaction(scope) as tx:
            await reschedule_download(scope, tx, download, wait_s)


@asynccontextmanager
async def _visit(system: AppContext, scope: Scope, host: str) -> AsyncIterator[float]:
    """Claim a request to a host; return 0, or the seconds to wait if none is available."""
    async with system.database.transaction(scope) as tx:
        turn = await acquire_host_slot(scope, tx, host, system.host_pace, CLAIMED_S)
    if isinstance(turn, float):
        yield turn
        return
    try:
        yield 0.0
    finally:
        # If this fails too, the claim ends after its time limit.
        with contextlib.suppress(ServiceUnavailable):
            async with system.database.transaction(scope) as tx:
                await release_host_slot(scope, tx, host, turn)


async def _give_up(
    system: AppContext, scope: Scope, download: PendingDownload, reason: str
) -> None:
    log.warning("the content of a run cannot be downloaded", job=download.job_id, reason=reason)
    async with system.database.transaction(scope) as tx:
        await fail_download(scope, tx, download.job_id, reason)


async def _fetch(
    system: AppContext, scope: Scope, download: PendingDownload, url: str, name: str
) -> None:
    await require_disk_space(system)
    async with system.store.receive() as incoming:
        opened = await _download(system, url, incoming)
        async with system.database.transaction(scope) as tx:
            place = build_import_target(await get_deployment_row(scope, tx, download.deployment_id))
        checked = await validate_image(
            system,
            scope,
            place,
            incoming,
            name,
            opened.modified_at,
            accepts_truncated=opened.is_end_confirmed,
        )
        if isinstance(checked, UndecodableFile) and not opened.is_end_confirmed:
            raise OutboundFailed(f"{checked.reason}, and its server did not confirm that end")
        if isinstance(checked, UndecodableFile | SkippedFile):
            raise DownloadFailed(checked.reason)
        async with system.database.transaction(scope) as tx:
            if isinstance(checked, ExistingImage):
                image_id, is_new = checked.image_id, False
            else:
                image_id, is_new = await create_image(scope, tx, checked)
            await complete_download(scope, tx, download, image_id)
            if is_new:
                tx.audit(
                    "fetch", "image", image_id, place.project_id, filename=name, job=download.job_id
                )
        if is_new:
            IMAGES_IMPORTED.labels("run").inc()


async def _download(system: AppContext, url: str, incoming: IncomingFile) -> "OpenFile":
    """Download an image and return its properties, as its server reported them.

    Raises:
        OutboundFailed: the download failed; it may succeed later.
        DownloadFailed: the image is larger than the limit.
    """
    from trapline.server.platform.network.outbound import OutboundClient

    outbound = OutboundClient(system.outbound)
    try:
        async with asyncio.timeout(WITHIN_S) as within, outbound.get(url) as answer:
            if answer.status != 200:
                is_lasting = 400 <= answer.status < 500 and answer.status not in WORTH_ANOTHER_TRY
                failure = PermanentError if is_lasting else OutboundFailed
                raise failure(format_status(answer.status, "the image"), parse_retry_after(answer))
            opened = build_open_file(answer)
            if await receive_file(system, opened, incoming, WITHIN_S) is not None:
                raise DownloadFailed(
                    f"it is larger than the {system.limits.image_bytes // 2**20} MiB that are "
                    "allowed"
                )
            return opened
    except TimeoutError as error:
        if not within.expired():
            raise
        raise OutboundFailed(f"it was not received within {WITHIN_S:g} seconds") from error
    finally:
        await outbound.close()
