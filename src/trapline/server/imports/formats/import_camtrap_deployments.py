"""Read the deployments of a Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org), and its cells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from trapline.server.images.rules.deployments import list_faults
from trapline.server.imports.formats.import_records import (
    DeploymentReference,
    EntryFault,
    InvalidEntry,
    parse_id,
    sanitise_text,
)
from trapline.server.imports.formats.zipped_tables import Row
from trapline.wire.deployment_fields import (
    DEPLOYMENT_FIELDS,
    DERIVED_TAG,
    FieldKind,
    join_list,
    parse_period,
    split_list,
)
from trapline.wire.deployments import NewDeployment, NewInactivePeriod
from trapline.wire.values import GivenTime

LONGEST_NOTES = 10_000
FLAGS = {"true": True, "1": True, "false": False, "0": False}
TIME = TypeAdapter(GivenTime)
PICKUP = f"{DEPLOYMENT_FIELDS['pickup_by'].camtrap_dp_tag}:"
INACTIVE = f"{DEPLOYMENT_FIELDS['inactive_periods'].camtrap_dp_tag}:"
DERIVED = f"{DERIVED_TAG}:"
DERIVABLE = frozenset({"deploymentStart", "deploymentEnd", "timestampIssues", "cameraModel"})
"""The terms that an export derives from images; see `camtrap_dp_deployments`."""


@dataclass
class _DeploymentTags:
    """The tags of a deployment in a package, and the values of other fields in its tags."""

    plain: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    periods: list[dict[str, Any]] = field(default_factory=list)
    derived: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)


def describe_deployments(
    rows: Sequence[tuple[int, Row]],
) -> list[DeploymentReference | EntryFault]:
    """Return the deployments by location name, with the ID if several are at one location.

    A value that is not valid is left out and reported as a fault.
    """
    called = Counter(row.get("locationName") for _, row in rows)
    references: list[DeploymentReference | EntryFault] = []
    for line, row in rows:
        place, key = f"line {line} of deployments", row.get("deploymentID", "")
        name = row.get("locationName")
        if name is None or called[name] > 1:
            name = key if name is None else f"{name} ({key})"
        try:
            values, left_out = _describe_deployment(row)
            if not key or len(name) > 255 or "\x00" in name:
                raise InvalidEntry("its deploymentID or its name is missing, or too long")
        except InvalidEntry as error:
            references.append(EntryFault(place, str(error)))
            continue
        references += [EntryFault(place, what) for what in left_out]
        location = row.get("locationID", "")
        references.append(
            DeploymentReference(key, " ".join(name.split()), parse_id(key), values, location, place)
        )
    return references


def parse_number(row: Row, column: str, lowest: float, highest: float) -> float | None:
    text = row.get(column)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        raise InvalidEntry(f"{column} is not a number: {sanitise_text(text, 50)}") from None
    if not lowest <= number <= highest:
        raise InvalidEntry(
            f"{column} is not from {lowest:g} to {highest:g}: {sanitise_text(text, 50)}"
        )
    return number


def parse_count(row: Row, column: str, highest: int) -> int | None:
    """Parse a whole number of at least 1; None if it is missing. Raises InvalidEntry."""
    number = parse_number(row, column, 1, highest)
    if number is not None and not number.is_integer():
        raise InvalidEntry(f"{column} is not a whole number: {sanitise_text(row[column], 50)}")
    return None if number is None else int(number)


def parse_time(row: Row, column: str) -> datetime | None:
    text = row.get(column)
    if text is None:
        return None
    try:
        return TIME.validate_python(text)
    except ValidationError:
        raise InvalidEntry(
            f"{column} is not a time with a time zone: {sanitise_text(text, 50)}"
        ) from None


def _zone(row: Row) -> dict[str, str]:
    """Return the time zone of a deployment's times; the standard has only the UTC offset.

    Offsets such as +05:30 have no zone of their own: the zone of the coordinates is more exact.
    """
    start = row.get("deploymentStart") or row.get("deploymentEnd")
    if start is None:
        return {}
    try:
        ahead = datetime.fromisoformat(start).utcoffset() or timedelta()
    except ValueError:
        return {}
    hours, rest = divmod(ahead, timedelta(hours=1))
    # The names of these zones have the opposite sign, as in POSIX.
    if rest or not -12 <= hours <= 14:
        return {}
    return {"time_zone": f"Etc/GMT{-hours:+}" if hours else "UTC"}


def _describe_deployment(row: Row) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a deployment, and what is left out of it. Raises InvalidEntry."""
    tags = _split_tags(row.get("deploymentTags", ""))
    zone = _zone(row)
    row = {term: text for term, text in row.items() if term not in tags.derived}
    given = {
        name: _read_value(one.kind, row[one.camtrap_dp])
        for name, one in DEPLOYMENT_FIELDS.items()
        if one.camtrap_dp and one.camtrap_dp in row
    } | {
        "name": "-",
        "latitude": parse_number(row, "latitude", -90, 90),
        "longitude": parse_number(row, "longitude", -180, 180),
        "coordinate_uncertainty_m": parse_number(row, "coordinateUncertainty", 0, 1e9),
        **zone,
        "started_at": parse_time(row, "deploymentStart"),
        "ended_at": parse_time(row, "deploymentEnd"),
        "tags": tags.plain,
        "pickup_by": join_list(tags.people),
        "inactive_periods": tags.periods,
    }
    values, left_out = _validate(given)
    left_out += tags.left_out
    for name, wrong in list_faults(values):
        both = ("latitude", "longitude")
        dropped = both if name in both else (name,)
        values |= dict.fromkeys(dropped)
        cells = " and ".join(map(_name_cell, dropped))
        is_left_out = "is left out" if len(dropped) == 1 else "are left out"
        left_out.append(f"its {cells} {is_left_out}: {name} {wrong}")
    return values, left_out


