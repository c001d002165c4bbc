"""Results that workers post.

The field names are those of the worker protocol.
"""

from typing import Any

from pydantic import Field

from trapline.wire.values import AnyText, Fraction, LeaseToken, LongText, Message, Name, Real, Text


class AlgorithmReference(Message):
    """The algorithm of a finding."""

    name: Text
    key: Name


class BoundingBox(Message):
    """Box in absolute pixels of the image as served, from the top left."""

    x1: Real
    y1: Real
    x2: Real
    y2: Real


class Classification(Message):
    """Classification of one box; the last terminal one is the label of the box."""

    classification: Text
    labels: list[Text] | None = None
    scores: list[Real] = []
    logits: list[Real] | None = None
    inference_time: Real | None = None
    algorithm: AlgorithmReference
    terminal: bool = True
    timestamp: Text | None = None


class Detection(Message):
    """One detection; `bbox` null means that the image was processed and nothing was found."""

    source_image_id: Text
    bbox: BoundingBox | None
    score: Fraction | None = None
    inference_time: Real | None = None
    algorithm: AlgorithmReference
    timestamp: Text | None = None
    crop_image_url: LongText | None = None
    classifications: list[Classification] = []
    mask: dict[str, Any] | None = Field(
        default=None,
        description="Outline of the object: the `data` of an annotation of type segmentation, as "
        "run lengths or as a polygon in pixels of the image as served.",
    )
    keypoints: dict[str, Any] | None = Field(
        default=None,
        description="`{keypoints, skeleton}`: the `data` of an annotation of type keypoint.",
    )
    embedding: list[Real] | None = Field(
        default=None, description="Vector of the object; stored unchanged with its box."
    )


class SourceImage(Message):
    """The image of a result."""

    id: Text
    url: LongText = ""


class Success(Message):
    """Result of a pipeline for one image."""

    pipeline: Text
    algorithms: dict[str, Any] = {}
    total_time: Real = 0.0
    source_images: list[SourceImage]
    detections: list[Detection]
    config: dict[str, Any] | None = None


class Failure(Message):
    """Reason why a pipeline could not process an image."""

    error: LongText
    image_id: Text | None = None


class Result(Message):
    """The result of one task; `reply_subject` is its lease token."""

    reply_subject: LeaseToken
    result: Success | Failure


class Results(Message):
    """A batch of results of one job."""

    results: list[Result]


class ResultStatus(Message):
    """Status of one result, in the order sent: `accepted`, `duplicate` or `rejected: reason`.

    Unknown values are empty text: `reply_subject` is sent back only if it is a lease token of this
    server.
    """

    reply_subject: AnyText
    status: AnyText
    task_id: AnyText


class ResultsAccepted(Message):
    """Status of a batch of results; an invalid result does not affect the others."""

    status: AnyText = "accepted"
    job_id: int
    results_queued: int
    tasks: list[ResultStatus]
