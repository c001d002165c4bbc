"""Parameters of requests that choose images: the filter of a list, and the random order."""

from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends, Query

from trapline.server.catalogue.rules.filters import ImageFilter, build_image_filter
from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.http.parameters import LARGEST, QueryText
from trapline.wire.day_counts import GivenDay
from trapline.wire.identifications import LARGEST_COUNT
from trapline.wire.image_filters import (
    MOST_DEPLOYMENTS,
    MOST_SEQUENCES,
    ComparisonState,
    DisagreementFilter,
    ImageConditions,
    validate_sources,
)
from trapline.wire.images import LARGEST_SEED, AnalysisStateFilter
from trapline.wire.observations import ObservationKind, ObservationSource
from trapline.wire.values import GivenTime

Seed = Annotated[
    int,
    Query(
        ge=0, le=LARGEST_SEED, description="Which random order: the same number, the same order."
    ),
]


class ParsedConditions(NamedTuple):
    """The conditions of a list of images, and whether it is that of deleted ones."""

    conditions: ImageConditions
    deleted: bool


def parse_conditions(
    deployment: Annotated[
        list[UUID] | None,
        Query(
            max_length=MOST_DEPLOYMENTS,
            description="Only images of this deployment. Repeat it for several deployments.",
        ),
    ] = None,
    class_name: Annotated[
        QueryText | None, Query(alias="class", description="A name, or a label that means it.")
    ] = None,
    taxon: Annotated[UUID | None, Query(description="Only this taxon and its descendants.")] = None,
    analysis_state: AnalysisStateFilter | None = None,
    captured_after: GivenTime | None = None,
    captured_before: GivenTime | None = None,
    day_after: Annotated[GivenDay | None, Query(description="From this local day on.")] = None,
    day_before: Annotated[GivenDay | None, Query(description="Before this local day.")] = None,
    hour_from: Annotated[
        int | None,
        Query(ge=0, le=23, description="From this hour of the day on, at the deployment."),
    ] = None,
    hour_to: Annotated[
        int | None,
        Query(
            ge=0,
            le=24,
            description="Before this hour of the day; `hour_from=22&hour_to=4` is by night. Equal "
            "hours are a whole day.",
        ),
    ] = None,
    confidence_min: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Only images with an observation of at least this confidence; observations "
            "by people are certain.",
        ),
    ] = None,
    confidence_max: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Only images with an observation of at most this confidence. Observations "
            "without a confidence are left out.",
        ),
    ] = None,
    blank: Annotated[
        bool | None, Query(description="Only blank images, or only images with findings.")
    ] = None,
    reviewed: Annotated[
        bool | None, Query(description="Only images that are, or are not, reviewed by a person.")
    ] = None,
    commented: Annotated[
        bool | None, Query(description="Only images with, or without, a comment of a person.")
    ] = None,
    job: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="Only images of this job.")
    ] = None,
    tag: Annotated[QueryText | None, Query(description="Only images with this tag.")] = None,
    starred: Annotated[
        bool | None, Query(description="Only images with, or without, a star.")
    ] = None,
    sequence: Annotated[
        list[UUID] | None,
        Query(
            max_length=MOST_SEQUENCES,
            description="Only images of this sequence. Repeat it for several sequences.",
        ),
    ] = None,
    camera_time: Annotated[
        bool | None,
        Query(
            description="Only images with the time of a camera or person, or with that of a file."
        ),
    ] = None,
    truncated: Annotated[
        bool | None,
        Query(description="Only truncated JPEGs, or only other images."),
    ] = None,
    kind: Annotated[
        ObservationKind | None, Query(description="Only images with an observation of this kind.")
    ] = None,
    source: Annotated[
        ObservationSource | None,
        Query(description="Only what a person, or a model, decided."),
    ] = None,
    identified_by: Annotated[
        UUID | None, Query(description="Only what this user identified.")
    ] = None,
    needs_review: Annotated[
        bool | None, Query(description="Only what needs review, or does not.")
    ] = None,
    individual: Annotated[
        QueryText | None, Query(description="Only images of this individual.")
    ] = None,
    count_min: Annotated[
        int | None,
        Query(
            ge=1,
            le=LARGEST_COUNT,
            description="Only images with at least this number of individuals of one name.",
        ),
    ] = None,
    model_class: Annotated[
        QueryText | None,
        Query(description="Only what a model found, whatever people say, by its label."),
    ] = None,
    disagreement: Annotated[
        DisagreementFilter | None,
        Query(description="Only images on which answers differ and no person decided since."),
    ] = None,
    source_a: Annotated[
        QueryText | None,
        Query(
            min_length=1,
            description="With `source_b`: only images that both sources answered. A source is "
            "`model:` with name and version, `people`, or `user:` with an ID, as "
            "`GET /disagreements` lists them.",
        ),
    ] = None,
    source_b: Annotated[QueryText | None, Query(min_length=1)] = None,
    answer_a: Annotated[
        QueryText | None, Query(min_length=1, description="Only this answer of `source_a`.")
    ] = None,
    answer_b: Annotated[QueryText | None, Query(min_length=1)] = None,
    comparison: Annotated[
        ComparisonState | None,
        Query(
            description="Only images on which the answers of the two sources agree, differ, or "
            "differ and no person decided since."
        ),
    ] = None,
    deleted: Annotated[
        bool, Query(description="Only deleted images; requires the manager role.")
    ] = False,
) -> ParsedConditions:
    """Parse the conditions of a list of images from the query."""
    given = ImageConditions.model_construct(
        deployment=deployment[0] if deployment and len(deployment) == 1 else deployment,
        class_name=class_name,
        taxon=taxon,
        analysis_state=analysis_state,
        captured_after=captured_after,
        captured_before=captured_before,
        day_after=day_after,
        day_before=day_before,
        hour_from=hour_from,
        hour_to=hour_to,
        confidence_min=confidence_min,
        confidence_max=confidence_max,
        blank=blank,
        reviewed=reviewed,
        commented=commented,
        job=job,
        tag=tag,
        starred=starred,
        sequence=sequence[0] if sequence and len(sequence) == 1 else sequence,
        camera_time=camera_time,
        truncated=truncated,
        kind=kind,
        source=source,
        identified_by=identified_by,
        needs_review=needs_review,
        individual=individual,
        count_min=count_min,
        model_class=model_class,
        disagreement=disagreement,
        source_a=source_a,
        source_b=source_b,
        answer_a=answer_a,
        answer_b=answer_b,
        comparison=comparison,
    )
    try:
        validate_sources(given)
    except ValueError as error:
        raise Unprocessable(str(error)) from error
    return ParsedConditions(given, deleted)


def parse_filter(given: Annotated[ParsedConditions, Depends(parse_conditions)]) -> ImageFilter:
    """Parse the filter of a list of images from the query."""
    return build_image_filter(given.conditions, deleted=given.deleted)


Wanted = Annotated[ImageFilter, Depends(parse_filter)]
