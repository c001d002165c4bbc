"""Comments of media in a Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org), and values without a place."""

from collections.abc import Iterable, Iterator, Sequence

from trapline.server.images.rules.capture_time import (
    AMBIGUOUS,
    CLOCK_RESET,
    IN_THE_FUTURE,
    NO_CAMERA_TIME,
    NONEXISTENT,
)
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.server.imports.formats.import_camtrap_rows import (
    LABEL,
    LONGEST_COMMENT,
    LONGEST_ID,
    is_other_kind,
    is_unsure,
)
from trapline.server.imports.formats.import_records import sanitise_text
from trapline.server.imports.formats.zipped_tables import Row
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS
from trapline.wire.identifications import LifeStage, Sex

MEDIA = frozenset(
    {
        "mediaID", "deploymentID", "timestamp", "filePath", "filePublic", "fileName",
        "fileMediatype", "exifData", "favorite", "mediaComments",
    }
)  # fmt: skip
"""Columns of media that are stored, or that the image has itself."""
DEPLOYMENTS = frozenset(
    {"deploymentID", "locationID", *(one.camtrap_dp for one in DEPLOYMENT_FIELDS.values())}
)
"""Columns of deployments that are stored."""
OF_ALL = frozenset(
    {
        "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd",
        "observationLevel", "observationType", "classificationMethod", "classifiedBy",
        "classificationTimestamp", "individualID",
    }
)  # fmt: skip
OF_FINDINGS = OF_ALL | {
    "scientificName", "bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationProbability",
    "observationTags",
}  # fmt: skip
OF_STATEMENTS = (OF_FINDINGS | {"count", "lifeStage", "sex", "behavior", "observationComments"}) - {
    "classificationProbability"
}
OF_UNNAMED = OF_ALL | {"observationComments"}
"""Columns of a statement that names nothing: that an image is blank, or shows something unknown."""
DERIVED = {
    "image: ": frozenset({TRUNCATED}),
    "timestamp: ": frozenset({AMBIGUOUS, CLOCK_RESET, IN_THE_FUTURE, NO_CAMERA_TIME, NONEXISTENT}),
}
"""The comments that an export derives from the flags of an image: their beginnings and flags."""
TAGS = "tags: "
"""The beginning of the comment in which an export writes the tags of an image."""
MOST_TAGS, LONGEST_TAG = 20, 100
HAS_NO_PLACE = "{} has no place here and is left out"
TOO_LONG = "{} is stored only up to {:,} characters, or not at all if it is an ID"
LONG_VALUES = (
    ("observationID", LONGEST_ID), ("eventID", LONGEST_ID), ("individualID", LONGEST_ID),
    ("behavior", LONGEST_ID), ("classifiedBy", LONGEST_ID),
    ("observationComments", LONGEST_COMMENT),
)  # fmt: skip
STORED_AS_KIND = "{} is replaced by the type, because it does not name people or vehicles"


def list_lost_media_values(row: Row) -> Iterator[str]:
    """List the columns of a medium whose values have no place, or only a part of them."""
    yield from (HAS_NO_PLACE.format(column) for column in row.keys() - MEDIA)
    yield from _list_long(row, (("mediaID", LONGEST_ID), ("mediaComments", LONGEST_COMMENT)))


def list_lost_deployment_values(row: Row) -> Iterator[str]:
    """List the columns of a deployment whose values have no place."""
    yield from (HAS_NO_PLACE.format(column) for column in row.keys() - DEPLOYMENTS)


def split_comments(row: Row) -> tuple[str, tuple[str, ...]]:
    """Split the comments of a medium into those of people, and the tags that an export adds."""
    parts = row.get("mediaComments", "").split("; ")
    while parts and _is_derived(parts[-1]):
        parts.pop()
    tags: list[str] = []
    if parts and parts[-1].startswith(TAGS):
        named = [tag.strip() for tag in parts[-1].removeprefix(TAGS).split("|")]
        if len(named) <= MOST_TAGS and all(0 < len(tag) <= LONGEST_TAG for tag in named):
            tags = [sanitise_text(tag) for tag in named]
            parts.pop()
    return sanitise_text("; ".join(parts), LONGEST_COMMENT), tuple(tags)


def _is_derived(part: str) -> bool:
    """Return whether a comment is one that an export derives, and not one of a person."""
    return any(
        part.startswith(start) and flags.issuperset(part.removeprefix(start).split(" | "))
        for start, flags in DERIVED.items()
    )


def remove_stated(comment: str, rows: Sequence[Row]) -> str:
    """Return the comment of a medium without what observations of people state already."""
    if not comment:
        return ""
    stated = {part for row in rows for part in row.get("observationComments", "").split("; ")}
    return "; ".join(part for part in comment.split("; ") if part not in stated).strip()


def _list_long(row: Row, limits: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield from (
        TOO_LONG.format(column, most)
        for column, most in limits
        if column in row and len(row[column]) > most
    )


def list_lost_values(row: Row) -> Iterator[str]:
    """Describe the values of an observation that have no place; a row left out whole has none."""
    kind = row.get("observationType")
    is_by_machine = row.get("classificationMethod") == "machine"
    if "mediaID" not in row if is_by_machine else kind in ("unclassified", None):
        return
    is_boxed = "bboxX" in row
    if kind == "blank" or (is_unsure(row) and not is_by_machine):
        stored = OF_ALL | {"classificationProbability"} if is_by_machine else OF_UNNAMED
    elif is_by_machine:
        stored = OF_FINDINGS
    else:
        stored = OF_STATEMENTS | ({"classificationProbability"} if is_boxed else set())
    lost = row.keys() - stored
    if is_by_machine and is_boxed and row.get("count") == "1":
        lost.discard("count")  # a box is one individual
    if row.get("sex", Sex.FEMALE) not in tuple(Sex):
        lost.add("sex")
    if row.get("lifeStage", LifeStage.ADULT) not in tuple(LifeStage):
        lost.add("lifeStage")
    if "observationTags" in row:
        tags = (tag.strip() for tag in row["observationTags"].split("|"))
        if any(tag and not tag.startswith(LABEL) for tag in tags):
            lost.add("observationTags")
    by = "machines" if is_by_machine else "people"
    yield from (HAS_NO_PLACE.format(f"{column} of observations by {by}") for column in lost)
    yield from _list_long(row, LONG_VALUES)
    if is_by_machine and is_other_kind(row):
        yield STORED_AS_KIND.format("the label of people and vehicles by machines")
