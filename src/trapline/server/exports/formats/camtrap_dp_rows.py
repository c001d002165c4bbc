"""The rows of Camtrap DP 1.0.2 (TDWG, camtrap-dp.tdwg.org), every column in the order of its
schemas.

Written by hand instead of with `csv`, which took as long as everything else: ids, times and numbers
need no quotes.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from trapline.server.exports.formats.decimals import format_decimal
from trapline.server.exports.formats.export_events import CountGroup, GroupCount, SequenceEvent
from trapline.server.exports.formats.export_records import DeploymentRecord
from trapline.server.exports.formats.export_times import TimeFormatter
from trapline.server.exports.formats.observed_images import (
    Observation,
    ObservationType,
    ObservedIdentification,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.server.platform.formats.zip_writer import sanitise_path

DEPLOYMENTS = (
    "deploymentID,locationID,locationName,latitude,longitude,coordinateUncertainty,deploymentStart,deploymentEnd,"
    "setupBy,cameraID,cameraModel,cameraDelay,cameraHeight,cameraDepth,cameraTilt,cameraHeading,detectionDistance,"
    "timestampIssues,baitUse,featureType,habitat,deploymentGroups,deploymentTags,deploymentComments"
)
MEDIA = (
    "mediaID,deploymentID,captureMethod,timestamp,filePath,filePublic,fileName,fileMediatype,exifData,favorite,"
    "mediaComments"
)
OBSERVATIONS = (
    "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,cameraSetupType,"
    "scientificName,count,lifeStage,sex,behavior,individualID,individualPositionRadius,individualPositionAngle,"
    "individualSpeed,bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classifiedBy,classificationTimestamp,"
    "classificationProbability,observationTags,observationComments"
)
SEXES = frozenset({"female", "male"})
LIFE_STAGES = frozenset({"adult", "subadult", "juvenile"})
MOST_KNOWN = 50_000
MOST_USED = 1_000_000
"""How many IDs of packages are written: those that were are remembered, some 70 bytes each."""
EDGE = 1 - 2e-6
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
# What nearly every name of a file is, and needs nothing.
_PLAIN = re.compile(r"\w(?:[\w .()/:-]*\w)?+", re.ASCII)
# What tells where a camera stands, whose it is, or what cannot be read by anybody else.
_KEPT_EXIF = frozenset(
    {
        "Make", "Model", "DateTime", "DateTimeOriginal", "DateTimeDigitized", "OffsetTimeOriginal", "ExposureTime",
        "FNumber", "ISOSpeedRatings", "PhotographicSensitivity", "Flash", "FocalLength", "ExposureProgram",
        "MeteringMode", "WhiteBalance", "Orientation", "ExifImageWidth", "ExifImageHeight", "Software",
        "SceneCaptureType", "AmbientTemperature",
    }
)  # fmt: skip


def format_cell(text: str) -> str:
    """Write a text as a cell: on one line, harmless in a spreadsheet, in quotes where it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    plain = str(escape_formula(_CONTROL.sub(" ", text).strip()))
    return '"' + plain.replace('"', '""') + '"' if "," in plain or '"' in plain else plain


class CellCache(dict[str, str]):
    """Cells by the text in them; what is known is known for a while, because most texts come thousands of times."""

    def __missing__(self, text: str) -> str:
        """Write a cell that is not known."""
        if len(self) >= MOST_KNOWN:
            self.clear()
        cell = self[text] = format_cell(text)
        return cell


