"""YOLOX-nano, a small and fast detector for animals, persons and vehicles."""

from collections.abc import Sequence

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
from trapline.worker.pipelines.boxes import clip_boxes, resize, suppress_overlaps
from trapline.worker.pipelines.coco import CLASSES, GROUP_OF, GROUPS
from trapline.worker.pipelines.inference_size import get_images_per_inference

RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
MODEL = ModelFile(
    name="yolox_nano.onnx",
    source=f"{RELEASE}/yolox_nano.onnx",
    size=3713911,
    sha256="d39bee73564e338080378b0ad567fbb40e818b55bbfaf971de82a0267ed16b8a",
    licence="Apache-2.0",
)

DETECTOR = Algorithm(
    name="YOLOX-nano, COCO",
    key="yolox-nano-coco",
    task_type="localization",
    category_map=build_category_map(*CLASSES),
    uri="https://github.com/Megvii-BaseDetection/YOLOX",
)
GROUP_CLASSIFIER = Algorithm(
    name="YOLOX-nano, COCO in three groups",
    key="yolox-nano-coco-groups",
    task_type="classification",
    category_map=build_category_map(*GROUPS),
)

SIDE = 416
STRIDES = (8, 16, 32)
FILL = 114
MIN_SCORE = 0.25
OVERLAP = 0.45


class YoloxNano(Pipeline):
    """A single small detector.

    The best COCO class is stored with all scores; its group labels the box.
    """

    slug = "yolox-nano"
    name = "YOLOX-nano"
    description = "Finds animals, persons and vehicles, fast."
    stages = (
        Stage(
            key="detect",
            name="Detector",
            description="YOLOX-nano: the classes of COCO, in three groups",
        ),
    )
    algorithms = (DETECTOR, GROUP_CLASSIFIER)
    models = (MODEL,)

    images_per_inference: int = 1

    _session: OnnxSession

    def load(self, machine: Device) -> None:
        """Download the model and load it."""
        model = enable_batches(machine.fetch(MODEL).read_bytes())
        self._session = open_session(model, machine.device, machine.threads)
        self.provider = self._session.get_providers()[0]
        self.images_per_inference = get_images_per_inference(machine.device)

    def prepare(self, image: InputImage) -> tuple[NDArray[np.float32], float]:
        """Scale an image to the model's input."""
        return letterbox(image.pixels)

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Detect objects in batches on a GPU, and image by image on a CPU."""
        found = []
        for first in range(0, len(images), self.images_per_inference):
            some = images[first : first + self.images_per_inference]
            inputs = [self.get_input(image) for image in some]
            given = np.concatenate([square for square, _ in inputs]) if len(some) > 1 else None
            (output,) = self._session.run(
                ["output"], {"images": inputs[0][0] if given is None else given}
            )
            found += [
                self._decode(rows, scale, image.pixels)
                for rows, (_, scale), image in zip(output, inputs, some, strict=True)
            ]
        return found

    def _decode(
        self, rows: NDArray[np.float32], scale: float, pixels: Pixels
    ) -> list[ModelDetection]:
        height, width = pixels.shape[:2]
        boxes, scores = decode_boxes(rows)
        best = scores.argmax(axis=1)
        confidence = scores[np.arange(len(best)), best]
        kept = np.flatnonzero((confidence >= MIN_SCORE) & np.isin(best, list(GROUP_OF)))
        boxes = clip_boxes(boxes[kept] / scale, width, height)
        return [
            _build_detection(boxes[index], scores[kept[index]])
            for index in suppress_overlaps(boxes, confidence[kept], OVERLAP)
            if boxes[index, 2] - boxes[index, 0] >= 1 and boxes[index, 3] - boxes[index, 1] >= 1
        ]


def enable_batches(model: bytes) -> bytes:
    """Let a model accept any number of images: its file says one, but its graph does not.

    The graph takes the number from the input in each place where it needs it.
    """
    import onnx

    loaded = onnx.load_from_string(model)
    for end in (*loaded.graph.input, *loaded.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "n"
    del loaded.graph.value_info[:]
    changed: bytes = loaded.SerializeToString()
    return changed


def letterbox(pixels: Pixels) -> tuple[NDArray[np.float32], float]:
    """Build the model's input, a square [1, 3, 416, 416] in BGR from 0 to 255.

    The image is at the top left. Return the input and the scale of the image.
    """
    height, width = pixels.shape[:2]
    scale = min(SIDE / height, SIDE / width)
    small = resize(pixels, max(1, int(width * scale)), max(1, int(height * scale)))
    square = np.full((SIDE, SIDE, 3), FILL, np.float32)
    square[: small.shape[0], : small.shape[1]] = small[:, :, ::-1]
    return np.ascontiguousarray(square.transpose(2, 0, 1))[np.newaxis], scale


def decode_boxes(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Decode the raw output [3549, 85] into boxes and the 80 scores of each.

    Boxes are x1, y1, x2, y2 in pixels of the square. A row is the centre within its cell, the
    logarithm of the size, objectness, and classes: Ge et al., YOLOX, 2021.
    """
    cells, strides = [], []
    for stride in STRIDES:
        down, across = np.mgrid[: SIDE // stride, : SIDE // stride]
        cells.append(np.stack([across.ravel(), down.ravel()], axis=1))
        strides.append(np.full((across.size, 1), stride))
    stride_of = np.concatenate(strides)
    centre = (rows[:, :2] + np.concatenate(cells)) * stride_of
    half = np.exp(rows[:, 2:4]) * stride_of / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return boxes, rows[:, 4:5] * rows[:, 5:]


def _build_detection(box: NDArray[np.float32], scores: NDArray[np.float32]) -> ModelDetection:
    best = int(scores.argmax())
    score = min(1.0, float(scores[best]))
    group = GROUPS.index(GROUP_OF[best])
    grouped = np.zeros(len(GROUPS))
    grouped[group] = score
    x1, y1, x2, y2 = (float(corner) for corner in box)
    return ModelDetection(
        box=(x1, y1, x2, y2),
        algorithm=DETECTOR.key,
        score=score,
        names=(
            ModelClassification(
                name=CLASSES[best], algorithm=DETECTOR.key, scores=scores, terminal=False
            ),
            ModelClassification(name=GROUPS[group], algorithm=GROUP_CLASSIFIER.key, scores=grouped),
        ),
    )
