"""Camtrap DP 1.0.2 (TDWG): write an export as deployments, media and observations.

Each row is validated against the standard while it is written. Each image is a row of media. Each
thing seen on an image is an observation of that medium, with the latest identification by a person.
If people reviewed all images of a sequence, what they saw is also an observation of that event. A
blank image is one observation. Files that visitors cannot see are not public.
"""

import json
from collections import Counter
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple

from trapline.server.exports.formats.camtrap_dp_deployments import (
    DEPLOYMENTS,
    CapturePeriod,
    DeploymentImages,
    build_deployment_row,
)
from trapline.server.exports.formats.camtrap_dp_descriptor import (
    build_descriptor,
    list_notices,
)
from trapline.server.exports.formats.camtrap_dp_rows import (
    MEDIA,
    OBSERVATIONS,
    RowBuilder,
    format_cell,
)
from trapline.server.exports.formats.camtrap_dp_table import PackageTable
from trapline.server.exports.formats.camtrap_dp_validation import (
    DESCRIPTOR,
    MOST_ROWS,
    validate_package,
)
from trapline.server.exports.formats.export_events import SequenceEvent, SequenceEventBuilder
from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportIssue,
    ExportReport,
    ExportSpool,
)
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import ObservationType, ObservedImage
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.platform.formats.zip_writer import (
    build_folder_names,
    copy_temporary_file,
    get_suffix,
    open_temporary_file,
    open_zip,
)
from trapline.server.review.rules.language_codes import find_language

ROWS_AT_ONCE = 2000
NAMED = frozenset({ObservationType.ANIMAL, ObservationType.HUMAN})
"""The types of observations that have a scientific name."""
MOST_LABELS = 50


