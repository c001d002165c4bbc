"""Gather the records of an export into a spool on the disk, page by page in short transactions."""

import asyncio
import io
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog

from trapline.server.exports.actions.export_attempt import (
    ExportAttempt,
    ExportOwnershipLost,
    require_disk_space,
)
from trapline.server.exports.actions.export_locations import (
    is_for_visitors,
    list_export_precisions,
)
from trapline.server.exports.actions.export_pages import (
    ObservationsReplaced,
    derive_missing_observations,
    read_page,
)
from trapline.server.exports.actions.export_selection import build_selection
from trapline.server.exports.formats.deployment_counts import count_deployments
from trapline.server.exports.formats.export_assembly import (
    ExportNames,
    ExportPage,
    build_records,
)
from trapline.server.exports.formats.export_records import (
    IMAGES,
    DeploymentRecord,
    ExportMetadata,
    TaxonRecord,
    write_records,
)
from trapline.server.exports.queries.export_gathering import (
    count_selected,
    has_remaining_images,
    list_annotation_sizes,
    list_deployments,
    list_images,
    list_reviewer_names,
    list_taxa,
)
from trapline.server.exports.queries.exported_observations import (
    get_current_set,
    is_first_build,
)
from trapline.server.exports.queries.exports import (
    add_export_images,
    delete_export_images,
)
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.rules.locations import Location, Precision, get_shown_fields
from trapline.server.imports.queries.imported_ids import DeploymentIds, list_deployment_ids
from trapline.server.platform.errors import StatementTimeout, Unprocessable
from trapline.server.platform.failpoints import hit
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.review.queries.taxon_labels import list_label_taxa
from trapline.wire.exports import ExportContent

log = structlog.get_logger(__name__)

PAGE, FIRST_PAGE = 500, 50
PAGE_BYTES, FOUND_BYTES = 16 << 20, 200
"""The memory limit of a page, and the size of an annotation without its data; both in bytes.

A page with many annotations is cut before these are read.
"""
ABOUT = "about.json"
MOST_SETS = 5
"""An export starts again this many times if the observations are derived with other settings."""


async def gather_records(attempt: ExportAttempt) -> None:
    """Gather all records of an export into its spool, or continue where an earlier attempt stopped.

    Raises:
        ExportOwnershipLost: the export was canceled, deleted or claimed by another process.
        ServiceUnavailable: a temporary fault of the database.
    """
    await _Gatherer(attempt).gather()


@dataclass
class _Progress:
    deployment: UUID | None = None
    after: tuple[datetime, UUID] | None = None
    is_again: bool = False
    set_id: int | None = None
    """The set of observations that all pages are read from; None for raw model output."""

    def as_json(self) -> dict[str, Any]:
        captured_at, image = self.after or (None, None)
        return {
            "deployment": self.deployment and str(self.deployment),
            "captured_at": captured_at and captured_at.isoformat(),
            "image": image and str(image),
            "again": self.is_again,
            "set": self.set_id,
        }

    @classmethod
    def read(cls, stored: dict[str, Any] | None) -> "_Progress":
        if stored is None:
            return cls()
        after = (
            (datetime.fromisoformat(stored["captured_at"]), UUID(stored["image"]))
            if stored["image"]
            else None
        )
        deployment = UUID(stored["deployment"]) if stored["deployment"] else None
        # An earlier version stored no set.
        return cls(deployment, after, stored["again"], stored.get("set"))


