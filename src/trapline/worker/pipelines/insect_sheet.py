"""Insects on a light-trap sheet: detection by difference from the sheet, then classification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFilter

from trapline.wire.pipelines import Algorithm, Stage, StageParam
from trapline.worker.onnx_session import OnnxSession
from trapline.worker.pipeline import (
    Device,
    InputImage,
    ModelClassification,
    ModelDetection,
    Pipeline,
    Pixels,
    build_category_map,
)
from trapline.worker.pipelines import imagenet
from trapline.worker.pipelines.camera_trap import (
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    classify,
    open_classifier,
    prepare_crop,
    softmax,
)
from trapline.worker.pipelines.connected_components import list_components
from trapline.worker.pipelines.parameters import parse_number

DETECTOR = Algorithm(
    name="Difference from the sheet",
    key="sheet-difference",
    description="No model: objects that differ in colour or lightness from their blurred "
    "surroundings. The score is the colour difference, as a fraction of that between white and "
    "black; it is not a probability.",
    task_type="localization",
    category_map=build_category_map("insect"),
)
GROUP_CLASSIFIER = Algorithm(
    name="Orders of insects, from ImageNet",
    key="efficientnet-lite0-insect-orders",
    description="The sum of the classifier's scores over each order of insects; "
    "named if one order has most of the score.",
    task_type="classification",
    category_map=build_category_map(*imagenet.SHEET_GROUPS),
)

MAX_SCALE, SIDE = 4, 1024
"""The image is reduced by at most this factor, until its longer side has this many pixels.

An insect is larger than the grain of the image and of the cloth.
"""

BACKGROUND_SCALE = 8
"""The additional reduction of the image for the blurred background."""

BLUR = 1 / 24
"""The radius of the background blur, as a fraction of the longer side of the image."""

PASSES = 2
"""Number of times that the background is blurred again without the detected objects."""

MAX_OBJECT_SHARE = 0.25
"""An object that covers a larger fraction of the image is not an insect, but the edge of the sheet,
a hand or the lamp.
"""

LAB = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)


@dataclass(frozen=True)
class InsectSheetParameters:
    """The parameters of a job.

    `threshold` is a distance in CIELAB; `min_size` is the longer side of a box in pixels.
    """

    threshold: float = 12.0
    min_size: float = 12.0
    max_insects: int = 300


def parse_parameters(config: Mapping[str, Any]) -> InsectSheetParameters:
    """Parse the parameters of a job.

    Raises:
        ValueError: a parameter is invalid; the message names it.
    """
    usual = InsectSheetParameters()
    return InsectSheetParameters(
        threshold=parse_number(config, "threshold", usual.threshold, 1, 100),
        min_size=parse_number(config, "min_size", usual.min_size, 1, 10_000),
        max_insects=int(parse_number(config, "max_insects", usual.max_insects, 1, 5_000)),
    )


@dataclass(frozen=True)
class SheetSpot:
    """An object on the sheet: its box in pixels, and its contrast with the sheet from 0 to 1."""

    box: NDArray[np.float64]
    score: float


class InsectSheet(Pipeline):
    """Boxes around objects on an even, bright sheet, with a classifier for each.

    The boxes are found without a model. The classifier's scores for all ImageNet classes are
    stored. The insect order with the largest sum of scores labels the box; if no order is clear,
    the label is "insect".
    """

    slug = "insect-sheet"
    name = "Insects on a sheet"
    description = (
        "Finds insects on a light-trap sheet, and names the order of each: "
        "a beetle, a true bug, ..."
    )
    stages = (
        Stage(
            key="detect",
            name="Detector",
            description="Objects that differ from the sheet",
            params=[
                StageParam(
                    name="Minimum distance from the sheet (CIELAB), default 12", key="threshold"
                ),
                StageParam(name="Minimum size of an insect in pixels, default 12", key="min_size"),
                StageParam(
                    name="Maximum number of insects in an image, default 300", key="max_insects"
                ),
            ],
        ),
        Stage(
            key="classify",
            name="Classifier",
            description="EfficientNet-lite0 on each object, with scores summed over orders",
        ),
    )
    algorithms = (DETECTOR, CLASSIFIER, GROUP_CLASSIFIER)
    models = (CLASSIFIER_WEIGHTS,)

    _classifier: OnnxSession

    def load(self, machine: Device) -> None:
        """Download the classifier and load it."""
        self._classifier = open_classifier(machine)
        self.provider = self._classifier.get_providers()[0]

    def prepare(self, image: InputImage) -> tuple[list[SheetSpot], list[NDArray[np.float32]]]:
        """Find the objects, which needs no model, and cut out the classifier's inputs."""
        spots = list_spots(image.pixels, parse_parameters(image.config))
        return spots, [prepare_crop(image.pixels, spot.box) for spot in spots]

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Classify the objects of all images together."""
        inputs = [self.get_input(image) for image in images]
        crops = [crop for _, crops in inputs for crop in crops]
        logits = iter(classify(self._classifier, crops))
        return [[_build_detection(spot, next(logits)) for spot in spots] for spots, _ in inputs]


def list_spots(pixels: Pixels, parameters: InsectSheetParameters) -> list[SheetSpot]:
    """List the objects that differ from the sheet, the most conspicuous first."""
    height, width = pixels.shape[:2]
    scale = min(MAX_SCALE, max(1, round(max(width, height) / SIDE)))
    lab = measure_colours(pixels, scale)
    background = blur_background(lab)
    distance = _distance(lab, background)
    for _ in range(PASSES):
        # A large insect darkens the background that it is compared with, so it is excluded from the
        # background.
        is_object = distance > parameters.threshold
        background = blur_background(np.where(is_object[..., None], background, lab))
        distance = _distance(lab, background)
    found = list_components(_dilate(distance > parameters.threshold), distance)
    boxes = _shrink_boxes(found.boxes, distance.shape) * scale
    boxes = np.minimum(boxes, [width, height, width, height])
    sides = boxes[:, 2:] - boxes[:, :2]
    fits = (sides.max(axis=1, initial=0) >= parameters.min_size) & (
        sides.prod(axis=1) <= MAX_OBJECT_SHARE * width * height
    )
    conspicuous = np.argsort(-found.weights, kind="stable")
    kept = [int(index) for index in conspicuous if fits[index]][: parameters.max_insects]
    return [
        SheetSpot(
            boxes[index].astype(np.float64),
            min(1.0, float(found.weights[index] / found.areas[index]) / 100),
        )
        for index in kept
    ]


def measure_colours(pixels: Pixels, scale: int) -> NDArray[np.float32]:
    """Convert the image to CIELAB [h, w, 3], reduced by `scale`.

    L is from 0 to 100; a and b are from -128 to 127.
    """
    smaller = Image.fromarray(pixels).reduce(scale)
    small = np.asarray(ImageCms.applyTransform(smaller, LAB))
    lab = np.empty(small.shape, np.float32)
    lab[..., 0] = small[..., 0] * np.float32(100 / 255)
    lab[..., 1:] = small[..., 1:].view(np.int8)
    return lab


def blur_background(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Estimate the sheet without the objects on it, in the same shape."""
    height, width = lab.shape[:2]
    radius = max(1, round(max(height, width) * BLUR / BACKGROUND_SCALE))
    channels = []
    for channel in range(3):
        small = Image.fromarray(np.ascontiguousarray(lab[..., channel])).reduce(BACKGROUND_SCALE)
        blurred = Image.fromarray(_blur(_blur(np.asarray(small), radius), radius))
        channels.append(np.asarray(blurred.resize((width, height), Image.Resampling.BILINEAR)))
    return np.stack(channels, axis=-1)


