"""Conditions of lists of images and of searches for annotations."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from trapline.wire.image_filters import ComparisonState, DisagreementFilter, ImageConditions
from trapline.wire.images import ImageOrder
from trapline.wire.observations import ObservationKind, ObservationSource

HOURS = 24


@dataclass(frozen=True)
class PairFilter:
    """Two sources of answers to images, and conditions on their answers; None matches all.

    `agree` and `differ` compare the answers; `open`: they differ, and no person decided since. The
    ID of the pair is looked up before the filter is applied; None if the sources have none. The
    answers are then in the order of the pair.
    """

    source_a: str
    source_b: str
    answer_a: str | None = None
    answer_b: str | None = None
    comparison: ComparisonState | None = None
    pair_id: int | None = None


@dataclass(frozen=True)
class ImageFilter:
    """Conditions of a list of images; None matches all.

    An image is in one of `deployment_ids`; without one, it can be in any. `analysis_state` is the
    state of the newest analysis, or none. Days are in the time zone of each image, from `day_after`
    on and before `day_before`. `human` matches what people decided, or if false what models did;
    `identified_by` is a user in the form that the audit uses; `model_class` matches the output of
    models, whatever people say. `disagreement` matches open disagreements of a kind, and `pair` the
    answers of two sources. `hours` are hours of the local day. `is_by_time` is false for a list
    that is not in the order of capture times. These are looked up before the filter is applied:
    `sets` of observations, the stored `names` of the class or taxon, for a person whether
    several people decided some observations together, and whether no image can match.
    """

    deployment_ids: tuple[UUID, ...] = ()
    class_name: str | None = None
    taxon_id: UUID | None = None
    analysis_state: str | None = None
    captured_after: datetime | None = None
    captured_before: datetime | None = None
    day_after: date | None = None
    day_before: date | None = None
    hours: frozenset[int] | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    blank: bool | None = None
    reviewed: bool | None = None
    commented: bool | None = None
    job_id: int | None = None
    tag: str | None = None
    starred: bool | None = None
    sequence_ids: tuple[UUID, ...] = ()
    camera_time: bool | None = None
    truncated: bool | None = None
    kind: str | None = None
    human: bool | None = None
    identified_by: str | None = None
    needs_review: bool | None = None
    individual_id: str | None = None
    count_min: int | None = None
    model_class: str | None = None
    disagreement: DisagreementFilter | None = None
    pair: PairFilter | None = None
    deleted: bool = False
    is_by_time: bool = True
    sets: tuple[int, ...] = ()
    names: tuple[str, ...] | None = None
    has_several_people: bool = False
    matches_nothing: bool = False

    @property
    def is_contradictory(self) -> bool:
        """Whether no image can match: looking for one would read all images of one condition.

        A blank image has one row in the class index, without individuals, and an image without
        observations has none. All conditions on observations are on the same row.

        >>> ImageFilter(blank=True, kind="animal").is_contradictory
        True
        >>> ImageFilter(blank=True, human=True).is_contradictory
        False
        """
        is_blank = bool(self.blank) or self.kind == ObservationKind.BLANK
        by_person = bool(self.human) or self.identified_by is not None
        of_a_row = (
            *(self.class_name, self.taxon_id, self.blank, self.human, self.identified_by),
            *(self.needs_review, self.count_min, self.confidence_min, self.confidence_max),
        )
        return (
            (is_blank and self.kind not in (None, ObservationKind.BLANK))
            or (self.blank is False and self.kind == ObservationKind.BLANK)
            or (is_blank and (self.count_min is not None or self.individual_id is not None))
            or (self.human is False and self.identified_by is not None)
            or (by_person and self.confidence_max is not None and self.confidence_max < 1)
            or (
                self.kind == ObservationKind.UNCLASSIFIED
                and any(one is not None for one in (*of_a_row, self.individual_id))
            )
        )

    @property
    def is_of_one_name(self) -> bool:
        """Whether one stored name decides: the index of names has the order of the list."""
        return self.names is not None and len(self.names) == 1

    @property
    def is_in_index_order(self) -> bool:
        """Whether an index of observed classes has the order of the list for this filter."""
        is_of_kind = self.kind not in (None, ObservationKind.UNCLASSIFIED)
        is_of_group = self.count_min is not None and self.count_min > 1
        return (self.is_by_time and not self.matches_nothing) and (
            self.is_of_one_name
            or is_of_kind
            or is_of_group
            or bool(self.human)
            or bool(self.needs_review)
            or self.identified_by is not None
        )

    @property
    def is_only_blank(self) -> bool:
        """Whether the one name is that of blank images."""
        return bool(self.blank) and self.class_name is None and self.taxon_id is None


def build_image_filter(given: ImageConditions, *, deleted: bool = False) -> ImageFilter:
    """Build the filter of a list of images from the conditions of a request."""
    return ImageFilter(
        deployment_ids=given.deployments,
        class_name=given.class_name,
        taxon_id=given.taxon,
        analysis_state=given.analysis_state.value if given.analysis_state else None,
        captured_after=given.captured_after,
        captured_before=given.captured_before,
        day_after=given.day_after,
        day_before=given.day_before,
        hours=list_hours(given.hour_from, given.hour_to),
        confidence_min=given.confidence_min,
        confidence_max=given.confidence_max,
        blank=given.blank,
        reviewed=given.reviewed,
        commented=given.commented,
        job_id=given.job,
        tag=given.tag,
        starred=given.starred,
        sequence_ids=given.sequences,
        camera_time=given.camera_time,
        truncated=given.truncated,
        kind=given.kind.value if given.kind else None,
        human=None if given.source is None else given.source is ObservationSource.HUMAN,
        identified_by=f"user:{given.identified_by}" if given.identified_by else None,
        needs_review=given.needs_review,
        individual_id=given.individual,
        count_min=given.count_min,
        model_class=given.model_class,
        disagreement=given.disagreement,
        pair=build_pair_filter(given),
        deleted=deleted,
    )


def build_pair_filter(given: ImageConditions) -> PairFilter | None:
    """Build the filter of the answers of two sources; None without them."""
    if given.source_a is None or given.source_b is None:
        return None
    return PairFilter(
        given.source_a, given.source_b, given.answer_a, given.answer_b, given.comparison
    )


def list_hours(first: int | None, end: int | None) -> frozenset[int] | None:
    """List the hours of the day from one on and before another; None for the whole day.

    >>> sorted(list_hours(22, 2))
    [0, 1, 22, 23]
    >>> sorted(list_hours(22, None))
    [22, 23]
    """
    start = first or 0
    length = ((HOURS if end is None else end) - start) % HOURS
    return frozenset((start + hour) % HOURS for hour in range(length)) or None


@dataclass(frozen=True)
class ListOrder:
    """An order of a list of images; `seed` chooses one of the random orders."""

    order: ImageOrder
    seed: int = 0

    @property
    def is_by_time(self) -> bool:
        """Whether it is the order of capture times, forward or backward."""
        return self.order in (ImageOrder.NEWEST_FIRST, ImageOrder.OLDEST_FIRST)

    @property
    def is_newest_first(self) -> bool:
        """Whether it is the order of capture times backward."""
        return self.order is ImageOrder.NEWEST_FIRST


@dataclass(frozen=True)
class AnnotationSearchFilter:
    """Conditions of a search for annotations; None matches all.

    `model` is the slug of a pipeline or the name of an external model. Times are capture times.
    `human` matches boxes of people, or if false annotations of models.
    """

    annotation_type: str | None = None
    class_name: str | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    deployment_id: UUID | None = None
    captured_after: datetime | None = None
    captured_before: datetime | None = None
    model: str | None = None
    model_version: str | None = None
    algorithm: str | None = None
    job_id: int | None = None
    taxon_id: UUID | None = None
    image_id: UUID | None = None
    reviewed: bool | None = None
    human: bool | None = None
