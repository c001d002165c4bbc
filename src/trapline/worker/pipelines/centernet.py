"""CenterNet on MobileNetV3, a detector for animals, persons and vehicles."""

from dataclasses import dataclass

import numpy as np

from trapline.worker.model_files import ModelFile
from trapline.worker.onnx_session import OnnxSession, open_session
from trapline.worker.pipeline import Device, Pixels
from trapline.worker.pipelines import tfjs_converter
from trapline.worker.pipelines.boxes import Boxes, clip_boxes, resize, suppress_overlaps
from trapline.worker.pipelines.coco import GROUP_OF, GROUPS

# The package is under MIT. The repository of the training code names no licence, so the model is
# downloaded and never redistributed.
_PACKAGE = "npm:@vladmandic/human@3.3.6#models/"
GRAPH = ModelFile(
    name="centernet.json",
    source=_PACKAGE + "centernet.json",
    size=201_673,
    sha256="bfb942eaacc5becf738d536663bc4580a0ae9e560722306e6d4dd7fe4a09de05",
    licence="MIT",
)
WEIGHTS = ModelFile(
    name="centernet.bin",
    source=_PACKAGE + "centernet.bin",
    size=4_030_290,
    sha256="1b635a15009071f506f9f2b3519b31c072c534888989f30d269ffd44734ef7ef",
    licence="MIT",
)

SIDE = 512
MIN_SCORE = 0.20
MIN_PERSON_SCORE = 0.35
"""Minimum score of a person: at night and from behind, the model confuses animals with persons."""
OVERLAP = 0.5

_INPUT, _OUTPUT = "tower_0/images", "tower_0/detections"


@dataclass(frozen=True)
class CenterNetBox:
    """A detected box in pixels (x1, y1, x2, y2), with its score.

    `group` is an index of GROUPS.
    """

    box: Boxes
    group: int
    score: float


def open_centernet(machine: Device) -> OnnxSession:
    """Convert the model from TensorFlow.js and load it, in about 0.25 s."""
    graph, weights = machine.fetch(GRAPH), machine.fetch(WEIGHTS)
    return open_session(
        tfjs_converter.convert_to_onnx(graph.read_bytes(), weights.read_bytes()),
        machine.device,
        machine.threads,
    )


def prepare_input(pixels: Pixels) -> Pixels:
    """Scale an image to the size of the model's input, [512, 512, 3]."""
    return resize(pixels, SIDE, SIDE)


def detect(session: OnnxSession, pixels: Pixels, given: Pixels) -> list[CenterNetBox]:
    """Detect objects in an image, best first; `given` is its prepared input.

    The model takes one image at a time, because it selects the best cells of one image. Its output
    [1, 100, 6] holds x1, y1, x2, y2 in pixels of 512, score, and COCO class.
    """
    height, width = pixels.shape[:2]
    (output,) = session.run([_OUTPUT], {_INPUT: given[np.newaxis].astype(np.float32)})
    rows = np.array([row for row in output[0] if row[4] >= MIN_SCORE and int(row[5]) in GROUP_OF])
    if not rows.size:
        return []
    groups = np.array([GROUPS.index(GROUP_OF[int(row[5])]) for row in rows])
    # Before the suppression: an uncertain person must not suppress the animal in the same place.
    certain = (groups != GROUPS.index("person")) | (rows[:, 4] >= MIN_PERSON_SCORE)
    rows, groups = rows[certain], groups[certain]
    boxes = clip_boxes(
        rows[:, :4] * np.array([width, height, width, height], dtype=np.float32) / SIDE,
        width,
        height,
    )
    # An object keeps one box, whatever groups it was detected as. A person on a horse overlaps the
    # horse by less than this threshold.
    return [
        CenterNetBox(boxes[index], int(groups[index]), float(rows[index, 4]))
        for index in suppress_overlaps(boxes, rows[:, 4], OVERLAP)
        if boxes[index, 2] - boxes[index, 0] >= 1 and boxes[index, 3] - boxes[index, 1] >= 1
    ]