class _Gatherer:
    """Fill the spool of one attempt."""

    def __init__(self, attempt: ExportAttempt) -> None:
        self._on = attempt
        self._wanted = build_selection(attempt.row)
        self._is_public = self._is_first_build = self._is_unchecked = False

    async def gather(self) -> None:
        """Gather all records of the export into its spool, unless the spool is complete."""
        progress = _Progress.read(self._on.row.gathered_to)
        is_usable = self._is_spool_whole() and (
            not self._has_observations or progress.set_id is not None
        )
        if self._on.row.state == "writing" and is_usable and (self._on.folder / ABOUT).exists():
            return
        if not is_usable:
            await self._restart(progress)
        if self._on.row.expected is None:
            await self._count()
        with (self._on.folder / IMAGES).open("ab") as spool:
            _cut(spool, self._on.row.spooled_bytes)
            await self._gather_set(spool, progress)
            while not progress.is_again and await self._is_any_left():
                progress.is_again = True
                await self._restart(progress)
                _cut(spool, 0)
                await self._gather_set(spool, progress)
        precisions = await self._write_about()
        await self._on.update(state="writing", precisions=precisions)

    @property
    def _has_observations(self) -> bool:
        return self._on.row.content == ExportContent.OBSERVATIONS

    async def _gather_set(self, spool: io.BufferedWriter, progress: _Progress) -> None:
        """Gather all pages from one set of observations; start again if another replaces it."""
        for _ in range(MOST_SETS):
            try:
                await self._gather_pages(spool, progress)
            except ObservationsReplaced:
                log.info("the observations of an export were replaced", export=str(self._on.row.id))
                await self._restart(progress)
                _cut(spool, 0)
            else:
                return
        raise Unprocessable(
            "The settings of the project's observations changed several times while the export was "
            "created. Export again when they are complete."
        )

    def _is_spool_whole(self) -> bool:
        with suppress(FileNotFoundError):
            return (self._on.folder / IMAGES).stat().st_size >= self._on.row.spooled_bytes
        return self._on.row.spooled_bytes == 0

    async def _restart(self, progress: _Progress) -> None:
        progress.deployment = progress.after = None
        async with self._on.system.database.transaction(self._on.scope) as tx:
            if self._has_observations:
                progress.set_id = await get_current_set(self._on.scope, tx, self._on.row.project_id)
            await delete_export_images(self._on.scope, tx, self._on.row.id)
            nothing = {
                "spooled_bytes": 0,
                "images": 0,
                "annotations": 0,
                "gathered_to": progress.as_json(),
            }
            await self._on.update_in(tx, state="gathering", **nothing)
        self._on.row.spooled_bytes = self._on.row.images = self._on.row.annotations = 0

    async def _count(self) -> None:
        try:
            async with self._on.system.database.transaction(self._on.scope) as tx:
                await self._on.update_in(
                    tx, expected=await count_selected(self._on.scope, tx, self._wanted)
                )
        except StatementTimeout:
            log.info("counting the images of an export timed out", export=str(self._on.row.id))

    async def _is_any_left(self) -> bool:
        """Return whether an image moved; if that takes too long, ask for each deployment."""
        self._is_unchecked = False
        with suppress(StatementTimeout):
            return await self._is_left(None)
        async with self._on.system.database.transaction(self._on.scope) as tx:
            listed = await list_deployments(self._on.scope, tx, self._wanted)
        for deployment in [one.id for one in listed]:
            self._on.check()
            try:
                if await self._is_left(deployment):
                    return True
            except StatementTimeout:
                self._is_unchecked = True
        return False

    async def _is_left(self, deployment: UUID | None) -> bool:
        async with self._on.system.database.transaction(self._on.scope) as tx:
            return await has_remaining_images(
                self._on.scope, tx, self._wanted, self._on.row.id, deployment
            )

    async def _gather_pages(self, spool: io.BufferedWriter, progress: _Progress) -> None:
        async with self._on.system.database.transaction(self._on.scope) as tx:
            project = await tx.session.get(ProjectRow, self._on.row.project_id)
            self._is_public = project is not None and project.public
            self._is_first_build = await is_first_build(self._on.scope, tx, self._on.row.project_id)
            deployments = [
                row.id for row in await list_deployments(self._on.scope, tx, self._wanted)
            ]
            names = ExportNames(
                people=await list_reviewer_names(self._on.scope, tx, self._on.row.project_id),
                meanings=await list_label_taxa(self._on.scope, tx, self._on.row.project_id),
                confidence_min=self._on.row.options.get("confidence_min"),
            )
        limit = min(FIRST_PAGE, PAGE)
        for deployment in deployments:
            if progress.deployment is not None and deployment < progress.deployment:
                continue
            if deployment != progress.deployment:
                progress.deployment, progress.after = deployment, None
            is_last = False
            while not is_last:
                try:
                    images, weight, is_last = await self._gather_page(spool, progress, names, limit)
                except StatementTimeout:
                    if limit == 1:
                        raise
                    _cut(spool, self._on.row.spooled_bytes)
                    limit //= 2
                    continue
                limit = get_page_size(limit, images, weight)

    async def _gather_page(
        self, spool: io.BufferedWriter, progress: _Progress, names: ExportNames, limit: int
    ) -> tuple[int, int, bool]:
        """Gather a page; return its number of images, its size in bytes and whether it is the last.

        The progress in memory changes only after the commit. After an error, the page can be
        gathered again.
        """
        scope, row = self._on.scope, self._on.row
        assert progress.deployment is not None
        self._on.check()
        if progress.set_id is not None and self._is_first_build:
            await derive_missing_observations(
                self._on, self._wanted, progress.set_id, progress.deployment, progress.after, limit
            )
        async with self._on.system.database.transaction(scope) as tx:
            listed = await list_images(
                scope, tx, self._wanted, progress.deployment, progress.after, limit
            )
            if not listed:
                return 0, 0, True
            weights = await list_annotation_sizes(
                scope, tx, [image.id for image in listed], FOUND_BYTES
            )
            images = listed[: count_fitting([weights.get(image.id, 0) for image in listed])]
            new = await add_export_images(scope, tx, row, [image.id for image in images])
            page = await read_page(
                self._on,
                tx,
                self._wanted,
                [image for image in images if image.id in new],
                progress.set_id,
                is_public=self._is_public,
            )
            annotations = await asyncio.to_thread(_spool_page, spool, page, names)
            after = (images[-1].captured_at, images[-1].id)
            reached = {
                "spooled_bytes": spool.tell(),
                "images": row.images + len(page.images),
                "annotations": row.annotations + annotations,
            }
            await self._on.update_in(
                tx, gathered_to=replace(progress, after=after).as_json(), **reached
            )
        weight = reached["spooled_bytes"] - row.spooled_bytes
        weight += sum(FOUND_BYTES + len(one.data) for one in page.found)
        progress.after = after
        for name, value in reached.items():
            setattr(row, name, value)
        await hit("export page")
        return len(images), weight, len(images) == len(listed) < limit

    async def _write_about(self) -> dict[str, int]:
        """Write the metadata, and return the deployments that are not shown exactly."""
        scope, row = self._on.scope, self._on.row
        async with self._on.system.database.transaction(scope) as tx:
            project = await tx.session.get(ProjectRow, row.project_id)
            if project is None:
                raise ExportOwnershipLost
            known = await list_deployment_ids(scope, tx, row.project_id)
            precisions = await list_export_precisions(tx, row)
            for_visitors = await is_for_visitors(tx, row)
            deployments = {
                one.id: _build_deployment(
                    one, known.get(one.id, DeploymentIds("")), precisions.get(one.id)
                )
                for one in await list_deployments(scope, tx, self._wanted)
            }
            taxa = [TaxonRecord(**one) for one in await list_taxa(scope, tx, row.project_id)]
        about = ExportMetadata(
            project_id=project.id,
            project_name=project.name,
            project_description=project.description,
            started_at=row.created_at,
            sequence_gap_s=project.sequence_gap_s,
            public=project.public,
            public_url=self._on.system.public_url,
            for_visitors=for_visitors,
            is_unchecked=self._is_unchecked,
            options=row.options,
            deployments=await asyncio.to_thread(count_deployments, self._on.folder, deployments),
            taxa=taxa,
        )
        draft = self._on.folder / f".{ABOUT}"
        draft.write_bytes(msgspec.json.encode(about))
        draft.rename(self._on.folder / ABOUT)
        return {str(key): int(level) for key, level in precisions.items()}


