"""The detectors accept a batch of images as one inference, with the detections of single images."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conformance.worker.test_pipelines import MACHINE, fetch, load, noise

from trapline.worker.images import decode_image
from trapline.worker.onnx_session import open_session
from trapline.worker.pipeline import InputImage
from trapline.worker.pipelines.centernet import GRAPH, WEIGHTS, open_centernet
from trapline.worker.pipelines.tfjs_converter import convert_to_onnx


@pytest.mark.parametrize("slug", ["animal-detector", "yolox-nano"])
def test_a_batch_can_be_one_inference_with_the_same_detections(slug: str) -> None:
    pipeline: Any = load(slug)
    pictures = [noise(320, 240, 1), *load_samples(), noise(640, 64, 3)]
    alone = pipeline.run(pictures)
    assert pipeline.images_per_inference == 1, "on a processor, batches are slower"
    pipeline.images_per_inference = len(pictures)
    try:
        together = pipeline.run(pictures)
    finally:
        pipeline.images_per_inference = 1
    for found, expected in zip(together, alone, strict=True):
        assert [one.names[-1].name for one in found] == [one.names[-1].name for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.box == pytest.approx(other.box, abs=0.5)
            assert one.score == pytest.approx(other.score, abs=0.001)


def load_samples() -> list[InputImage]:
    folder = os.environ.get("TRAPLINE_SAMPLES")
    found = sorted(Path(folder).glob("images/*.jpg"))[:4] if folder else []
    return [InputImage(path.name, decode_image(path.read_bytes())) for path in found]


def test_the_converted_detector_has_the_outputs_of_the_published_one() -> None:
    original = open_session(convert_to_onnx(fetch(GRAPH).read_bytes(), fetch(WEIGHTS).read_bytes()))
    images = np.random.default_rng(1).integers(0, 255, (3, 512, 512, 3)).astype(np.float32)
    images[2] /= 4
    (batch,) = open_centernet(MACHINE).run(["tower_0/detections"], {"tower_0/images": images})
    assert batch.shape == (3, 100, 6)
    assert np.all(np.diff(batch[:, :, 4]) <= 0)
    assert set(batch[:, :, 5].flat) <= set(range(80))
    for image, rows in zip(images, batch, strict=True):
        (answer,) = original.run(["tower_0/detections"], {"tower_0/images": image[np.newaxis]})
        assert answer.shape == (1, 100, 6)
        np.testing.assert_allclose(rows[:, 4], answer[0, :, 4], atol=0.001)
        # Cells of nearly equal scores may change places.
        equal = np.isclose(rows, answer[0], atol=0.05).all(axis=1)
        assert equal.mean() > 0.5
    assert np.all(np.diff(answer[0, :, 4]) <= 0)
    assert set(answer[0, :, 5]) <= set(range(80))
