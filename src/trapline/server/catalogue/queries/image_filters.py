"""Filters of lists of images."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from trapline.server.catalogue.queries.answer_filters import filter_answers, resolve_pair
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.images.queries.images import (
    WITHOUT_CAMERA_TIME,
    ImageClassRow,
    ImageRow,
    ImageTagRow,
)
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.identifications import IdentificationRow
from trapline.server.review.queries.observation_rows import (
    SEVERAL_SOURCES,
    ObservationRow,
    ObservedClassRow,
)
from trapline.server.review.queries.observations import (
    list_class_names,
    list_current_sets,
    list_taxon_names,
)
from trapline.wire.observations import ObservationKind

NONE = "none"
ZONES = timedelta(hours=15)
"""No time zone is further from UTC."""


def filter_images(statement: Select[ImageRow], wanted: ImageFilter) -> Select[ImageRow]:
    """Add the conditions of a filter to a statement of images."""
    if wanted.matches_nothing:
        return statement.where(false())
    if wanted.deployment_ids:
        # The class index is in the order of the list for a deployment, too.
        row = ObservedClassRow if wanted.is_in_index_order else ImageRow
        statement = statement.where(row.deployment_id.in_(wanted.deployment_ids))
    if wanted.job_id is not None:
        statement = statement.where(
            exists().where(AnalysisRow.image_id == ImageRow.id, AnalysisRow.job_id == wanted.job_id)
        )
    statement = _filter_times(statement, wanted)
    statement = _filter_observations(statement, wanted)
    statement = _filter_marks(statement, wanted)
    statement = filter_answers(statement, wanted)
    if wanted.analysis_state is not None:
        statement = _filter_state(statement, wanted.analysis_state)
    return statement


def _filter_observations(statement: Select[ImageRow], wanted: ImageFilter) -> Select[ImageRow]:
    """Narrow a statement by what images show."""
    row = ObservedClassRow
    conditions = _list_index_conditions(wanted, row)
    of_image = (row.image_id == ImageRow.id, row.set_id.in_(wanted.sets))
    if wanted.is_in_index_order:
        statement = statement.join(row, and_(*of_image)).where(*conditions)
        if not wanted.is_of_one_name:
            statement = statement.where(~_is_listed_before(wanted))
    elif conditions:
        statement = statement.where(exists().where(*of_image, *conditions))
    if wanted.kind == ObservationKind.UNCLASSIFIED:
        known = select(row.image_id).where(*of_image).correlate(ImageRow)
        statement = statement.where(~known.exists())
    if wanted.individual_id is not None:
        statement = statement.where(
            exists().where(
                ObservationRow.image_id == ImageRow.id,
                ObservationRow.set_id.in_(wanted.sets),
                ObservationRow.individual_id == wanted.individual_id,
            )
        )
    if wanted.model_class is not None:
        statement = statement.where(
            exists().where(
                ImageClassRow.image_id == ImageRow.id,
                ImageClassRow.project_id == ImageRow.project_id,
                ImageClassRow.class_name == wanted.model_class,
            )
        )
    return statement


def _is_listed_before(wanted: ImageFilter) -> ColumnElement[bool]:
    """Whether another row of the same image meets the conditions and is before this one."""
    other = aliased(ObservedClassRow)
    return exists().where(
        other.image_id == ObservedClassRow.image_id,
        other.set_id == ObservedClassRow.set_id,
        other.class_name < ObservedClassRow.class_name,
        *_list_index_conditions(wanted, other),
    )


def _list_index_conditions(
    wanted: ImageFilter, row: type[ObservedClassRow]
) -> list[ColumnElement[bool]]:
    """List the conditions on one row of the class index, all of which the same row must meet."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.names is not None:
        is_one = len(wanted.names) == 1
        conditions.append(
            row.class_name == wanted.names[0] if is_one else row.class_name.in_(wanted.names)
        )
    if wanted.blank is False:
        # A blank image has no other row.
        conditions.append(row.kind != ObservationKind.BLANK)
    # An image about which nothing is known has no row.
    if wanted.kind not in (None, ObservationKind.UNCLASSIFIED):
        conditions.append(row.kind == wanted.kind)
    if wanted.human is not None:
        # Partial indexes are used for a column alone: PostgreSQL does not use them for `is true`.
        conditions.append(_is(row.human, wanted.human))
    if wanted.identified_by is not None:
        conditions += [_is(row.human, True), _is_by_person(wanted, wanted.identified_by, row)]
    if wanted.needs_review is not None:
        conditions.append(_is(row.needs_review, wanted.needs_review))
    if wanted.count_min is not None:
        # Written so that the index of groups is found.
        conditions.append(row.count >= wanted.count_min)
        if wanted.count_min > 1:
            conditions.append(row.count > 1)
    if wanted.confidence_min is not None:
        # An observation that a person decided has no confidence, and is certain.
        conditions.append(row.human | (row.confidence >= wanted.confidence_min))
    if wanted.confidence_max is not None:
        # The index has the confidence 0 where observations have none.
        is_below = and_(~row.human, row.confidence > 0, row.confidence <= wanted.confidence_max)
        conditions.append(or_(row.human, is_below) if wanted.confidence_max == 1 else is_below)
    return conditions


