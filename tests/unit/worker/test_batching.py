"""Running a batch so that trouble stays small, and making results of what was found."""

from collections.abc import Sequence

import numpy as np
import pytest

from trapline.wire.pipelines import Algorithm
from trapline.wire.results import Result, Results, Success
from trapline.worker.batching import BatchLimit, build_failure, build_success, run_isolated
from trapline.worker.model_watch import ModelWatch
from trapline.worker.pipeline import (
    InputImage,
    ModelClassification,
    ModelDetection,
    Pipeline,
    build_category_map,
)


class Small(Pipeline):
    """A pipeline that runs out of memory above three images, and fails on empty ones."""

    slug = "small"
    name = "Small"
    algorithms = (Algorithm(name="Small", key="small", category_map=build_category_map("a", "b")),)

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        self.sizes.append(len(images))
        if len(images) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20 MiB")
        if any(not image.pixels.any() for image in images):
            raise ValueError("black")
        return [[] for _ in images]


def image(name: str, value: int = 1) -> InputImage:
    return InputImage(name, np.full((4, 6, 3), value, np.uint8))


def test_out_of_memory_halves_the_batch_and_is_remembered() -> None:
    limit = BatchLimit(images=10, pixels=1000)
    pipeline = Small()
    answers = run_isolated(
        pipeline, [image(str(number)) for number in range(10)], limit, ModelWatch()
    )
    assert answers == [[]] * 10
    assert pipeline.sizes == [10, 5, 2, 3, 5, 2, 3]
    assert limit.images == 2


def test_a_poison_picture_is_alone_in_its_error() -> None:
    answers = run_isolated(
        Small(), [image("a"), image("b", 0), image("c")], BatchLimit(10, 1000), ModelWatch()
    )
    assert answers[0] == answers[2] == []
    assert isinstance(answers[1], ValueError)


def test_a_batch_with_too_few_answers_is_an_error() -> None:
    class Short(Small):
        def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
            return super().run(images)[1:]

    (answer,) = run_isolated(Short(), [image("a")], BatchLimit(10, 1000), ModelWatch())
    assert "returned 0 results for 1 images" in str(answer)


def test_a_batch_is_bounded_by_pixels_but_never_empty() -> None:
    limit = BatchLimit(images=3, pixels=100)
    assert limit.fits(0, 1_000)
    assert limit.fits(1, 100)
    assert not limit.fits(1, 101)
    assert not limit.fits(3, 30)


def found(**changes: object) -> ModelDetection:
    named = ModelClassification(
        name="b",
        algorithm="small",
        scores=np.array([0.25, 0.75], np.float32),
        logits=np.array([-1.0, 2.0]),
    )
    told = {"box": (1.5, 2, 3, 4), "algorithm": "small", "score": 0.5, "names": [named], **changes}
    return ModelDetection(**told)  # type: ignore[arg-type]


def test_a_result_is_what_the_wire_takes() -> None:
    success = build_success(Small(), image("a"), "http://images/a", [found()], 0.25)
    sent = Results(
        results=[Result.model_construct(reply_subject="r", result=success)]
    ).model_dump_json(exclude_unset=True)
    result = Results.model_validate_json(sent).results[0].result
    assert isinstance(result, Success)
    (detection,) = result.detections
    assert detection.bbox is not None
    assert detection.bbox.x1 == 1.5
    assert detection.score == 0.5
    assert detection.classifications[0].scores == [0.25, 0.75]
    assert detection.classifications[0].logits == [-1.0, 2.0]
    assert detection.classifications[0].algorithm.name == "Small"
    assert "crop_image_url" not in sent


@pytest.mark.parametrize(
    "bad",
    [
        {"score": float("nan")},
        {"score": 1.5},
        {"box": (0, 0, float("inf"), 1)},
        {"names": [ModelClassification(name="a", algorithm="small", scores=[float("nan")])]},
    ],
)
def test_numbers_that_are_none_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the pipeline returned"):
        build_success(Small(), image("a"), "", [found(**bad)], 0.0)


def test_an_error_can_always_be_sent() -> None:
    failure = build_failure(RuntimeError("bad \ud800 text \x00" + "x" * 50_000), "a")
    failure.model_dump_json()
    assert failure.error.startswith("RuntimeError: bad ? text x")
    assert len(failure.error) == 10_000
