"""Read rows of the tables of a Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org): findings, statements."""

from functools import lru_cache

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_camtrap_deployments import parse_number, parse_time
from trapline.server.imports.formats.import_records import (
    ImportedFinding,
    ImportedIdentification,
    build_classification,
    parse_class_name,
    sanitise_text,
    scale_box,
    validate_confidence,
)
from trapline.server.imports.formats.zipped_tables import Row
from trapline.server.review.rules.name_meanings import NamingRules, resolve_label
from trapline.wire.identifications import LARGEST_COUNT, LifeStage, Sex

LONGEST_ID = 255
NAMED = {"human": "human", "vehicle": "vehicle"}
LABEL = "label:"
"""Prefix of the tag with which exports keep a class without a taxon."""
MOST_NAMES = 10_000


def list_ids(row: Row) -> list[str] | None:
    """Return the observationID, eventID and individualID of a row; None if one is too long."""
    ids = [row.get(column, "") for column in ("observationID", "eventID", "individualID")]
    return [sanitise_text(text) for text in ids] if max(map(len, ids)) <= LONGEST_ID else None


def get_path(row: Row) -> str:
    """Return the path of an image if it ends in the file name, else the name; never a URL."""
    path, name = row.get("filePath", ""), row.get("fileName", "")
    if "://" in path:
        path = name or path.partition("?")[0]
    return path if not name or path.replace("\\", "/").endswith(name) else name


def get_name(row: Row) -> str:
    """Return the name of an observation: taxon, else the class in its tags, else its type."""
    kind = row.get("observationType") or "unknown"
    if is_other_kind(row):
        return NAMED[kind]
    return parse_class_name(row.get("scientificName") or _find_label(row) or NAMED.get(kind, kind))


def is_other_kind(row: Row) -> bool:
    """Return whether a row is of people or a vehicle, and the name of its taxon or class is not.

    The label means it in the project that the package is from. Here it would mean an animal, and
    the image would be shown and counted as such.
    """
    kind = row.get("observationType")
    if kind not in NAMED:
        return False
    name = row.get("scientificName") or _find_label(row)
    return bool(name) and _find_kind(name or "") != kind


def _find_label(row: Row) -> str | None:
    tags = (tag.strip() for tag in row.get("observationTags", "").split("|"))
    return next((tag.removeprefix(LABEL).strip() for tag in tags if tag.startswith(LABEL)), None)


@lru_cache(MOST_NAMES)
def _find_kind(name: str) -> str:
    return resolve_label(name, NamingRules()).kind.value


def build_finding(row: Row, frame: Frame) -> ImportedFinding | None:
    """Build the finding of an observation: a box or a class of the image; None if it is blank.

    Raises InvalidEntry.
    """
    kind = row.get("observationType")
    if kind == "blank":
        return None
    name = get_name(row)
    score = parse_number(row, "classificationProbability", 0, 1)
    confidence = None if score is None else validate_confidence(score)
    sides = [parse_number(row, f"bbox{side}", -1, 2) for side in ("X", "Y", "Width", "Height")]
    box = [side for side in sides if side is not None]
    if len(box) == 4:
        return ImportedFinding("bounding_box", name, confidence, scale_box(box, frame))
    return ImportedFinding(
        "classification",
        name,
        confidence,
        build_classification([(name, 1.0 if confidence is None else confidence)]),
    )


def build_statement(row: Row, finding: int | None) -> ImportedIdentification:
    """Build an identification by a person, whose name is added to the comment.

    The person need not have an account here. Raises InvalidEntry.
    """
    by, remark = row.get("classifiedBy"), row.get("observationComments")
    # The name that the type replaces is kept as text.
    label = row.get("scientificName") or _find_label(row) if is_other_kind(row) else None
    # Comments are published with the observations, so an email address is left out.
    comments = ". ".join(
        part for part in (remark, label, f"By {by}" if by and "@" not in by else None) if part
    )
    kind = row.get("observationType")
    at = parse_time(row, "classificationTimestamp")
    comment = sanitise_text(comments, 10_000) or None
    if kind == "blank":
        return ImportedIdentification("blank", comment=comment, at=at)
    if kind == "unknown" and "scientificName" not in row:
        return ImportedIdentification("unsure", comment=comment, at=at, finding=finding)
    count = parse_number(row, "count", 1, LARGEST_COUNT)
    sex, stage, behaviour = row.get("sex"), row.get("lifeStage"), row.get("behavior")
    return ImportedIdentification(
        "correct",
        get_name(row),
        comment,
        None if count is None else int(count),
        sex if sex in tuple(Sex) else None,
        stage if stage in tuple(LifeStage) else None,
        None if behaviour is None else sanitise_text(behaviour, 255),
        at,
        finding,
        sanitise_text(row.get("individualID", ""), LONGEST_ID).strip() or None,
    )
