"""The rows of Camtrap DP 1.0.2 (TDWG, camtrap-dp.tdwg.org), with all columns in schema order.

The rows are formatted without `csv`, which took as long as all other work. IDs, times and numbers
need no quotes.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

import msgspec

from trapline.server.exports.formats.decimals import format_decimal
from trapline.server.exports.formats.export_events import CountGroup, GroupCount, SequenceEvent
from trapline.server.exports.formats.export_records import join_texts
from trapline.server.exports.formats.export_times import TimeFormatter
from trapline.server.exports.formats.observed_images import (
    ExportedObservation,
    ObservationType,
    ObservedIdentification,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.server.imports.queries.imported_ids import ImportedObservation, read_observation
from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.server.platform.formats.zip_writer import sanitise_path

MEDIA = (
    "mediaID,deploymentID,captureMethod,timestamp,filePath,filePublic,fileName,fileMediatype,"
    "exifData,favorite,mediaComments"
)
OBSERVATIONS = (
    "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,"
    "observationType,cameraSetupType,scientificName,count,lifeStage,sex,behavior,individualID,"
    "individualPositionRadius,individualPositionAngle,individualSpeed,bboxX,bboxY,bboxWidth,"
    "bboxHeight,classificationMethod,classifiedBy,classificationTimestamp,"
    "classificationProbability,observationTags,observationComments"
)
SEXES = frozenset({"female", "male"})
LIFE_STAGES = frozenset({"adult", "subadult", "juvenile"})
LABEL = "label:"
"""Prefix of the tag with the class of an observation."""
NOT_IMPORTED = ImportedObservation()
EVENTS = UUID("a3cfa6f3-4f80-44c9-9796-fdec350840e8")
"""The namespace of the IDs of events, a random UUID."""
MOST_KNOWN = 50_000
MOST_USED = 1_000_000
"""Maximum number of package IDs that are tracked to keep them unique; about 70 bytes each."""
EDGE = 1 - 2e-6
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
# Most file names consist of these characters only, and need no quotes.
_PLAIN = re.compile(r"\w(?:[\w .()/:-]*\w)?+", re.ASCII)
# EXIF fields without the camera's location, its owner, or vendor-specific binary data.
_KEPT_EXIF = frozenset(
    {
        "Make", "Model", "DateTime", "DateTimeOriginal", "DateTimeDigitized",
        "OffsetTimeOriginal", "ExposureTime", "FNumber", "ISOSpeedRatings",
        "PhotographicSensitivity", "Flash", "FocalLength", "ExposureProgram", "MeteringMode",
        "WhiteBalance", "Orientation", "ExifImageWidth", "ExifImageHeight", "Software",
        "SceneCaptureType", "AmbientTemperature",
    }
)  # fmt: skip


def format_cell(text: str) -> str:
    """Format a text as a CSV cell on one line, quoted if necessary and safe in a spreadsheet."""
    if _PLAIN.fullmatch(text):
        return text
    plain = str(escape_formula(_CONTROL.sub(" ", text).strip()))
    return '"' + plain.replace('"', '""') + '"' if "," in plain or '"' in plain else plain


class CellCache(dict[str, str]):
    """A cache of formatted cells by their text, because most texts occur thousands of times."""

    def __missing__(self, text: str) -> str:
        """Format and cache a cell."""
        if len(self) >= MOST_KNOWN:
            self.clear()
        cell = self[text] = format_cell(text)
        return cell


class RowBuilder:
    """Build the rows of media, observations, events and deployments of an export."""

    def __init__(self, naming: TaxonResolver, deployments: Mapping[str, str]) -> None:
        self.cells, self.times, self._naming = CellCache(), TimeFormatter(), naming
        self.deployments = dict(deployments)
        self.individuals = 0
        self._used: set[int] = set()
        self._prefixes: dict[tuple[ObservationType, str, str | None], tuple[str, str]] = {}

    def media(self, image: ObservedImage, at: str, path: str, *, public: bool) -> str:
        """Build the row of an image; `path` is the URL or the relative path of its file."""
        cells = self.cells
        # The public URL returns a JPEG, whatever the format of the original is.
        media_type = "image/jpeg" if path.startswith("http") else image.media_type
        has_comments = image.tags or image.comment or image.remarks or image.flags
        comments = cells[_comments(image)] if has_comments else ""
        return (
            f"{self.name_media(image)},{self.deployments[image.deployment_id]},,{at},{path},"
            f"{'true' if public else 'false'},"
            f"{self.cells[sanitise_path(image.path or image.filename)]},{media_type},"
            f"{_write_exif(image.exif)},"
            f"{'true' if image.starred else 'false'},"
            f"{comments}\n"
        )

    def observation(self, one: ExportedObservation, image: ObservedImage, at: str) -> str:
        """Build the row of an observation of an image."""
        said, found, box, cells = one.said, one.named_by, one.box, self.cells
        kind, name, tag = self._name(one.kind, one.label, one.taxon)
        ids = find_external(one, image)
        given = read_observation(said.external if said is not None else ids)
        if given.label and name:
            tag = self.cells[f"{LABEL}{given.label}"]
        place = ",,,"
        if box is not None:
            across, down = 1.0 / image.width, 1.0 / image.height
            left, top, wide, tall = box[0] * across, box[1] * down, box[2] * across, box[3] * down
            # If all four values are rounded up, a box at the edge would exceed its image.
            if wide < 1e-6 or tall < 1e-6 or left + wide > EDGE or top + tall > EDGE:
                left, top = min(left, 1 - 1e-6), min(top, 1 - 1e-6)
                left, top = round(left, 6), round(top, 6)
                wide, tall = max(min(wide, 1 - left), 1e-6), max(min(tall, 1 - top), 1e-6)
            # `%` is twice as fast as an f-string here, and runs a million times.
            place = "%.6f,%.6f,%.6f,%.6f" % (left, top, wide, tall)  # noqa: UP031
        key, event, individual = self._name_observation(one, image, ids)
        start = (
            f"{key},{self.deployments[image.deployment_id]},{self.name_media(image)},{event},"
            f"{at},{at},media,{kind},,"
            f"{name},"
        )
        if said is not None:
            details, comment = (
                self._details(said, 1 if box is not None else None),
                cells[join_texts((said.comment, one.remarks))],
            )
            by = self._by(said, given)
            return f"{start}{details},{individual},,,,{place},{by},,{tag},{comment}\n"
        count = "1" if box is not None else ""
        start, remarks = f"{start}{count},,,,{individual},,,,{place},", cells[one.remarks]
        if given.classified_by or (given.classified_at and found is not None):
            named = given.classified_by or (found.model if found is not None else "")
            at = self.cells[given.classified_at]
            if not at and found is not None:
                at = self.times.read(found.at)
            sure = "" if one.confidence is None else format_decimal(one.confidence)
            return f"{start}machine,{self.cells[named]},{at},{sure},{tag},{remarks}\n"
        if found is None:
            method = "" if one.kind is ObservationType.UNCLASSIFIED else "machine"
            return f"{start}{method},,,,{tag},{remarks}\n"
        sure = "" if one.confidence is None else format_decimal(one.confidence)
        by = f"machine,{cells[found.model]},{self.times.read(found.at)}"
        return f"{start}{by},{sure},{tag},{remarks}\n"

    def name_media(self, image: ObservedImage) -> str:
        """Return the ID of an image: that of its imported package, otherwise the server's."""
        return self.cells[image.media_id] if image.media_id else image.id

    def name_event(self, one: ExportedObservation, image: ObservedImage) -> str:
        """Return the event ID of an observation: of its package, its sequence or its image."""
        ids = find_external(one, image)
        if ids and ids[1]:
            return self.cells[ids[1]]
        if image.stated is not None and image.stated.event_id:
            return self.cells[image.stated.event_id]
        return image.event_id

    def _name_observation(
        self, one: ExportedObservation, image: ObservedImage, ids: list[str] | None
    ) -> tuple[str, str, str]:
        """Return the IDs of an observation, of its event and of the individual."""
        individual = one.said.individual_id if one.said is not None else None
        if ids is None:
            self.individuals += individual is not None
            return one.id, self.name_event(one, image), self.cells[individual or ""]
        individual = individual or ids[2]
        self.individuals += bool(individual)
        key = self._use_key(ids[0]) or one.id
        return key, self.name_event(one, image), self.cells[individual]

    def _use_key(self, key: str) -> str:
        """Return an ID of a package as a cell, or nothing if it was written before.

        Several packages may have the same ID.
        """
        used = hash(key)
        if not key or used in self._used or len(self._used) >= MOST_USED:
            return ""
        self._used.add(used)
        return self.cells[key]

    def event(
        self,
        event: SequenceEvent,
        key: str,
        group: CountGroup | None = None,
        seen: GroupCount | None = None,
    ) -> str:
        """Build the row of a group in a verified sequence, or of a blank one without a group.

        `key` is the event ID.
        """
        start, end = (self.times.local(at, event.time_zone) for at in (event.start, event.end))
        given = event.external_id if seen is None else seen.external_id
        place = f"{self.deployments[event.deployment_id]},,{key},{start},{end},event,"
        if group is None or seen is None:
            own_key = self._name_event_row(given, event, key, "blank") or event.key_of(group)
            head = f"{own_key},{place}"
            said = event.last
            by = self._by(said) if said is not None else "human,,"
            comment = said.comment or "" if said is not None else ""
            return f"{head}blank,,,,,,,,,,,,,,,{by},,,{self.cells[comment]}\n"
        assert seen.said is not None
        kind, name, tag = self._name(group.kind, group.label, group.taxon)
        details = self._details(seen.said, None, seen.count)
        self.individuals += group.individual is not None
        individual = self.cells[group.individual or ""]
        described = f"{kind},{name},{tag},{details.partition(',')[2]},{individual}"
        own_key = self._name_event_row(given, event, key, described) or event.key_of(group)
        head = f"{own_key},{place}"
        by, comment = self._by(seen.said), self.cells[seen.comment or ""]
        return f"{head}{kind},,{name},{details},{individual},,,,,,,,{by},,{tag},{comment}\n"

    def _name_event_row(self, given: str, event: SequenceEvent, key: str, described: str) -> str:
        """Return the ID of a row from its package, else one that depends on its contents alone.

        An import and export again then gives the same ID, whatever the sequence is called here.
        """
        own = f"{self.deployments[event.deployment_id]},{key},{described}"
        return self._use_key(given) or self._use_key(str(uuid5(EVENTS, own)))

    def _name(self, kind: ObservationType, label: str, taxon: str | None) -> tuple[str, str, str]:
        """Return the type, the scientific name, and the label as a tag if no taxon states it."""
        known = self._prefixes.get((kind, label, taxon))
        if known is None:
            named = self._naming.find(label, taxon)
            name = (
                named.scientific_name
                if kind in (ObservationType.ANIMAL, ObservationType.HUMAN)
                else ""
            )
            tag = (
                f"{LABEL}{label.replace('|', '/')}"
                if label and label.lower() not in (kind, name.lower())
                else ""
            )
            known = self._prefixes[kind, label, taxon] = (self.cells[name], self.cells[tag])
        return kind.value, *known

    def _details(
        self, said: ObservedIdentification, least: int | None, most: int | None = None
    ) -> str:
        count = most or (least if said.count is None else said.count)
        stage = said.life_stage if said.life_stage in LIFE_STAGES else ""
        sex = said.sex if said.sex in SEXES else ""
        return f"{count or ''},{stage},{sex},{self.cells[said.behaviour or '']}"

    def _by(self, said: ObservedIdentification, given: ImportedObservation = NOT_IMPORTED) -> str:
        at = self.cells[given.classified_at] or self.times.read(said.at)
        return f"human,{self.cells[said.by]},{at}"


def _comments(image: ObservedImage) -> str:
    comment = join_texts((image.comment, image.remarks))
    parts = [comment] if comment else []
    if image.tags:
        parts.append("tags: " + " | ".join(image.tags))
    if TRUNCATED in image.flags:
        parts.append("image: " + TRUNCATED)
    if flags := [flag for flag in image.flags if flag != TRUNCATED]:
        parts.append("timestamp: " + " | ".join(flags))
    return "; ".join(parts)


def _write_exif(exif: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in exif.items() if name in _KEPT_EXIF}
    return format_cell(msgspec.json.encode(kept).decode()) if kept else ""


def find_external(one: ExportedObservation, image: ObservedImage) -> list[str] | None:
    """Return the observation, event and individual ID of an observation's package, or None."""
    if one.found is not None and one.found.id == one.id and one.found.external:
        return one.found.external
    if one.said is not None:
        return one.said.external
    is_empty = one.kind in (ObservationType.BLANK, ObservationType.UNCLASSIFIED)
    return image.external if is_empty else None
