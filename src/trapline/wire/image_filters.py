"""The filter of a list of images, as exports, saved views and other requests store it."""

from typing import Annotated

from pydantic import Field

from trapline.wire.day_counts import GivenDay
from trapline.wire.identifications import LARGEST_COUNT
from trapline.wire.images import AnalysisStateFilter
from trapline.wire.observations import ObservationKind, ObservationSource
from trapline.wire.values import UUID, Fraction, GivenTime, Id, Request, Text

FilterText = Annotated[Text, Field(min_length=1, max_length=1000)]


class ImageConditions(Request):
    """Conditions on images, all of which an image meets; without one, all images match.

    They are those of the list of images. `hour_from` to `hour_to` are hours of the day at the
    deployment, the latter not included: 22 to 4 is from 22:00 to 3:59. Equal hours are a whole day.
    """

    deployment: UUID | None = None
    class_name: FilterText | None = None
    taxon: UUID | None = None
    analysis_state: AnalysisStateFilter | None = None
    captured_after: GivenTime | None = None
    captured_before: GivenTime | None = None
    day_after: GivenDay | None = None
    day_before: GivenDay | None = None
    hour_from: Annotated[int, Field(strict=True, ge=0, le=23)] | None = None
    hour_to: Annotated[int, Field(strict=True, ge=0, le=24)] | None = None
    confidence_min: Fraction | None = None
    confidence_max: Fraction | None = None
    blank: bool | None = None
    reviewed: bool | None = None
    commented: bool | None = None
    job: Id | None = None
    tag: FilterText | None = None
    starred: bool | None = None
    sequence: UUID | None = None
    camera_time: bool | None = None
    truncated: bool | None = None
    kind: ObservationKind | None = None
    source: ObservationSource | None = None
    identified_by: UUID | None = None
    needs_review: bool | None = None
    individual: FilterText | None = None
    count_min: Annotated[int, Field(strict=True, ge=1, le=LARGEST_COUNT)] | None = None
    model_class: FilterText | None = None