class _Writer:
    def __init__(self, spool: ExportSpool, report: ExportReport) -> None:
        self.about, self.report = spool.about, report
        self._all_taxa = spool.taxa
        self.naming = TaxonResolver(spool.taxa)
        self.rows = RowBuilder(
            self.naming,
            {
                str(one.id): format_cell(one.external_id or str(one.id))
                for one in spool.about.deployments
            },
        )
        self._event_ids: dict[str, set[str]] = {}
        self.summaries = {str(one.id): DeploymentImages() for one in spool.about.deployments}
        self.labels: Counter[str] = Counter()
        self.taxa: set[str] = set()
        self.withheld = 0
        self.verified = 0
        folders = build_folder_names(spool.about.deployments)
        self._place = {key: f"media/{folder}/" for key, folder in folders.items()}
        url = spool.about.public_url.rstrip("/")
        is_linked = (
            spool.about.public and url.startswith(("http://", "https://")) and ".." not in url
        )
        self._link = (
            f"{url}/api/v2/public/projects/{spool.about.project_id}/images/" if is_linked else ""
        )

    def write_images(
        self, spool: ExportSpool, media: PackageTable, observations: PackageTable
    ) -> None:
        """Write the rows of all images, of their observations, and of the events they form."""
        events, rows, naming, times = (
            SequenceEventBuilder(verified_only=True),
            self.rows,
            self.naming,
            self.rows.times,
        )
        taxa, is_public = self.taxa, spool.about.public
        seen_rows = observations.rows
        for image in spool.read(ObservedImage):
            self.summaries[image.deployment_id].add(image)
            at = times.local(image.captured_at, image.time_zone)
            public = is_public and image.shown and not naming.is_withheld(image)
            self.withheld += not public
            media.rows.append(
                rows.media(image, at, self._path(image, public=public), public=public)
            )
            mark = len(seen_rows)
            for one in (seen := build_observations(image, naming)):
                seen_rows.append(rows.observation(one, image, at))
                if image.media_id or image.stated is not None:
                    self._event_ids.setdefault(image.event_id, set()).add(
                        rows.name_event(one, image)
                    )
                if one.taxon is not None and one.kind in NAMED:
                    taxa.add(one.taxon)
                elif one.kind is ObservationType.ANIMAL:
                    self._count_label(one.label)
            if image.reviewed or image.sequence_id is not None:
                for event in events.add(image, seen):
                    self._complete(event, seen_rows)
            else:
                self._event_ids.pop(image.event_id, None)
            if len(media.first) <= MOST_ROWS and len(observations.first) <= MOST_ROWS:
                media.first += media.rows[-1:]
                observations.first += seen_rows[mark:]
            if len(seen_rows) >= ROWS_AT_ONCE:
                media.flush()
                observations.flush()
        mark = len(seen_rows)
        for event in events.finish():
            self._complete(event, seen_rows)
        observations.first += seen_rows[mark:]
        media.flush()
        observations.flush()

    def _count_label(self, label: str) -> None:
        self.labels[label if label in self.labels or len(self.labels) < MOST_LABELS else ""] += 1

    def _complete(self, event: SequenceEvent, rows: list[str]) -> None:
        # The event ID of the imported package, if all images of the sequence have the same one.
        named = self._event_ids.pop(event.id, set())
        if event.verified:
            self._add_event(event, named.pop() if len(named) == 1 else event.id, rows)

    def _add_event(self, event: SequenceEvent, key: str, rows: list[str]) -> None:
        if not event.said and (event.modelled or event.last is None):
            # People only rejected findings or were unsure, and findings of models alone are not
            # verified.
            return
        self.verified += 1
        if not event.said:
            rows.append(self.rows.event(event, key))
        for group, seen in event.said.items():
            rows.append(self.rows.event(event, key, group, seen))

    def _path(self, image: ObservedImage, *, public: bool) -> str:
        if public and self._link:
            return f"{self._link}{image.id}/file"
        return f"{self._place[image.deployment_id]}{image.id}{get_suffix(image.media_type)}"

    def write_deployments(self, table: PackageTable) -> tuple[datetime, datetime] | None:
        """Write the rows of the deployments; return the start and the end of the whole period."""
        starts, ends = [], []
        for deployment in self.about.deployments:
            summary = self.summaries[str(deployment.id)]
            start, end = self._find_span(deployment, summary)
            if start is None or end is None:
                if not summary.images:
                    self._leave_out(deployment)
                    continue
                self.report.problems.append(
                    ExportIssue(
                        f"{_named(deployment)} has neither images nor dates.", 1, deployment.id
                    )
                )
            else:
                starts.append(start)
                ends.append(end)
            if deployment.latitude is None or deployment.longitude is None:
                self._report_missing_coordinates(deployment, summary)
            issues = self._find_time_issues(deployment, summary)
            table.rows.append(
                build_deployment_row(
                    deployment,
                    self.rows.times.local(start, deployment.time_zone) if start else "",
                    self.rows.times.local(end, deployment.time_zone) if end else "",
                    summary,
                    issues=issues,
                )
            )
        table.first += table.rows
        wrong = bool(self.report.problems)
        # A row without coordinates does not match the schema, but its problem is already reported.
        table.wrong = "" if wrong else None
        table.flush()
        return (min(starts), max(ends)) if starts else None

    def _find_span(
        self, deployment: DeploymentRecord, summary: DeploymentImages
    ) -> tuple[datetime | None, datetime | None]:
        seen = summary.by_camera
        start = deployment.started_at or seen.first or summary.by_file.first
        end = deployment.ended_at or seen.last or summary.by_file.last
        if deployment.started_at is None and start is not None:
            self._fix(
                f"has no start: it is the time of its first image{_of_file(seen)}.", deployment
            )
        if deployment.ended_at is None and end is not None:
            self._fix(f"has no end: it is the time of its last image{_of_file(seen)}.", deployment)
        if start is not None and seen.first is not None and seen.first < start:
            self._fix(
                "has images from before its start, which is that of the first image here.",
                deployment,
            )
            start = seen.first
        if end is not None and seen.last is not None and seen.last > end:
            self._fix(
                "has images from after its end, which is that of the last image here.", deployment
            )
            end = seen.last
        if start is not None and end is None:
            end = start
        if end is not None and start is None:
            start = end
        return start, end

    def _find_time_issues(self, deployment: DeploymentRecord, summary: DeploymentImages) -> bool:
        why = []
        if summary.not_from_exif:
            why.append(
                f"the times of {summary.not_from_exif:,} images were not read from their EXIF"
            )
        if summary.flagged:
            why.append(f"those of {summary.flagged:,} look wrong")
        if deployment.clock_offset_s:
            why.append("its clock was off, which is corrected in the times here")
        stated = deployment.timestamp_issues
        if why and not stated:
            has = "has timestampIssues, because" if stated is None else "states no timestampIssues:"
            self._fix(f"{has} {', '.join(why)}.", deployment)
        return bool(why) if stated is None else stated

    def _report_missing_coordinates(
        self, deployment: DeploymentRecord, summary: DeploymentImages
    ) -> None:
        self.report.problems.append(
            ExportIssue(
                f"{_named(deployment)} has no coordinates, and Camtrap DP requires them. "
                "Give it a latitude and a longitude and export again, or leave out its "
                f"{summary.images:,} images.",
                1,
                deployment.id,
            )
        )

    def _leave_out(self, deployment: DeploymentRecord) -> None:
        what = f"{_named(deployment)} has no images here and no dates, and is left out."
        self.report.left_out.append(ExportIssue(what, 1, deployment.id))

    def _fix(self, what: str, deployment: DeploymentRecord) -> None:
        """Report a correction of a deployment, in one entry with its other corrections."""
        fixed = self.report.fixed
        if fixed and fixed[-1].deployment == deployment.id:
            fixed[-1].what += f" It {what}"
        else:
            fixed.append(ExportIssue(f"{_named(deployment)} {what}", 1, deployment.id))

    def describe(
        self, spool: ExportSpool, span: tuple[datetime, datetime] | None, *, has_images: bool
    ) -> dict[str, Any]:
        """Describe the package as a whole."""
        levels = [
            level for level, there in (("media", has_images), ("event", self.verified)) if there
        ]
        taxa = [taxon for key, taxon in spool.taxa.items() if str(key) in self.taxa]
        shown = [
            one
            for one in self.about.deployments
            if self.summaries[str(one.id)].images or one.started_at or one.ended_at
        ]
        return build_descriptor(
            self.about, shown, span, taxa, levels, individuals=self.rows.individuals > 0
        )

    def report_issues(self) -> None:
        """Add to the report what was filled in and what Camtrap DP cannot hold."""
        filled, missing = list_notices(self.about)
        self.report.left_out += missing
        if self.withheld:
            what = (
                "filePublic is false, and filePath does not resolve, for images that visitors "
                "cannot see: people are on them, a class of them is not known as an animal, a "
                "tag hides them, or no model analysed them."
                if self.about.public
                else "filePublic is false: the project is not public."
            )
            filled = [*filled, ExportIssue(what, self.withheld)]
        self.report.fixed[:0] = filled
        for label, count in self.labels.most_common():
            named = f"of the class “{label}”" if label else "of other classes"
            self.report.left_out.append(
                ExportIssue(
                    f"The scientific name of observations {named}: no taxon of the project has "
                    "this label. They are exported as animals, with the class as a tag. "
                    "Assign a taxon to the label and export again.",
                    count,
                )
            )
        if self.naming.formless:
            self.report.left_out.append(
                ExportIssue(
                    "Masks, heatmaps and custom data: Camtrap DP cannot represent them.",
                    self.naming.formless,
                )
            )
        nameless = sum(
            find_language(language) is None
            for key, taxon in self._all_taxa.items()
            if str(key) in self.taxa
            for language in taxon.common_names
        )
        if nameless:
            what = "Common names in languages without the three-letter code of vernacularNames."
            self.report.left_out.append(ExportIssue(what, nameless))
        if not self._link:
            why = (
                "this server has no public URL"
                if self.about.public
                else "the project is not public"
            )
            what = f"filePath does not resolve: {why}, and the package does not contain the files."
            self.report.left_out.append(ExportIssue(what))


