"""Taxa: the species list of a project, and the labels of models that are mapped to taxa."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trapline.wire.problem import FieldProblem
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Name, Request, Time, reject_nul

UNKNOWN_LANGUAGE = "und"
MOST_LANGUAGES = 200
MOST_NAMES = 50
MOST_LABELS = 10_000
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")


def normalise_spaces(text: str) -> str:
    """Return a name with normalised spaces; raises ValueError if it is empty."""
    normalised = " ".join(text.split())
    if not normalised:
        raise ValueError("must not be empty")
    return normalised


def _language(code: str) -> str:
    small = code.lower().replace("_", "-")
    if not LANGUAGE.fullmatch(small):
        raise ValueError(
            "must be a language's code, such as en or pt-br; und for one that is not known"
        )
    return small


def _each_once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _with_names(names: dict[str, list[str]]) -> dict[str, list[str]]:
    return {language: names[language] for language in sorted(names) if names[language]}


TidyName = Annotated[Name, AfterValidator(normalise_spaces)]
Short = Annotated[str, Field(max_length=255), AfterValidator(reject_nul), AfterValidator(str.strip)]
Rank = Annotated[Short, AfterValidator(str.lower)]
HigherRank = Literal["kingdom", "phylum", "class", "order", "family", "genus"]
HigherRanks = dict[HigherRank, TidyName]
Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
Names = Annotated[list[TidyName], Field(max_length=MOST_NAMES), AfterValidator(_each_once)]
CommonNames = Annotated[
    dict[Language, Names], Field(max_length=MOST_LANGUAGES), AfterValidator(_with_names)
]
"""Common names by language code."""

Label = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(reject_nul)]


class TaxonFields(Request):
    """Properties of a taxon.

    `gbif_key` is its key in the GBIF backbone, `external_id` its ID in another list.
    """

    authorship: Short = ""
    rank: Rank = ""
    higher_ranks: HigherRanks = {}
    common_names: CommonNames = {}
    gbif_key: Id | None = None
    external_id: Short = ""


class NewTaxon(TaxonFields):
    """Request to add a taxon to a project's list; a synonym names its `accepted` taxon."""

    project: Id
    scientific_name: TidyName
    accepted: UUID | None = None


class TaxonUpdate(Request):
    """Request to update a taxon; omitted fields keep their values.

    Ranks and common names are replaced as a whole.
    """

    scientific_name: TidyName | None = None
    authorship: Short | None = None
    rank: Rank | None = None
    higher_ranks: HigherRanks | None = None
    common_names: CommonNames | None = None
    gbif_key: Id | None = None
    external_id: Short | None = None
    accepted: UUID | None = None


class Taxon(Message):
    """A taxon of a project's list, with the names of its synonyms and the labels mapped to it.

    A synonym has the ID and the name of its accepted taxon.
    """

    id: UUID
    project_id: Id
    scientific_name: AnyText
    authorship: AnyText
    rank: AnyText
    higher_ranks: dict[str, AnyText]
    common_names: dict[str, list[AnyText]]
    gbif_key: Id | None
    external_id: AnyText
    accepted_id: UUID | None
    accepted_name: AnyText | None
    synonyms: list[AnyText]
    labels: list[AnyText]
    created_at: Time
    updated_at: Time


class TaxonImportResult(Message):
    """Result of a list import; at most 100 `refused` lines are listed with their numbers.

    `ignored_columns` are unknown columns.
    """

    created: Count
    updated: Count
    unchanged: Count
    refused: Count
    problems: list[FieldProblem]
    ignored_columns: list[AnyText]


class MappedLabel(Message):
    """A label of models, and the taxon that it is mapped to."""

    project_id: Id
    label: AnyText
    taxon_id: UUID
    scientific_name: AnyText


class LabelMapping(Request):
    """Mapping of a label to a taxon; without a taxon the mapping is deleted."""

    label: Label
    taxon: UUID | None


class LabelMappings(Request):
    """Request to map labels of a project to taxa; other labels keep their mapping."""

    project: Id
    labels: Annotated[list[LabelMapping], Field(max_length=MOST_LABELS)]


class LabelMappingResult(Message):
    """Number of labels whose mapping changed."""

    changed: Count


class UnmappedLabel(Message):
    """A label of models that is mapped to no taxon, with its number of images.

    If a taxon has the name of the label, it is suggested.
    """

    label: AnyText
    images: Count
    taxon_id: UUID | None
    scientific_name: AnyText | None


class UnmappedLabels(Message):
    """The unmapped labels of a project, the most frequent first."""

    results: list[UnmappedLabel]