def _build_deployment(
    row: DeploymentRow, ids: DeploymentIds, precision: Precision | None
) -> DeploymentRecord:
    """Build the record of a deployment as exactly as the export may show it."""
    counted = {"images", "first_image_at", "last_image_at", "remarked", "described", "precision"}
    counted |= set(DeploymentIds._fields)
    shown = set(DeploymentRecord.__struct_fields__) - counted
    values = {name: getattr(row, name) for name in shown}
    if not precision:
        return DeploymentRecord(**values, **ids._asdict())
    location = Location(row.latitude, row.longitude, row.coordinate_uncertainty_m)
    replaced = get_shown_fields(row.id, location, precision)
    return DeploymentRecord(**values | replaced, precision=int(precision))


def get_page_size(limit: int, images: int, weight: int) -> int:
    """Return the size of the next page: at most twice the present limit, and within PAGE_BYTES.

    `images` and `weight` are the images and bytes of the page before.
    """
    fitting = PAGE_BYTES * images // weight if weight else PAGE
    return max(1, min(PAGE, 2 * limit, fitting))


def count_fitting(weights: Sequence[int]) -> int:
    """Return how many images of these sizes in bytes fit into one page, at least one."""
    held = 0
    for number, weight in enumerate(weights):
        held += weight
        if held > PAGE_BYTES and number:
            return number
    return len(weights)


def _cut(spool: io.BufferedWriter, size: int) -> None:
    """Cut off what a page wrote that was never committed."""
    spool.truncate(size)
    spool.seek(0, os.SEEK_END)


def _spool_page(spool: io.BufferedWriter, page: ExportPage, names: ExportNames) -> int:
    """Append a page to the spool, flush it to the disk, and return its number of annotations.

    Raises:
        OSError: the disk is almost full.
    """
    require_disk_space(Path(spool.name).parent)
    records = build_records(page, names)
    spool.write(write_records(records))
    spool.flush()
    os.fdatasync(spool.fileno())
    return sum(len(record.found) for record in records)
