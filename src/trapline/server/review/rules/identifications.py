"""Which of the things that people said of an image holds, and what each kind of them may say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.wire.auth import TokenKind
from trapline.wire.identifications import IdentificationKind as Kind
from trapline.wire.identifications import NewIdentification

NAMES = ("taxon", "label")
DETAILS = ("count", "sex", "life_stage", "behaviour")
CARRIES: dict[Kind, frozenset[str]] = {
    Kind.CONFIRM: frozenset({"comment", *DETAILS}),
    Kind.CORRECT: frozenset({"comment", *NAMES, *DETAILS}),
    Kind.BLANK: frozenset({"comment"}),
    Kind.UNSURE: frozenset({"comment"}),
    Kind.COMMENT: frozenset({"comment"}),
}
"""What may be said with each kind, beside what it is about."""


@dataclass(frozen=True, slots=True)
class ActiveIdentification:
    """An identification that was not withdrawn and is no comment, of one image; of all of it without an annotation."""

    id: UUID
    kind: Kind
    at: datetime
    annotation_id: UUID | None
    analysis_id: UUID | None

    def is_later(self, other: "ActiveIdentification") -> bool:
        """Whether it was said after another."""
        return (self.at, self.id) > (other.at, other.id)


class EffectiveIdentifications:
    """What holds of one image and of what was found on it: the latest that a person said, else the
    model's own words.

    What is said of a box is said of its classification. That a whole image is blank is said of
    everything on it. That a whole image is confirmed is said of what its analysis found, where
    nothing else was said of that by itself.
    """

    def __init__(self, said: Iterable[ActiveIdentification]) -> None:
        self._latest: dict[UUID | None, ActiveIdentification] = {}
        for one in said:
            known = self._latest.get(one.annotation_id)
            if known is None or one.is_later(known):
                self._latest[one.annotation_id] = one

    def of_image(self) -> ActiveIdentification | None:
        """What holds of the whole image; that it is blank does not, once something on it is named after that."""
        whole = self._latest.get(None)
        if whole is not None and whole.kind == Kind.BLANK:
            for one in self._latest.values():
                if one.kind in (Kind.CONFIRM, Kind.CORRECT) and one.is_later(whole):
                    return None
        return whole

    def of_annotation(
        self, annotation_id: UUID, parent_id: UUID | None, analysis_id: UUID
    ) -> ActiveIdentification | None:
        """What holds of an annotation; None where the model's words do."""
        own = self._latest.get(annotation_id)
        of_box = self._latest.get(parent_id) if parent_id is not None else None
        if own is None or (of_box is not None and of_box.is_later(own)):
            own = of_box
        whole = self._latest.get(None)
        if whole is None:
            return own
        if whole.kind == Kind.BLANK:
            return whole if own is None or whole.is_later(own) else own
        if own is None and whole.kind == Kind.CONFIRM and whole.analysis_id == analysis_id:
            return whole
        return own


def list_errors(new: Sequence[NewIdentification]) -> list[tuple[str, str]]:
    """Find what cannot be said like that: where it stands, and why."""
    faults: list[tuple[str, str]] = []
    told: set[UUID] = set()
    for place, one in enumerate(new):
        here = f"identifications.{place}"
        about = [*one.annotations, *one.images]
        if not about:
            faults.append((here, "must name annotations or images that it is about"))
        given = {name for name in ("comment", *NAMES, *DETAILS) if getattr(one, name) is not None}
        faults += [
            (f"{here}.{name}", f"is not said with {one.kind}")
            for name in sorted(given - CARRIES[one.kind])
        ]
        if one.kind == Kind.CORRECT and len(given.intersection(NAMES)) != 1:
            faults.append((here, "must say what it is, by either a taxon or a label"))
        if one.kind == Kind.COMMENT and one.comment is None:
            faults.append((f"{here}.comment", "must not be left out of a comment"))
        for key in about if one.kind != Kind.COMMENT else ():
            if key in told:
                faults.append((here, f"is about {key}, of which something is said already"))
                break
            told.add(key)
    return faults


def can_see_people(scope: Scope) -> bool:
    """Whether a caller is told what people said: they themselves are; workers and outside pipelines are not."""
    return scope.kind == TokenKind.USER or (scope.kind is None and scope.user_id is not None)