class RowBuilder:
    """Makes the rows of an export; `link` gives the address or the relative path of an image's file."""

    def __init__(self, naming: TaxonResolver, deployments: Mapping[str, str]) -> None:
        self.cells, self.times, self._naming = CellCache(), TimeFormatter(), naming
        self.deployments = dict(deployments)
        self.individuals = 0
        self._used: set[int] = set()
        self._prefixes: dict[tuple[ObservationType, str, str | None], tuple[str, str]] = {}

    def media(self, image: ObservedImage, at: str, path: str, *, public: bool) -> str:
        """Make the row of an image."""
        cells = self.cells
        # At its address the picture is given as a JPEG, whatever the original is.
        media_type = "image/jpeg" if path.startswith("http") else image.media_type
        return (
            f"{self.name_media(image)},{self.deployments[image.deployment_id]},,{at},{path},"
            f"{'true' if public else 'false'},"
            f"{self.cells[sanitise_path(image.path or image.filename)]},{media_type},{_write_exif(image.exif)},"
            f"{'true' if image.starred else 'false'},"
            f"{cells[_comments(image)] if image.tags or image.said is not None or image.flags else ''}\n"
        )

    def observation(self, one: Observation, image: ObservedImage, at: str) -> str:
        """Make the row of an observation of an image."""
        said, found, box, cells = one.said, one.named_by, one.box, self.cells
        kind, name, tag = self._name(one.kind, one.label, one.taxon)
        place = ",,,"
        if box is not None:
            across, down = 1.0 / image.width, 1.0 / image.height
            left, top, wide, tall = box[0] * across, box[1] * down, box[2] * across, box[3] * down
            # Where both are rounded up, a box at the edge would reach out of its image.
            if wide < 1e-6 or tall < 1e-6 or left + wide > EDGE or top + tall > EDGE:
                left, top = min(left, 1 - 1e-6), min(top, 1 - 1e-6)
                left, top = round(left, 6), round(top, 6)
                wide, tall = max(min(wide, 1 - left), 1e-6), max(min(tall, 1 - top), 1e-6)
            place = "%.6f,%.6f,%.6f,%.6f" % (left, top, wide, tall)  # noqa: UP031 - twice as fast, a million times
        key, event, individual = self._name_observation(one, image)
        start = (
            f"{key},{self.deployments[image.deployment_id]},{self.name_media(image)},{event},{at},{at},media,{kind},,"
            f"{name},"
        )
        if said is not None:
            details, comment = (
                self._details(said, 1 if box is not None else None),
                cells[said.comment or ""],
            )
            return f"{start}{details},{individual},,,,{place},{self._by(said)},,{tag},{comment}\n"
        count = "1" if box is not None else ""
        start = f"{start}{count},,,,{individual},,,,{place},"
        if found is None:
            return f"{start}{'' if one.kind is ObservationType.UNCLASSIFIED else 'machine'},,,,{tag},\n"
        sure = "" if one.confidence is None else format_decimal(one.confidence)
        return f"{start}machine,{cells[found.model]},{self.times.read(found.at)},{sure},{tag},\n"

    def name_media(self, image: ObservedImage) -> str:
        """Write the ID of an image: that of the package that it was imported from, else ours."""
        return self.cells[image.media_id] if image.media_id else image.id

    def name_event(self, one: Observation, image: ObservedImage) -> str:
        """Write the ID of the event of an observation: that of its package, else its sequence's or its image's."""
        ids = find_external(one, image)
        return self.cells[ids[1]] if ids and ids[1] else image.event_id

    def _name_observation(self, one: Observation, image: ObservedImage) -> tuple[str, str, str]:
        """Write the IDs of an observation, of its event and of the individual."""
        ids = find_external(one, image)
        if ids is None:
            return one.id, image.event_id, ""
        key, used = ids[0], hash(ids[0])
        if not key or used in self._used or len(self._used) >= MOST_USED:
            key = one.id  # an ID is written once, also where several packages have it
        else:
            self._used.add(used)
        self.individuals += bool(ids[2])
        return self.cells[key], self.name_event(one, image), self.cells[ids[2]]

    def event(
        self,
        event: SequenceEvent,
        key: str,
        group: CountGroup | None = None,
        seen: GroupCount | None = None,
    ) -> str:
        """Make the row of what is seen in a verified sequence, `key` being its ID; without a group it is blank."""
        start, end = (self.times.local(at, event.time_zone) for at in (event.start, event.end))
        head = f"{event.key_of(group)},{self.deployments[event.deployment_id]},,{key},{start},{end},event,"
        if group is None or seen is None:
            said = event.last
            by = self._by(said) if said is not None else "human,,"
            comment = said.comment or "" if said is not None else ""
            return f"{head}blank,,,,,,,,,,,,,,,{by},,,{self.cells[comment]}\n"
        assert seen.said is not None
        kind, name, tag = self._name(group.kind, group.label, group.taxon)
        details = self._details(seen.said, None, seen.count)
        return f"{head}{kind},,{name},{details},,,,,,,,,{self._by(seen.said)},,{tag},{self.cells[seen.comment or '']}\n"

    def _name(self, kind: ObservationType, label: str, taxon: str | None) -> tuple[str, str, str]:
        """Say what is seen: its kind, its scientific name, and its label as a tag where no taxon says it."""
        known = self._prefixes.get((kind, label, taxon))
        if known is None:
            named = self._naming.find(label, taxon)
            name = (
                named.scientific_name
                if kind in (ObservationType.ANIMAL, ObservationType.HUMAN)
                else ""
            )
            tag = (
                f"label:{label.replace('|', '/')}"
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

    def _by(self, said: ObservedIdentification) -> str:
        return f"human,{self.cells[said.by]},{self.times.read(said.at)}"


def _comments(image: ObservedImage) -> str:
    told = [image.said.comment] if image.said is not None and image.said.comment else []
    if image.tags:
        told.append("tags: " + " | ".join(image.tags))
    if TRUNCATED in image.flags:
        told.append("image: " + TRUNCATED)
    if flags := [flag for flag in image.flags if flag != TRUNCATED]:
        told.append("timestamp: " + " | ".join(flags))
    return "; ".join(told)


def _write_exif(exif: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in exif.items() if name in _KEPT_EXIF}
    return format_cell(msgspec.json.encode(kept).decode()) if kept else ""


def find_external(one: Observation, image: ObservedImage) -> list[str] | None:
    """Find the observationID, eventID and individualID that an imported package gives an observation."""
    if one.found is not None and one.found.id == one.id and one.found.external:
        return one.found.external
    if one.said is not None:
        return one.said.external
    return image.external if one.kind is ObservationType.BLANK else None


def build_deployment_row(
    deployment: DeploymentRecord,
    start: str,
    end: str,
    camera_model: str,
    *,
    issues: bool,
    comments: str,
) -> str:
    """Make the row of a deployment; what is not known stays empty."""
    uncertain = deployment.coordinate_uncertainty_m
    cells = [
        format_cell(deployment.external_id or str(deployment.id)), format_cell(deployment.location_id),
        format_cell(deployment.name),
        "" if deployment.latitude is None else f"{deployment.latitude:.7f}".rstrip("0").rstrip("."),
        "" if deployment.longitude is None else f"{deployment.longitude:.7f}".rstrip("0").rstrip("."),
        "" if uncertain is None else str(max(math.ceil(uncertain), 1)),
        start, end, "", format_cell(deployment.camera), format_cell(camera_model), "", "", "", "", "", "",
        "true" if issues else "false", "", "", format_cell(deployment.habitat), "", "", format_cell(comments),
    ]  # fmt: skip
    return ",".join(cells) + "\n"
