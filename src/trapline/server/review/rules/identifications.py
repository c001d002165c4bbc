"""Rules for the effective identification, and for the fields of each kind of identification."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.wire.auth import TokenKind
from trapline.wire.identifications import IdentificationKind as Kind
from trapline.wire.identifications import NewIdentification

NAMES = ("taxon", "label")
DETAILS = ("count", "sex", "life_stage", "behaviour", "individual_id")
OPTIONAL = ("comment", *NAMES, "taxa", *DETAILS, "apply_to")
CARRIES: dict[Kind, frozenset[str]] = {
    Kind.CONFIRM: frozenset({"comment", *DETAILS}),
    Kind.CORRECT: frozenset(OPTIONAL),
    Kind.BLANK: frozenset({"comment"}),
    Kind.UNSURE: frozenset({"comment"}),
    Kind.COMMENT: frozenset({"comment"}),
}
"""The optional fields of each kind."""


@dataclass(frozen=True, slots=True)
class ActiveIdentification:
    """An identification that is not withdrawn and not a comment.

    Without an annotation, it is of the whole image.
    """

    id: UUID
    kind: Kind
    at: datetime
    annotation_id: UUID | None
    analysis_id: UUID | None

    def is_later(self, other: "ActiveIdentification") -> bool:
        """Whether this identification was created after another."""
        return (self.at, self.id) > (other.at, other.id)


class EffectiveIdentifications:
    """The effective identifications of an image and its annotations: the latest one of each.

    An identification of a box also applies to its classifications. `blank` for a whole image
    applies to all annotations on it. `confirm` for a whole image applies to the annotations of the
    confirmed analysis that have no separate identification.
    """

    def __init__(self, active: Iterable[ActiveIdentification]) -> None:
        self._latest: dict[UUID | None, ActiveIdentification] = {}
        for one in active:
            known = self._latest.get(one.annotation_id)
            if known is None or one.is_later(known):
                self._latest[one.annotation_id] = one

    def of_image(self) -> ActiveIdentification | None:
        """Return the effective identification of the whole image.

        A later identification of an annotation that names something overrides `blank`.
        """
        whole = self._latest.get(None)
        if whole is not None and whole.kind == Kind.BLANK:
            for one in self._latest.values():
                if one.kind in (Kind.CONFIRM, Kind.CORRECT) and one.is_later(whole):
                    return None
        return whole

    def of_annotation(
        self, annotation_id: UUID, parent_id: UUID | None, analysis_id: UUID | None
    ) -> ActiveIdentification | None:
        """Return the effective identification of an annotation; None if the model's result is."""
        own = self._latest.get(annotation_id)
        of_box = self._latest.get(parent_id) if parent_id is not None else None
        if own is None or (of_box is not None and of_box.is_later(own)):
            own = of_box
        whole = self._latest.get(None)
        if whole is None:
            return own
        if whole.kind == Kind.BLANK:
            return whole if own is None or whole.is_later(own) else own
        is_of_analysis = analysis_id is not None and whole.analysis_id == analysis_id
        if own is None and whole.kind == Kind.CONFIRM and is_of_analysis:
            return whole
        return own


def list_errors(new: Sequence[NewIdentification]) -> list[tuple[str, str]]:
    """List the faults of new identifications, each with the path of its field."""
    faults: list[tuple[str, str]] = []
    seen: set[UUID] = set()
    for place, one in enumerate(new):
        here = f"identifications.{place}"
        about = [*one.annotations, *one.images, *one.sequences]
        if not about:
            faults.append((here, "must name annotations, images or sequences"))
        faults += [(f"{here}.{field}" if field else here, why) for field, why in _list_faults(one)]
        for key in about if one.kind != Kind.COMMENT else ():
            if key in seen:
                faults.append((here, f"is about {key}, which another identification names already"))
                break
            seen.add(key)
    return faults


def _list_faults(one: NewIdentification) -> Iterable[tuple[str, str]]:
    """List the faults of one identification, each with its field; empty for the whole."""
    given = {name for name in OPTIONAL if getattr(one, name) is not None}
    for name in sorted(given - CARRIES[one.kind]):
        yield name, f"is not allowed with {one.kind}"
    if one.kind == Kind.CORRECT and len(given.intersection((*NAMES, "taxa"))) != 1:
        yield "", "must have either a taxon, a label, or taxa"
    if one.kind == Kind.COMMENT and one.comment is None:
        yield "comment", "is required for a comment"
    if one.kind == Kind.COMMENT and one.sequences:
        yield "sequences", "is not allowed with comment: comment on an image of the sequence"
    if one.apply_to is not None and one.kind == Kind.CORRECT and not one.sequences:
        yield "apply_to", "is only allowed with sequences"
    if one.taxa is None or one.kind != Kind.CORRECT:
        return
    for name in sorted(given.intersection(DETAILS)):
        yield name, "is not allowed with taxa: state it for each taxon"
    if one.annotations and len(one.taxa) > 1:
        yield "taxa", "must be one taxon for an annotation, which shows one thing"
    for place, taxon in enumerate(one.taxa):
        if (taxon.taxon is None) == (taxon.label is None):
            yield f"taxa.{place}", "must have either a taxon or a label"


def can_see_people(scope: Scope) -> bool:
    """Whether a caller may see identifications of people: only people may."""
    return scope.kind == TokenKind.USER or (scope.kind is None and scope.user_id is not None)
