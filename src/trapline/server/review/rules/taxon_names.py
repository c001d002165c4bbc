"""Rules for names of taxa: normalised keys, split of the author, and the plan of an import."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

FIELDS = (
    "scientific_name",
    "authorship",
    "rank",
    "higher_ranks",
    "common_names",
    "gbif_key",
    "external_id",
)
MERGED = frozenset({"higher_ranks", "common_names"})
"""Fields of which an import changes only the entries that it contains."""

LONGEST_SPLIT = 600

_PARTICLE = r"(?:de|den|der|von|van|da|di|du|la|le|ex|et|in|d'|f\.|fil\.)"
_EPITHET = rf"(?: (?:×\s?)?(?!{_PARTICLE}\b)[a-z][a-z-]+(?![\w.])| (?:subsp|ssp|var)\. [a-z-]+)"
_NAME = re.compile(
    rf"(?P<name>(?:×\s?)?[A-Z][\w-]+(?: \([A-Z][a-z-]+\)(?= [a-z]))?{_EPITHET}*)"
    rf" (?P<author>\(?(?:{_PARTICLE} ?)*[A-ZÀ-Þ].*)"
)


def name_key(name: str) -> str:
    """Return the normalised form of a name: case and repeated spaces do not matter."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def build_search_text(scientific_name: str, common_names: Mapping[str, Iterable[str]]) -> str:
    """Build the text that searches compare: all normalised names of a taxon, one per line."""
    names = [scientific_name, *(name for names in common_names.values() for name in names)]
    return "".join(f"\n{key}" for key in dict.fromkeys(map(name_key, names))) + "\n"


def split_author(name: str, author: str = "") -> tuple[str, str]:
    """Split a scientific name from its author, as in "Puma concolor (Linnaeus, 1771)"."""
    full, author = " ".join(name.split()), " ".join(author.split())
    if author:
        return full.removesuffix(author).strip() or full, author
    found = _NAME.fullmatch(full[:LONGEST_SPLIT])
    return (found["name"], found["author"]) if found else (full, "")


@dataclass(frozen=True)
class TaxonLine:
    """A line of an imported list; it may identify its taxon by the GBIF key alone.

    With `has_status`, the taxon is a synonym of `accepted` (a name) or `accepted_gbif`, or it is
    accepted if both are None.
    """

    line: int
    values: dict[str, Any]
    has_status: bool = False
    accepted: str | None = None
    accepted_gbif: int | None = None


@dataclass(frozen=True)
class KnownTaxon:
    """A stored taxon; `accepted` is the name key of its accepted taxon."""

    id: UUID
    values: dict[str, Any]
    accepted: str | None


@dataclass
class TaxonImportPlan:
    """The changes of an import by name key: each changed taxon with its accepted name key.

    Problems are by line and column.
    """

    changed: dict[str, tuple[dict[str, Any], str | None]] = field(default_factory=dict)
    created: int = 0
    unchanged: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def updated(self) -> int:
        """The number of stored taxa that change."""
        return len(self.changed) - self.created


def build_import_plan(
    lines: Sequence[TaxonLine], known: Mapping[str, KnownTaxon]
) -> TaxonImportPlan:
    """Plan the changes of an import; lines that are not valid are listed as problems.

    `known` has all stored taxa with the names or GBIF keys of the lines, and their accepted taxa,
    by name key.
    """
    plan = TaxonImportPlan()
    taken = _index_lines(lines, known, plan)
    keys = _assign_gbif_keys(taken, known)
    while refused := {
        key: wrong for key in taken if (wrong := _find_problem(key, taken, known, keys))
    }:
        for key, (column, why) in refused.items():
            plan.problems.append((taken.pop(key).line, column, why))
    for key, line in taken.items():
        accepted = _follow(key, taken, known, keys)[-1]
        values = _merge(known[key].values if key in known else {}, line.values)
        if key not in known:
            plan.created += 1
        elif (
            values == known[key].values
            and (None if accepted == key else accepted) == known[key].accepted
        ):
            plan.unchanged += 1
            continue
        plan.changed[key] = (values, None if accepted == key else accepted)
    plan.problems.sort()
    return plan


def _index_lines(
    lines: Sequence[TaxonLine], known: Mapping[str, KnownTaxon], plan: TaxonImportPlan
) -> dict[str, TaxonLine]:
    by_gbif = {one.values["gbif_key"]: key for key, one in known.items()}
    taken: dict[str, TaxonLine] = {}
    for line in lines:
        name = line.values.get("scientific_name")
        key = by_gbif.get(line.values["gbif_key"]) if name is None else name_key(name)
        if key is None:
            why = (
                "has a GBIF key without a name, and no taxon of the project has this key. "
                "Add a column scientific_name, as in the lists that GBIF offers for download; "
                "keys are not looked up on the internet"
            )
            plan.problems.append((line.line, "scientific_name", why))
        elif key in taken:
            plan.problems.append(
                (line.line, "scientific_name", f"is that of line {taken[key].line} too")
            )
        else:
            taken[key] = line
    return taken


def _assign_gbif_keys(
    taken: Mapping[str, TaxonLine], known: Mapping[str, KnownTaxon]
) -> dict[int, str]:
    """Assign each GBIF key to a name: stored taxa keep theirs, then the first line with it wins."""
    holders: dict[int, str] = {}
    for key, one in known.items():
        line = taken.get(key)
        if one.values["gbif_key"] is not None and (
            line is None or line.values.get("gbif_key") is None
        ):
            holders[one.values["gbif_key"]] = key
    for key, line in taken.items():
        if line.values.get("gbif_key") is not None:
            holders.setdefault(line.values["gbif_key"], key)
    return holders


def _find_problem(
    key: str,
    taken: Mapping[str, TaxonLine],
    known: Mapping[str, KnownTaxon],
    keys: Mapping[int, str],
) -> tuple[str, str] | None:
    line = taken[key]
    gbif_key = line.values.get("gbif_key")
    if gbif_key is not None and keys[gbif_key] != key:
        return "gbif_key", f"{gbif_key} is that of {keys[gbif_key]} already"
    way = _follow(key, taken, known, keys)
    if way[-1] is None:
        name = line.accepted or (f"GBIF's {line.accepted_gbif}" if line.accepted_gbif else way[-2])
        return "synonym_of", f"{name} is neither in this file nor in the project: add it as well"
    if len(set(way)) < len(way):
        return "synonym_of", "leads back to itself: one name of the cycle must be accepted"
    return None


def _follow(
    key: str,
    taken: Mapping[str, TaxonLine],
    known: Mapping[str, KnownTaxon],
    keys: Mapping[int, str],
) -> list[str | None]:
    """Follow a name to its accepted name and return all names on the way.

    The list ends in None if a name is not known, and in a repeated name if there is a cycle.
    """
    way: list[str | None] = []
    following: str | None = key
    while following is not None:
        if following not in taken and following not in known:
            return [*way, None]
        way.append(following)
        if way.count(following) > 1:
            return way
        line, before = taken.get(following), following
        if line is None or not line.has_status:
            following = known[following].accepted if following in known else None
        elif line.accepted is not None:
            following = name_key(line.accepted)
        elif line.accepted_gbif is not None:
            following = keys.get(line.accepted_gbif, "")
        else:
            following = None
        if following == before:
            return way
    return way


def _merge(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"higher_ranks": {}, "common_names": {}, "gbif_key": None}
    values = {name: before.get(name, empty.get(name, "")) for name in FIELDS}
    for name, value in given.items():
        values[name] = {**values[name], **value} if name in MERGED else value
    return values