def _is(column: InstrumentedAttribute[bool], wanted: bool) -> ColumnElement[bool]:
    return column.expression if wanted else ~column


def _is_by_person(
    wanted: ImageFilter, person: str, row: type[ObservedClassRow]
) -> ColumnElement[bool]:
    """Whether a person decided an observation of a row of the class index."""
    if not wanted.has_several_people:
        # With one value, the index has the order of the list.
        return row.identified_by == person
    decided = (
        select(ObservationRow.id)
        .where(
            ObservationRow.image_id == row.image_id,
            ObservationRow.set_id == row.set_id,
            ObservationRow.name == row.class_name,
            ObservationRow.identified_by == person,
        )
        .correlate(row)
        .exists()
    )
    # Both values are in the index, which the second part could not use.
    return and_(
        row.identified_by.in_((person, SEVERAL_SOURCES)), or_(row.identified_by == person, decided)
    )


async def resolve_filter(
    scope: Scope, tx: Transaction, project_id: int | None, wanted: ImageFilter
) -> ImageFilter:
    """Look up what a filter needs: sets of observations, and names of a class and a taxon."""
    sets = await list_current_sets(scope, tx, project_id)
    names: set[str] | None = None
    if wanted.taxon_id is not None:
        names = set(await list_taxon_names(scope, tx, wanted.taxon_id))
    if wanted.class_name is not None:
        of_class = set(await list_class_names(scope, tx, sets, wanted.class_name))
        names = of_class if names is None else names & of_class
    if wanted.blank:
        of_blank = {ObservationKind.BLANK.value}
        names = of_blank if names is None else names & of_blank
    if wanted.is_contradictory or names == set():
        return replace(wanted, sets=tuple(sets), matches_nothing=True)
    several = wanted.identified_by is not None and await _has_several_people(tx, sets)
    return replace(
        wanted,
        pair=None
        if wanted.pair is None
        else await resolve_pair(scope, tx, project_id, wanted.pair),
        sets=tuple(sets),
        names=None if names is None else tuple(sorted(names)),
        has_several_people=several,
    )


async def _has_several_people(tx: Transaction, sets: Sequence[int]) -> bool:
    """Whether several people, or people and models, decided about one name on one image."""
    of_several = exists().where(
        ObservedClassRow.set_id.in_(sets),
        ObservedClassRow.human,
        ObservedClassRow.identified_by == SEVERAL_SOURCES,
    )
    return bool((await tx.session.execute(select(of_several))).scalar_one())


def select_counted(
    scope: Scope, project_id: int | None, wanted: ImageFilter, statement: Select[ImageRow]
) -> Select[Any]:
    """Select as many rows as a filtered statement of images has.

    For one name and a time, the index of the name has all but the deleted images, which are few: to
    look at each image took a quarter of the time of a page.
    """
    of_name = ImageFilter(
        class_name=wanted.class_name,
        taxon_id=wanted.taxon_id,
        blank=wanted.blank if wanted.is_only_blank else None,
        confidence_min=wanted.confidence_min,
        confidence_max=wanted.confidence_max,
        captured_after=wanted.captured_after,
        captured_before=wanted.captured_before,
        sets=wanted.sets,
        names=wanted.names,
    )
    if project_id is None or not wanted.is_of_one_name or wanted != of_name:
        return statement
    scope.check(project_id)
    is_deleted = exists().where(
        ImageRow.id == ObservedClassRow.image_id,
        ImageRow.project_id == project_id,
        ImageRow.deleted_at.is_not(None),
    )
    counted = select(ObservedClassRow.image_id).where(
        ObservedClassRow.set_id.in_(wanted.sets),
        *_list_index_conditions(wanted, ObservedClassRow),
        ~is_deleted,
    )
    return _filter_times(counted, wanted)