class PackageSample(NamedTuple):
    """The part of an export that Frictionless validates: descriptor and first rows per table."""

    descriptor: dict[str, Any]
    tables: dict[str, list[str]]


def write_export(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write an export as a zip; the report lists the problems that make it invalid."""
    report, made = write_package(spool, out)
    if not report.problems:
        # A specific problem was found already; the validators would only report it again.
        report.problems += [
            ExportIssue(what)
            for what in validate_package(made.descriptor, made.tables, spool.folder)
        ]
    return report


def write_package(spool: ExportSpool, out: BinaryIO) -> tuple[ExportReport, PackageSample]:
    """Write an export as a zip, and validate each row against its schema."""
    report = ExportReport()
    writer = _Writer(spool, report)
    with open_zip(out) as pack, open_temporary_file(spool.folder) as aside:
        observations = PackageTable("observations", OBSERVATIONS, aside)
        with pack.open("media.csv") as file:
            media = PackageTable("media", MEDIA, file)
            writer.write_images(spool, media, observations)
        with pack.open("observations.csv") as file:
            copy_temporary_file(aside, file)
        with pack.open("deployments.csv") as file:
            deployments = PackageTable("deployments", DEPLOYMENTS, file)
            span = writer.write_deployments(deployments)
        descriptor = writer.describe(spool, span, has_images=media.written > 0)
        pack.add(
            DESCRIPTOR,
            json.dumps(descriptor, indent=2, ensure_ascii=False).encode("utf-8", "replace"),
        )
    report.written = observations.written
    writer.report_issues()
    if not media.written:
        report.problems.append(
            ExportIssue(
                "The selection has no images, and Camtrap DP cannot be empty. Choose others."
            )
        )
    tables = {table.name: table for table in (deployments, media, observations)}
    for table in tables.values():
        if table.wrong:
            what = f"{table.name}.csv has a row that the standard forbids: {table.wrong[:300]}"
            report.problems.append(ExportIssue(what))
    return report, PackageSample(descriptor, {name: table.first for name, table in tables.items()})


def _named(deployment: DeploymentRecord) -> str:
    return f"The deployment “{deployment.name}”"


def _of_file(seen: CapturePeriod) -> str:
    return (
        ""
        if seen.first
        else ", taken from the file or the upload, because no image has a time from the camera"
    )
