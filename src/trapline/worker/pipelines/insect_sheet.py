"""Insects on a light-trap sheet: whatever differs from the sheet, then what kind of insect it is."""

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
    description="No model: what stands out in colour or lightness from its blurred surroundings. The score is how far, "
    "as a part of the way from white to black; it is no probability.",
    task_type="localization",
    category_map=build_category_map("insect"),
)
GROUPER = Algorithm(
    name="Orders of insects, from ImageNet",
    key="efficientnet-lite0-insect-orders",
    description="The classifier's scores added up over orders of insects; named where most of them fall into one.",
    task_type="classification",
    category_map=build_category_map(*imagenet.SHEET_GROUPS),
)

LARGEST_SCALE, SIDE = 4, 1024
"""The sheet is looked at so much smaller at most, and a longer side of so many pixels is enough: an
insect is larger than the grain of the picture and of the cloth."""

BACKGROUND_SCALE = 8
"""The background is blurred another so much smaller."""

BLUR = 1 / 24
"""How far the background is blurred, as a part of the picture's longer side."""

PASSES = 2
"""How often the background is blurred anew without what was found on it."""

LARGEST = 0.25
"""What covers more of the picture is no insect: the edge of the sheet, a hand, the lamp."""

LAB = ImageCms.buildTransform(
    ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
)


@dataclass(frozen=True)
class InsectSheetParameters:
    """The parameters of a job: `threshold` is a distance in CIELAB, `min_size` pixels of a box's longer side."""

    threshold: float = 12.0
    min_size: float = 12.0
    max_insects: int = 300


def parse_parameters(config: Mapping[str, Any]) -> InsectSheetParameters:
    """The wishes among a job's parameters. ValueError says which is wrong."""
    usual = InsectSheetParameters()
    return InsectSheetParameters(
        threshold=parse_number(config, "threshold", usual.threshold, 1, 100),
        min_size=parse_number(config, "min_size", usual.min_size, 1, 10_000),
        max_insects=int(parse_number(config, "max_insects", usual.max_insects, 1, 5_000)),
    )


@dataclass(frozen=True)
class SheetSpot:
    """Something on the sheet: its box in pixels of the picture, and how far it stands out, from 0 to 1."""

    box: NDArray[np.float64]
    score: float


class InsectSheet(Pipeline):
    """Boxes around what lies on an even, bright sheet, without a model; then a classifier on each.

    What the classifier says of the whole of ImageNet is kept with all scores; the order that its
    insects add up to names the box, and where it is unsure the box is an insect and no more.
    """

    slug = "insect-sheet"
    name = "Insects on a sheet"
    description = (
        "Finds insects on a light-trap sheet, and says of which order: a beetle, a true bug, ..."
    )
    stages = (
        Stage(
            key="detect",
            name="Detector",
            description="What stands out from the sheet",
            params=[
                StageParam(name="Distance from the sheet (CIELAB), 12", key="threshold"),
                StageParam(name="Smallest insect in pixels, 12", key="min_size"),
                StageParam(name="Most insects of a picture, 300", key="max_insects"),
            ],
        ),
        Stage(
            key="classify",
            name="Classifier",
            description="EfficientNet-lite0 on each, added up over orders",
        ),
    )
    algorithms = (DETECTOR, CLASSIFIER, GROUPER)
    models = (CLASSIFIER_WEIGHTS,)

    _classifier: OnnxSession

    def load(self, machine: Device) -> None:
        """Fetch the classifier and open it."""
        self._classifier = open_classifier(machine)

    def run(self, pictures: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Find picture by picture, then classify all together."""
        spots = [
            list_spots(picture.pixels, parse_parameters(picture.config)) for picture in pictures
        ]
        crops = [
            prepare_crop(picture.pixels, spot.box)
            for picture, some in zip(pictures, spots, strict=True)
            for spot in some
        ]
        logits = iter(classify(self._classifier, crops))
        return [[_describe(spot, next(logits)) for spot in some] for some in spots]


def list_spots(pixels: Pixels, wishes: InsectSheetParameters) -> list[SheetSpot]:
    """What stands out from the sheet, the most conspicuous first."""
    height, width = pixels.shape[:2]
    scale = min(LARGEST_SCALE, max(1, round(max(width, height) / SIDE)))
    lab = measure_colours(pixels, scale)
    background = blur_background(lab)
    distance = _distance(lab, background)
    for _ in range(PASSES):
        # A large insect darkens the background that it is compared with: then it is left out of it.
        lies_there = distance > wishes.threshold
        background = blur_background(np.where(lies_there[..., None], background, lab))
        distance = _distance(lab, background)
    found = list_components(_widen(distance > wishes.threshold), distance)
    boxes = _narrow(found.boxes, distance.shape) * scale
    boxes = np.minimum(boxes, [width, height, width, height])
    sides = boxes[:, 2:] - boxes[:, :2]
    fits = (sides.max(axis=1, initial=0) >= wishes.min_size) & (
        sides.prod(axis=1) <= LARGEST * width * height
    )
    conspicuous = np.argsort(-found.weights, kind="stable")
    kept = [int(index) for index in conspicuous if fits[index]][: wishes.max_insects]
    return [
        SheetSpot(
            boxes[index].astype(np.float64),
            min(1.0, float(found.weights[index] / found.areas[index]) / 100),
        )
        for index in kept
    ]


def measure_colours(pixels: Pixels, scale: int) -> NDArray[np.float32]:
    """The picture in CIELAB, [h, w, 3], `scale` times smaller: L from 0 to 100, a and b from -128 to 127."""
    smaller = Image.fromarray(pixels).reduce(scale)
    small = np.asarray(ImageCms.applyTransform(smaller, LAB))
    lab = np.empty(small.shape, np.float32)
    lab[..., 0] = small[..., 0] * np.float32(100 / 255)
    lab[..., 1:] = small[..., 1:].view(np.int8)
    return lab


def blur_background(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sheet without what lies on it, of the same shape."""
    height, width = lab.shape[:2]
    radius = max(1, round(max(height, width) * BLUR / BACKGROUND_SCALE))
    channels = []
    for channel in range(3):
        small = Image.fromarray(np.ascontiguousarray(lab[..., channel])).reduce(BACKGROUND_SCALE)
        blurred = Image.fromarray(_blur(_blur(np.asarray(small), radius), radius))
        channels.append(np.asarray(blurred.resize((width, height), Image.Resampling.BILINEAR)))
    return np.stack(channels, axis=-1)


def _blur(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mean of each value's surroundings, 2 * radius + 1 wide and high; what lies outside is like the edge."""
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


def _widen(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask a pixel wider, so that legs and pale wings stay with their body."""
    wider = Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(wider).astype(np.bool_)


def _narrow(boxes: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The boxes of a widened mask as they were before."""
    height, width = shape[:2]
    ends = boxes[:, 2:] - (boxes[:, 2:] < [width, height])
    return np.concatenate([boxes[:, :2] + (boxes[:, :2] > 0), ends], axis=1)


def _describe(spot: SheetSpot, logits: NDArray[np.float32]) -> ModelDetection:
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
            ModelClassification(name=order, algorithm=GROUPER.key, scores=grouped),
        ),
    )