def get_capture_time_column(wanted: ImageFilter) -> InstrumentedAttribute[datetime]:
    """Return the column of the capture time for a filter.

    Where an index of the class index has the order of the list, it is the copy in its rows. With
    the column of images, something rare would be searched for in every image, and something
    frequent would be sorted.
    """
    return ObservedClassRow.captured_at if wanted.is_in_index_order else ImageRow.captured_at


def build_local_day(captured: InstrumentedAttribute[datetime]) -> ColumnElement[date]:
    """Build the expression of the local day on which an image was taken."""
    return cast(func.timezone(ImageRow.time_zone, captured), Date)


async def count_by_day(
    tx: Transaction, statement: Select[ImageRow], wanted: ImageFilter, most: int | None
) -> list[tuple[date, int]] | None:
    """Count the images of a statement by day, latest first; None if more than `most` match."""
    day = build_local_day(get_capture_time_column(wanted)).label("day")
    few = statement.with_only_columns(day).limit(None if most is None else most + 1).subquery()
    counted = select(few.c.day, func.count()).group_by(few.c.day).order_by(few.c.day.desc())
    found = [(one, count) for one, count in (await tx.session.execute(counted)).all()]
    return found if most is None or sum(count for _, count in found) <= most else None


def _filter_times(statement: Select[Any], wanted: ImageFilter) -> Select[Any]:
    captured = get_capture_time_column(wanted)
    if wanted.captured_after is not None:
        statement = statement.where(captured >= wanted.captured_after)
    if wanted.captured_before is not None:
        statement = statement.where(captured < wanted.captured_before)
    # The bounds that are valid in every zone can use the index.
    if wanted.day_after is not None:
        statement = statement.where(
            captured >= _midnight(wanted.day_after) - ZONES,
            build_local_day(captured) >= wanted.day_after,
        )
    if wanted.day_before is not None:
        statement = statement.where(
            captured < _midnight(wanted.day_before) + ZONES,
            build_local_day(captured) < wanted.day_before,
        )
    if wanted.hours is not None:
        # The statistics `st_images_hour` are of this expression.
        hour = func.extract("hour", func.timezone(ImageRow.time_zone, ImageRow.captured_at))
        statement = statement.where(hour.in_(sorted(wanted.hours)))
    return statement


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _filter_state(statement: Select[ImageRow], state: str) -> Select[ImageRow]:
    if state == NONE:
        return statement.where(
            ~exists().where(AnalysisRow.image_id == ImageRow.id, ~AnalysisRow.simulated)
        )
    newer = aliased(AnalysisRow)
    made = tuple_(AnalysisRow.created_at, AnalysisRow.id)
    is_newest = ~exists().where(
        newer.image_id == AnalysisRow.image_id,
        ~newer.simulated,
        tuple_(newer.created_at, newer.id) > made,
    )
    of_image = (AnalysisRow.image_id == ImageRow.id, ~AnalysisRow.simulated)
    return statement.where(exists().where(*of_image, AnalysisRow.state == state, is_newest))


def _filter_marks(statement: Select[ImageRow], wanted: ImageFilter) -> Select[ImageRow]:
    if wanted.sequence_ids:
        statement = statement.where(ImageRow.sequence_id.in_(wanted.sequence_ids))
    if wanted.reviewed is not None:
        statement = statement.where(ImageRow.reviewed if wanted.reviewed else ~ImageRow.reviewed)
    if wanted.commented is not None:
        comment = exists().where(
            IdentificationRow.project_id == ImageRow.project_id,
            IdentificationRow.image_id == ImageRow.id,
            IdentificationRow.comment.is_not(None),
            IdentificationRow.withdrawn_at.is_(None),
        )
        statement = statement.where(comment if wanted.commented else ~comment)
    if wanted.starred is not None:
        # In this form the partial index of images with a star is used.
        statement = statement.where(ImageRow.starred if wanted.starred else ~ImageRow.starred)
    if wanted.camera_time is not None:
        statement = statement.where(
            text(f"{'not ' if wanted.camera_time else ''}({WITHOUT_CAMERA_TIME})")
        )
    if wanted.truncated is not None:
        is_truncated = ImageRow.flags.contains([TRUNCATED])
        statement = statement.where(is_truncated if wanted.truncated else ~is_truncated)
    if wanted.tag is not None:
        statement = statement.where(
            exists().where(
                ImageTagRow.project_id == ImageRow.project_id,
                ImageTagRow.tag == wanted.tag,
                ImageTagRow.image_id == ImageRow.id,
            )
        )
    return statement
