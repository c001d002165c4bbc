"""Build the rows of identifications from their images, annotations, sequences and taxa."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.review.queries.identifications import AnnotationLocation, IdentificationRow
from trapline.server.review.rules.identifications import DETAILS
from trapline.wire.identifications import (
    MOST_SEQUENCE_IMAGES,
    ApplyTo,
    IdentificationKind,
    NewIdentification,
    NewIdentificationTaxon,
)


@dataclass(frozen=True)
class IdentifiedSubjects:
    """The subjects and taxa of new identifications that the caller sees and that are not deleted.

    Attributes:
        images: The project of each image, those of sequences and annotations included.
        places: The location of each annotation.
        sequences: The images of each sequence, in the order of their capture times.
        results: The newest completed analysis of each image to confirm.
        taxa: The project and the scientific name of each taxon.
    """

    images: Mapping[UUID, int]
    places: Mapping[UUID, AnnotationLocation]
    sequences: Mapping[UUID, Sequence[UUID]]
    results: Mapping[UUID, UUID]
    taxa: Mapping[UUID, tuple[int, str]]

    def list_independent(self, new: Iterable[NewIdentification]) -> set[UUID]:
        """List the images that are confirmed without the decisions of other people."""
        found: set[UUID] = set()
        for one in new:
            if not one.independent:
                continue
            found.update(one.images)
            found.update(*(self.sequences.get(key, ()) for key in one.sequences))
            found.update(self.places[key].image_id for key in one.annotations if key in self.places)
        return found


class IdentificationRowBuilder:
    """Builds the rows of identifications in order."""

    def __init__(self, scope: Scope, subjects: IdentifiedSubjects) -> None:
        self._made_by, self._roles = scope.person, scope.roles
        self._subjects = subjects
        self._faults: list[tuple[str, str]] = []

    def build_rows(self, new: Sequence[NewIdentification]) -> list[IdentificationRow]:
        """Build the rows in order.

        Raises:
            NotFound: an image, annotation, sequence or taxon does not exist or is deleted.
            Unprocessable: the sequences have too many images.
            Conflict: an analysis is simulated or not completed, or a sequence contains an image
                that the request also names otherwise.
        """
        rows: list[IdentificationRow] = []
        for number, one in enumerate(new):
            rows += self._build(f"identifications.{number}", one)
        self._find_repeated(new)
        if self._faults:
            raise refuse(Conflict, self._faults)
        return rows

    def _build(self, here: str, one: NewIdentification) -> Iterator[IdentificationRow]:
        for number, key in enumerate(one.annotations):
            place = self._subjects.places.get(key)
            if place is None or place.image_id not in self._subjects.images:
                raise missing(f"{here}.annotations.{number}")
            if place.is_simulated:
                why = (
                    "is of a simulated analysis: identify the image, or an annotation of an"
                    " analysis that is not simulated"
                )
                self._faults.append((f"{here}.annotations.{number}", why))
            elif not place.is_completed:
                why = "is of an analysis that is not completed: wait until it is completed"
                self._faults.append((f"{here}.annotations.{number}", why))
            yield self._row(here, one, place.image_id, place.analysis_id, annotation_id=key)
        for number, key in enumerate(one.images):
            if key not in self._subjects.images:
                raise missing(f"{here}.images.{number}")
            if self._has_nothing_to_confirm(one, key):
                why = (
                    "has no completed analysis to confirm: identify what it shows,"
                    " or identify it as blank"
                )
                self._faults.append((f"{here}.images.{number}", why))
            yield self._row(here, one, key, self._find_result(one, key))
        for number, key in enumerate(one.sequences):
            yield from self._build_of_sequence(f"{here}.sequences.{number}", here, one, key)

    def _build_of_sequence(
        self, where: str, here: str, one: NewIdentification, sequence_id: UUID
    ) -> Iterator[IdentificationRow]:
        there = self._subjects.sequences.get(sequence_id, ())
        images = [key for key in there if key in self._subjects.images]
        if not images:
            raise missing(where)
        confirmed = [key for key in images if not self._has_nothing_to_confirm(one, key)]
        if not confirmed:
            why = (
                "has no completed analysis to confirm: identify what it shows,"
                " or identify it as blank"
            )
            self._faults.append((where, why))
        statement_id = uuid7()
        for key in confirmed:
            yield self._row(
                here,
                one,
                key,
                self._find_result(one, key),
                sequence_id=sequence_id,
                statement_id=statement_id,
                applies_to_all=one.apply_to is ApplyTo.ALL,
            )

    def _find_repeated(self, new: Sequence[NewIdentification]) -> None:
        """Find sequences with an image that the request also names as an image."""
        named = {key for one in new for key in one.images}
        for number, one in enumerate(new):
            for place, key in enumerate(one.sequences):
                both = named.intersection(self._subjects.sequences.get(key, ()))
                if both:
                    where = f"identifications.{number}.sequences.{place}"
                    why = f"contains image {min(both)}, which another identification names already"
                    self._faults.append((where, why))

    def _has_nothing_to_confirm(self, one: NewIdentification, image_id: UUID) -> bool:
        return one.kind == IdentificationKind.CONFIRM and image_id not in self._subjects.results

    def _find_result(self, one: NewIdentification, image_id: UUID) -> UUID | None:
        is_confirmed = one.kind == IdentificationKind.CONFIRM
        return self._subjects.results.get(image_id) if is_confirmed else None

    def _row(
        self,
        here: str,
        one: NewIdentification,
        image_id: UUID,
        analysis_id: UUID | None,
        **subject: Any,
    ) -> IdentificationRow:
        project = self._subjects.images[image_id]
        taxa = list(self._list_taxa(here, one, project))
        return IdentificationRow(
            project_id=project,
            image_id=image_id,
            analysis_id=analysis_id,
            kind=one.kind.value,
            comment=one.comment,
            taxon_id=taxa[0]["taxon"] if taxa else None,
            label=taxa[0]["label"] if taxa else None,
            **{name: (taxa[0][name] if taxa else getattr(one, name)) for name in DETAILS},
            taxa=[_to_json(taxon) for taxon in taxa] if len(taxa) > 1 else None,
            made_by=self._made_by,
            role=self._roles[project].value if project in self._roles else None,
            **subject,
        )

    def _list_taxa(
        self, here: str, one: NewIdentification, project: int
    ) -> Iterator[dict[str, Any]]:
        """List the taxa that an identification names, with their details."""
        given: Iterable[tuple[str, NewIdentification | NewIdentificationTaxon]]
        if one.taxa is not None:
            given = [(f"{here}.taxa.{place}", taxon) for place, taxon in enumerate(one.taxa)]
        elif one.kind == IdentificationKind.CORRECT:
            given = [(here, one)]
        else:
            given = []
        for where, taxon in given:
            label = taxon.label
            if taxon.taxon is not None:
                of, label = self._subjects.taxa.get(taxon.taxon, (None, None))
                if of != project:
                    raise missing(f"{where}.taxon")
            details = {name: getattr(taxon, name) for name in DETAILS}
            yield {"taxon": taxon.taxon, "label": label, **details}


def _to_json(taxon: Mapping[str, Any]) -> dict[str, Any]:
    key = taxon["taxon"]
    return {**taxon, "taxon": str(key) if key is not None else None}


def require_few_images(new: Sequence[NewIdentification], images: Mapping[UUID, int]) -> None:
    """Require that the sequences of a request have few enough images; `images` are their numbers.

    Raises Unprocessable.
    """
    count = 0
    for number, one in enumerate(new):
        for place, key in enumerate(one.sequences):
            count += images.get(key, 0)
            if count > MOST_SEQUENCE_IMAGES:
                where = f"identifications.{number}.sequences.{place}"
                why = f"the sequences have more than {MOST_SEQUENCE_IMAGES:,} images"
                raise refuse(Unprocessable, [(where, why)])


def refuse(
    error: type[Unprocessable | Conflict], faults: Sequence[tuple[str, str]]
) -> Unprocessable | Conflict:
    """Build the error that names the faults of a request."""
    first = "; ".join(f"{where}: {fault}" for where, fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return error(f"{first}{more}. Nothing was stored.", faults)


def missing(where: str) -> NotFound:
    """Build the error for an ID that does not exist, or that the caller does not see."""
    return NotFound(f"{where}: it does not exist, or you have no access to it. Nothing was stored.")
