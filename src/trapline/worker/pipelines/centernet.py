"""CenterNet on MobileNetV3, a detector for animals, persons and vehicles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
_GATHER = "tower_0/BatchGather/"
_SIZES, _SIZES_SHAPE = f"{_GATHER}Reshape_2", f"{_GATHER}concat"
_SCORES_SHAPE = "tower_0/Reshape/shape"
_BEST_CELLS, _BEST_SIZES = f"{_GATHER}add", f"{_GATHER}Reshape_3"
_OF_ONE_IMAGE = {
    f"{_GATHER}{name}" for name in ("Reshape_1//shape", "Reshape_1", "GatherV2", "Reshape_3//shape")
}
"""Outputs of nodes that gather the sizes of the best cells of one image."""


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
    model = tfjs_converter.convert_to_onnx(graph.read_bytes(), weights.read_bytes())
    return open_session(enable_batches(model), machine.device, machine.threads)


def enable_batches(model: bytes) -> bytes:
    """Let the model accept any number of images.

    Its layers do, but it selects the best cells of one image only. `wh`, the sizes of boxes, is
    reshaped for each image separately here, and the sizes of the best cells are gathered from their
    own image.
    """
    from onnx import TensorProto, helper, load_from_string, numpy_helper

    loaded = load_from_string(model)
    graph = loaded.graph
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    # In a shape, 0 is the length of the input's dimension, and -1 is the rest.
    shapes = {_SIZES_SHAPE: [0, -1, 4], _SCORES_SHAPE: [0, -1]}
    kept = [one for one in graph.initializer if one.name not in shapes]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(np.array(shape, np.int64), name) for name, shape in shapes.items()
    )
    graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "trapline/axes"))
    nodes = []
    for node in graph.node:
        [output] = node.output[:1]
        if output == _BEST_SIZES:
            nodes += [
                helper.make_node("Cast", [_BEST_CELLS], ["trapline/places"], to=TensorProto.INT64),
                helper.make_node(
                    "Unsqueeze", ["trapline/places", "trapline/axes"], ["trapline/cells"]
                ),
                helper.make_node(
                    "GatherND", [_SIZES, "trapline/cells"], [_BEST_SIZES], batch_dims=1
                ),
            ]
        elif output not in _OF_ONE_IMAGE:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    changed: bytes = loaded.SerializeToString()
    return changed


def prepare_input(pixels: Pixels) -> Pixels:
    """Scale an image to the size of the model's input, [512, 512, 3]."""
    return resize(pixels, SIDE, SIDE)


def detect(
    session: OnnxSession, images: Sequence[Pixels], inputs: Sequence[Pixels]
) -> list[list[CenterNetBox]]:
    """Detect objects in images in one inference, best first; `inputs` are their prepared inputs.

    The output of the model, [n, 100, 6], holds x1, y1, x2, y2 in pixels of 512, score, and COCO
    class.
    """
    (output,) = session.run([_OUTPUT], {_INPUT: np.stack(inputs).astype(np.float32)})
    return [_select_boxes(rows, pixels) for rows, pixels in zip(output, images, strict=True)]


def _select_boxes(output: NDArray[Any], pixels: Pixels) -> list[CenterNetBox]:
    height, width = pixels.shape[:2]
    rows = np.array([row for row in output if row[4] >= MIN_SCORE and int(row[5]) in GROUP_OF])
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
