"""Taxa: what one name is told from another by, where its author begins, and what a list that comes in changes."""

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
"""Of these a list that comes in changes the parts that it names."""

LONGEST_SPLIT = 600

_PARTICLE = r"(?:de|den|der|von|van|da|di|du|la|le|ex|et|in|d'|f\.|fil\.)"
_EPITHET = rf"(?: (?:×\s?)?(?!{_PARTICLE}\b)[a-z][a-z-]+(?![\w.])| (?:subsp|ssp|var)\. [a-z-]+)"
_NAME = re.compile(
    rf"(?P<name>(?:×\s?)?[A-Z][\w-]+(?: \([A-Z][a-z-]+\)(?= [a-z]))?{_EPITHET}*)"
    rf" (?P<author>\(?(?:{_PARTICLE} ?)*[A-ZÀ-Þ].*)"
)


def name_key(name: str) -> str:
    """What a name is told from another by: neither its case nor its spaces."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def build_search_text(scientific_name: str, common_names: Mapping[str, Iterable[str]]) -> str:
    """All names of a taxon as they are searched, each between line ends."""
    names = [scientific_name, *(name for names in common_names.values() for name in names)]
    return "".join(f"\n{key}" for key in dict.fromkeys(map(name_key, names))) + "\n"


def split_author(name: str, author: str = "") -> tuple[str, str]:
    """Part a scientific name from who gave it, where it has both: "Puma concolor (Linnaeus, 1771)"."""
    told, author = " ".join(name.split()), " ".join(author.split())
    if author:
        return told.removesuffix(author).strip() or told, author
    found = _NAME.fullmatch(told[:LONGEST_SPLIT])
    return (found["name"], found["author"]) if found else (told, "")


@dataclass(frozen=True)
class TaxonLine:
    """A line of a list that came in: what it says of a taxon, which it may name by its GBIF key
    alone.

    Where `tells_status`, it is a synonym of what `accepted` (a name) or `accepted_gbif` names, or
    of nothing.
    """

    line: int
    values: dict[str, Any]
    tells_status: bool = False
    accepted: str | None = None
    accepted_gbif: int | None = None


@dataclass(frozen=True)
class KnownTaxon:
    """A taxon that is on the list; `accepted` is the key of the name that is accepted in its place."""

    id: UUID
    values: dict[str, Any]
    accepted: str | None


@dataclass
class TaxonImportPlan:
    """What lines do to a list, by the keys of names: the taxa as they become, and those that a line
    leaves as they are.

    Problems are told by line and by column.
    """

    become: dict[str, tuple[dict[str, Any], str | None]] = field(default_factory=dict)
    created: int = 0
    unchanged: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def updated(self) -> int:
        """How many are on the list already and become something else."""
        return len(self.become) - self.created


def build_import_plan(
    lines: Sequence[TaxonLine], known: Mapping[str, KnownTaxon]
) -> TaxonImportPlan:
    """Decide what lines change on a list: what they leave out stays. Lines that cannot be taken are
    told, others taken.

    `known` has, by their keys, all taxa that the lines name, those with their GBIF keys, and what
    is accepted for them.
    """
    intake = TaxonImportPlan()
    taken = _take_each_once(lines, known, intake)
    keys = _hold_gbif_keys(taken, known)
    while refused := {
        key: wrong for key in taken if (wrong := _find_wrong(key, taken, known, keys))
    }:
        for key, (column, why) in refused.items():
            intake.problems.append((taken.pop(key).line, column, why))
    for key, line in taken.items():
        accepted = _follow(key, taken, known, keys)[-1]
        values = _merge(known[key].values if key in known else {}, line.values)
        if key not in known:
            intake.created += 1
        elif (
            values == known[key].values
            and (None if accepted == key else accepted) == known[key].accepted
        ):
            intake.unchanged += 1
            continue
        intake.become[key] = (values, None if accepted == key else accepted)
    intake.problems.sort()
    return intake


def _take_each_once(
    lines: Sequence[TaxonLine], known: Mapping[str, KnownTaxon], intake: TaxonImportPlan
) -> dict[str, TaxonLine]:
    by_gbif = {one.values["gbif_key"]: key for key, one in known.items()}
    taken: dict[str, TaxonLine] = {}
    for line in lines:
        name = line.values.get("scientific_name")
        key = by_gbif.get(line.values["gbif_key"]) if name is None else name_key(name)
        if key is None:
            why = (
                "has a GBIF key without a name, and this list does not know the key. Nothing is looked up on the "
                "internet: add a column scientific_name, as the lists have that GBIF gives for download"
            )
            intake.problems.append((line.line, "scientific_name", why))
        elif key in taken:
            intake.problems.append(
                (line.line, "scientific_name", f"is that of line {taken[key].line} too")
            )
        else:
            taken[key] = line
    return taken


def _hold_gbif_keys(
    taken: Mapping[str, TaxonLine], known: Mapping[str, KnownTaxon]
) -> dict[int, str]:
    """Whose each GBIF key will be: the first line's that names it, behind those of taxa that keep theirs."""
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


def _find_wrong(
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
        told = line.accepted or (f"GBIF's {line.accepted_gbif}" if line.accepted_gbif else way[-2])
        return "synonym_of", f"{told} is neither in this file nor on the list: add it, too"
    if len(set(way)) < len(way):
        return "synonym_of", "leads back to itself: one name of a circle has to be the accepted one"
    return None


def _follow(
    key: str,
    taken: Mapping[str, TaxonLine],
    known: Mapping[str, KnownTaxon],
    keys: Mapping[int, str],
) -> list[str | None]:
    """The names from one to what is accepted for it; ends in None where that is nowhere, and with a name again."""
    way: list[str | None] = []
    following: str | None = key
    while following is not None:
        if following not in taken and following not in known:
            return [*way, None]
        way.append(following)
        if way.count(following) > 1:
            return way
        line, before = taken.get(following), following
        if line is None or not line.tells_status:
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
