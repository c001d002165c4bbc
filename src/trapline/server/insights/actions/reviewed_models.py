"""The model version that an insight is about, and the names of its classes."""

from dataclasses import dataclass
from uuid import UUID

from trapline.server.insights.queries.model_answers import list_answer_groups, list_meanings
from trapline.server.insights.rules.class_answers import AnswerGroup, ClassNames
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.queries.answer_pairs import (
    ComparedSources,
    count_compared_pairs,
    find_compared_pair,
)
from trapline.server.review.queries.observation_rows import CURRENT
from trapline.server.review.queries.observation_sets import ObservationSet, list_active_sets
from trapline.wire.image_filters import PEOPLE, ComparisonKind
from trapline.wire.insights import InsightNote, NoteCode

MODEL = "model:"


@dataclass(frozen=True)
class ComparedVersion:
    """A version of a model with the answers of people to the same images."""

    of: ObservationSet
    pair: ComparedSources
    groups: list[tuple[UUID, AnswerGroup]]
    classes: ClassNames

    @property
    def source(self) -> str:
        """The key of the version."""
        return self.pair.first

    @property
    def has_random(self) -> bool:
        """Whether an image of a random audit sample of all images was reviewed."""
        return any(group.is_random for _, group in self.groups)


async def get_current_set(scope: Scope, tx: Transaction, project_id: int) -> ObservationSet:
    """Get the current set of observations of a project. Raises NotFound."""
    await get_project_row(scope, tx, project_id)
    [current] = [
        one for one in await list_active_sets(scope, tx, project_id) if one.state == CURRENT
    ]
    return current


async def list_reviewed_versions(
    scope: Scope, tx: Transaction, project_id: int, of: ObservationSet
) -> list[tuple[ComparedSources, int]]:
    """List the versions that answered on reviewed images, with most images first."""
    counted = await count_compared_pairs(scope, tx, project_id, [of.id])
    found = [
        (pair, images)
        for pair, images, *_ in counted
        if pair.kind == ComparisonKind.MODEL_PEOPLE.value
    ]
    return sorted(found, key=lambda one: (-one[1], one[0].first))


async def find_model_pair(
    scope: Scope, tx: Transaction, project_id: int, source: str
) -> ComparedSources | None:
    """Find the comparison of a version with people; None without a reviewed image.

    Raises Unprocessable.
    """
    parse_source(source)
    found = await find_compared_pair(scope, tx, project_id, source, PEOPLE)
    return found[0] if found is not None else None


async def compare_version(
    scope: Scope, tx: Transaction, project_id: int, of: ObservationSet, pair: ComparedSources
) -> ComparedVersion:
    """Compare the answers of a version with those of people."""
    groups = await list_answer_groups(scope, tx, project_id, of.id, pair)
    meanings = await list_meanings(scope, tx, project_id, of.id)
    answers = [names for _, one in groups for names in (one.predicted, one.true)]
    return ComparedVersion(of, pair, groups, ClassNames(meanings, answers))


def parse_source(source: str, field: str = "source") -> tuple[str, str]:
    """Parse the key of a version into its name and version. Raises Unprocessable."""
    name, slash, version = source.removeprefix(MODEL).rpartition("/")
    if not source.startswith(MODEL) or not slash or not name:
        reason = "must be model: with a name, a slash and a version"
        raise Unprocessable(f"{field}: {reason}.", [(field, reason)])
    return name, version


def list_bias_notes(*, has_random: bool) -> list[InsightNote]:
    """List the note that figures are not of a random sample."""
    if has_random:
        return []
    return [
        InsightNote(
            code=NoteCode.NO_AUDIT_SAMPLE,
            text="No image of a random audit sample of all images has been reviewed. Reviews of "
            "images that people chose are biased.",
        )
    ]