def _blur(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Return the mean of each value's neighbourhood, 2 * radius + 1 wide and high.

    Values outside the image equal those at its edge.
    """
    for _ in range(2):
        sums = np.cumsum(
            np.pad(values, ((radius + 1, radius), (0, 0)), mode="edge"), axis=0, dtype=np.float64
        )
        values = ((sums[2 * radius + 1 :] - sums[: -2 * radius - 1]) / (2 * radius + 1)).T.astype(
            np.float32
        )
    return values


def _distance(lab: NDArray[np.float32], background: NDArray[np.float32]) -> NDArray[np.float32]:
    difference = lab - background
    distance: NDArray[np.float32] = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference))
    return distance


def _dilate(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Dilate the mask by one pixel, so that legs and pale wings stay connected to their body."""
    wider = Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(wider).astype(np.bool_)


def _shrink_boxes(boxes: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Shrink the boxes of a dilated mask to their original size."""
    height, width = shape[:2]
    ends = boxes[:, 2:] - (boxes[:, 2:] < [width, height])
    return np.concatenate([boxes[:, :2] + (boxes[:, :2] > 0), ends], axis=1)


def _build_detection(spot: SheetSpot, logits: NDArray[np.float32]) -> ModelDetection:
    scores = softmax(logits)
    best = imagenet.load_labels()[int(np.argmax(scores))]
    order, grouped = imagenet.find_order(scores)
    x1, y1, x2, y2 = (float(corner) for corner in spot.box)
    return ModelDetection(
        box=(x1, y1, x2, y2),
        algorithm=DETECTOR.key,
        score=spot.score,
        names=(
            ModelClassification(
                name="insect", algorithm=DETECTOR.key, scores=[spot.score], terminal=False
            ),
            ModelClassification(
                name=best, algorithm=CLASSIFIER.key, scores=scores, logits=logits, terminal=False
            ),
            ModelClassification(name=order, algorithm=GROUP_CLASSIFIER.key, scores=grouped),
        ),
    )
