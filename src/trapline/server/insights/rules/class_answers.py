"""Answers of a model and of people by class; an answer counts for the ancestors of its taxon, too.

A case is an image and a class. It is a true positive if both answers contain the class or a
descendant, a false positive if only the model's does, and a false negative if only that of people.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trapline.server.review.rules.observation_inputs import Meaning
from trapline.wire.observations import ObservationKind

SEPARATOR = " + "
"""Between the names of an answer, as it is stored."""


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Reviewed images with the same answers.

    Attributes:
        predicted, true: The names that the model and people gave.
        samples: The random audit samples with these images: "" for one of all images, or a class.
        agrees: Whether the answers agree.
    """

    predicted: frozenset[str]
    true: frozenset[str]
    samples: frozenset[str]
    agrees: bool
    images: int

    @property
    def is_random(self) -> bool:
        """Whether the images were drawn at random from all images."""
        return "" in self.samples


@dataclass(slots=True)
class CaseCounts:
    """True positives, false positives and false negatives."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def add(self, *, is_predicted: bool, is_true: bool, images: int) -> None:
        """Count images with a class in one of the answers or in both."""
        self.true_positives += images * (is_predicted and is_true)
        self.false_positives += images * (is_predicted and not is_true)
        self.false_negatives += images * (is_true and not is_predicted)


@dataclass(slots=True)
class ClassCases:
    """Cases of a class: random ones for the precision, random ones for the recall, and others."""

    precision: CaseCounts = field(default_factory=CaseCounts)
    recall: CaseCounts = field(default_factory=CaseCounts)
    biased: CaseCounts = field(default_factory=CaseCounts)


class ClassNames:
    """The classes of a comparison, and which names are within which class."""

    def __init__(self, meanings: Mapping[str, Meaning], answers: Iterable[frozenset[str]]) -> None:
        self._meanings = meanings
        self.names = sorted({name for names in answers for name in names})
        self._within: dict[str, list[str]] = {}

    def extend(self, names: Iterable[str]) -> "ClassNames":
        """Return these classes and others."""
        return ClassNames(self._meanings, [frozenset(self.names), frozenset(names)])

    def is_within(self, name: str, other: str) -> bool:
        """Whether a name is a class or one of its descendants; "animal" has all animals."""
        if name == other:
            return True
        one, another = self._get_meaning(name), self._get_meaning(other)
        if ObservationKind.BLANK in (one.kind, another.kind):
            return False
        return one.is_within(another) or (another.is_generic and one.kind is another.kind)

    def list_classes(self, names: frozenset[str]) -> set[str]:
        """List the classes that an answer contains."""
        found = set()
        for name in names:
            if name not in self._within:
                self._within[name] = [one for one in self.names if self.is_within(name, one)]
            found.update(self._within[name])
        return found

    def list_descendants(self, name: str) -> list[str]:
        """List the names within a class."""
        return [one for one in self.names if self.is_within(one, name)]

    def _get_meaning(self, name: str) -> Meaning:
        found = self._meanings.get(name)
        if found is not None:
            return found
        kind = ObservationKind.BLANK if name == "blank" else ObservationKind.UNKNOWN
        return Meaning(name, kind, None, frozenset({name.lower()}), 1)


def parse_answer(text: str) -> frozenset[str]:
    """Parse an answer as it is stored.

    >>> sorted(parse_answer("Deer + Fox"))
    ['Deer', 'Fox']
    """
    return frozenset(text.split(SEPARATOR))


def count_by_class(groups: Sequence[AnswerGroup], classes: ClassNames) -> dict[str, ClassCases]:
    """Count the cases of each class, with most reviewed images first.

    A random sample of the images on which the model found a class says nothing about the images on
    which it did not, so it counts for the precision of this class alone.
    """
    found = {name: ClassCases() for name in classes.names}
    sizes = dict.fromkeys(classes.names, 0)
    for group in groups:
        predicted = classes.list_classes(group.predicted)
        true = classes.list_classes(group.true)
        for name in predicted | true:
            case = {"is_predicted": name in predicted, "is_true": name in true}
            cases = found[name]
            sizes[name] += group.images
            is_sampled = group.is_random or name in group.samples
            for counts, counted in (
                (cases.precision, is_sampled),
                (cases.recall, group.is_random),
                (cases.biased, not is_sampled),
            ):
                if counted:
                    counts.add(**case, images=group.images)
    ordered = sorted(found, key=lambda name: (-sizes[name], name))
    return {name: found[name] for name in ordered}


def count_all(groups: Sequence[AnswerGroup], classes: ClassNames) -> ClassCases:
    """Count the cases of all classes together, each name of an answer once.

    A name of the model is correct if it is a name of people or an ancestor of one, and a name of
    people is found if the model gave it, an ancestor, or a descendant.
    """
    cases = ClassCases()
    for group in groups:
        if group.samples and not group.is_random:
            # A sample of one class says nothing about all classes.
            continue
        counts = cases.recall if group.is_random else cases.biased
        for name in group.predicted:
            is_true = any(classes.is_within(one, name) for one in group.true)
            counts.add(is_predicted=True, is_true=is_true, images=group.images)
        for name in group.true:
            if not any(
                classes.is_within(name, one) or classes.is_within(one, name)
                for one in group.predicted
            ):
                counts.add(is_predicted=False, is_true=True, images=group.images)
    cases.precision = cases.recall
    return cases
