"""Read rows of the tables of a Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org): findings, statements."""

from functools import lru_cache

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_camtrap_deployments import (
    parse_count,
    parse_number,
    parse_time,
)
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
from trapline.server.imports.queries.imported_ids import BLANK, BY
from trapline.server.review.rules.name_meanings import NamingRules, resolve_label
from trapline.wire.identifications import LARGEST_COUNT, LifeStage, Sex

LONGEST_ID = 255
LONGEST_COMMENT = 10_000
NAMED = {"human": "human", "vehicle": "vehicle"}
LABEL = "label:"
"""Prefix of the tag with which exports keep a class without a taxon."""
DETAILS = ("count", "lifeStage", "sex", "behavior", "individualID")
MOST_NAMES = 10_000


def list_package_values(row: Row, *, is_renamed: bool = False) -> list[str] | None:
    """Return what a row says of its observation, as `ImportedObservation`.

    Returns None if a value is too long. `is_renamed`: the import gives its model another name.
    """
    by, label = row.get("classifiedBy", ""), find_label(row)
    # The name that a label has here is that of its taxon; without one it is the label itself.
    has_label = label is not None and "scientificName" in row and not is_other_kind(row)
    values = [
        row.get("observationID", ""),
        row.get("eventID", ""),
        row.get("individualID", ""),
        "" if is_renamed or "@" in by else by,
        "" if is_renamed else row.get("classificationTimestamp", ""),
        label or "" if has_label else "",
    ]
    if max(map(len, values)) > LONGEST_ID:
        return None
    return [sanitise_text(text) for text in values]


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
    return parse_class_name(row.get("scientificName") or find_label(row) or NAMED.get(kind, kind))


def is_other_kind(row: Row) -> bool:
    """Return whether a row is of people or a vehicle, and the name of its taxon or class is not.

    The label means it in the project that the package is from. Here it would mean an animal, and
    the image would be shown and counted as such.
    """
    kind = row.get("observationType")
    if kind not in NAMED:
        return False
    name = row.get("scientificName") or find_label(row)
    return bool(name) and _find_kind(name or "") != kind


def find_label(row: Row) -> str | None:
    """Return the class of an observation that its tags keep."""
    tags = (tag.strip() for tag in row.get("observationTags", "").split("|"))
    return next((tag.removeprefix(LABEL).strip() for tag in tags if tag.startswith(LABEL)), None)


@lru_cache(MOST_NAMES)
def _find_kind(name: str) -> str:
    return resolve_label(name, NamingRules()).kind.value


def is_unsure(row: Row) -> bool:
    """Return whether a person did not know what is there, and described nothing else of it.

    With a box, a class or a detail it is the name of something: that it is unknown.
    """
    named = row.keys() & {"scientificName", "bboxX", *DETAILS}
    is_unknown = row.get("observationType", "unknown") == "unknown"
    return is_unknown and not named and find_label(row) is None


def build_finding(row: Row, frame: Frame) -> ImportedFinding | None:
    """Build the finding of an observation: a box or a class of the image.

    Returns None if it is blank, unless it has a score: then it is the class `blank`. Raises
    InvalidEntry.
    """
    score = parse_number(row, "classificationProbability", 0, 1)
    confidence = None if score is None else validate_confidence(score)
    name = get_name(row)
    if row.get("observationType") == "blank":
        if confidence is None:
            return None
        return ImportedFinding(
            "classification", BLANK, confidence, build_classification([(BLANK, confidence)])
        )
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
    label = row.get("scientificName") or find_label(row) if is_other_kind(row) else None
    # Comments are published with the observations, so an email address is left out.
    comments = ". ".join(
        part for part in (remark, label, f"{BY}{by}" if by and "@" not in by else None) if part
    )
    kind = row.get("observationType")
    at = parse_time(row, "classificationTimestamp")
    comment = sanitise_text(comments, LONGEST_COMMENT) or None
    if kind == "blank":
        return ImportedIdentification("blank", comment=comment, at=at)
    if is_unsure(row):
        return ImportedIdentification("unsure", comment=comment, at=at, finding=finding)
    count = parse_count(row, "count", LARGEST_COUNT)
    sex, stage, behaviour = row.get("sex"), row.get("lifeStage"), row.get("behavior")
    return ImportedIdentification(
        "correct",
        get_name(row),
        comment,
        count,
        sex if sex in tuple(Sex) else None,
        stage if stage in tuple(LifeStage) else None,
        None if behaviour is None else sanitise_text(behaviour, LONGEST_ID),
        at,
        finding,
        sanitise_text(row.get("individualID", ""), LONGEST_ID).strip() or None,
    )