def _read_value(kind: FieldKind, text: str) -> Any:
    """Read a cell; a text that has another form is returned as it is, for the validation."""
    try:
        match kind:
            case FieldKind.NUMBER:
                return float(text)
            case FieldKind.INTEGER:
                return int(float(text)) if float(text).is_integer() else text
            case FieldKind.FLAG:
                return FLAGS.get(text.lower(), text)
            case FieldKind.LIST:
                return split_list(text)
    except (ValueError, OverflowError):
        return text
    return sanitise_text(text, LONGEST_NOTES)


def _validate(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the valid values of a deployment, and what is left out of the given ones."""
    left_out: list[str] = []
    while True:
        try:
            new = NewDeployment.model_validate({"project": 1, **given})
        except ValidationError as error:
            # The last one first, so that the positions of the others stay the same.
            for wrong in reversed(error.errors()):
                name, *inner = wrong["loc"]
                if inner and isinstance(inner[0], int):
                    del given[str(name)][inner[0]]
                else:
                    given.pop(str(name))
                left_out.append(f"its {_name_cell(str(name))} is left out: {_format_error(wrong)}")
        else:
            return new.model_dump(exclude={"project", "name"}), left_out


def _name_cell(name: str) -> str:
    one = DEPLOYMENT_FIELDS[name]
    return one.camtrap_dp or one.camtrap_dp_tag or name


def _format_error(error: ErrorDetails) -> str:
    shown = sanitise_text(str(error["input"]), 50)
    return f"{error['msg'].removeprefix('Value error, ')}: {shown}"


def _split_tags(text: str) -> _DeploymentTags:
    tags = _DeploymentTags()
    for tag in split_list(text):
        if tag.startswith(PICKUP):
            tags.people.append(tag.removeprefix(PICKUP).strip())
        elif tag.startswith(DERIVED) and tag.removeprefix(DERIVED) in DERIVABLE:
            tags.derived.add(tag.removeprefix(DERIVED))
        elif tag.startswith(INACTIVE):
            try:
                period = NewInactivePeriod.model_validate(parse_period(tag.removeprefix(INACTIVE)))
            except ValueError as error:
                what = (
                    _format_error(error.errors()[0])
                    if isinstance(error, ValidationError)
                    else f"{error}: {sanitise_text(tag, 50)}"
                )
                tags.left_out.append(f"its {INACTIVE.removesuffix(':')} is left out: {what}")
            else:
                tags.periods.append(period.model_dump())
        else:
            tags.plain.append(tag)
    return tags
