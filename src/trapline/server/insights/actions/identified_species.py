"""The species of a survey, without names that leave the species open."""

from trapline.server.insights.actions.surveys import FilteredSurvey, SpeciesEvents
from trapline.server.insights.rules.species_names import get_species
from trapline.wire.insights import InsightNote, NoteCode


def group_by_species(survey: FilteredSurvey) -> dict[str, list[SpeciesEvents]]:
    """Group the events by species; those of subspecies belong to their species."""
    grouped: dict[str, list[SpeciesEvents]] = {}
    for name, places in survey.species.items():
        species = get_species(name, survey.survey.specificities)
        if species is not None:
            grouped.setdefault(species, []).extend(places)
    return grouped


def list_rank_notes(survey: FilteredSurvey) -> list[InsightNote]:
    """Name what is not counted as a species."""
    others = [
        name for name in survey.species if get_species(name, survey.survey.specificities) is None
    ]
    if not others:
        return []
    text = "Names that are not a species do not count in numbers of species."
    return [InsightNote(code=NoteCode.NOT_SPECIES, text=text, names=others)]
