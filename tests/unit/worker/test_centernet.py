"""The default detector: which of its model's answers become findings."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from trapline.worker.onnx_session import open_session
from trapline.worker.pipelines.centernet import detect, prepare_input
from trapline.worker.pipelines.coco import CLASSES, GROUPS

PERSON, BEAR, DOG = (CLASSES.index(name) for name in ("person", "bear", "dog"))
HERE, THERE = (100, 100, 200, 300), (300, 100, 400, 300)


def find(*answers: tuple[tuple[int, int, int, int], float, int]) -> list[tuple[str, Any]]:
    """Return the detections for these model outputs: boxes (of 512 pixels), scores and classes."""
    rows = np.array([[*box, score, kind] for box, score, kind in answers], np.float32)[np.newaxis]
    given = helper.make_tensor_value_info(
        "tower_0/images", onnx.TensorProto.FLOAT, [1, 512, 512, 3]
    )
    returned = helper.make_tensor_value_info(
        "tower_0/detections", onnx.TensorProto.FLOAT, list(rows.shape)
    )
    constant = helper.make_node(
        "Constant", [], ["tower_0/detections"], value=numpy_helper.from_array(rows)
    )
    graph = helper.make_graph([constant], "answers", [given], [returned])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    pixels = np.zeros((512, 512, 3), np.uint8)
    session = open_session(model.SerializeToString())
    [seen] = detect(session, [pixels], [prepare_input(pixels)])
    return [(GROUPS[one.group], pytest.approx(one.score)) for one in seen]


def test_a_person_needs_a_higher_score_than_an_animal() -> None:
    assert find((HERE, 0.30, PERSON), (THERE, 0.21, BEAR)) == [("animal", 0.21)]
    assert find((HERE, 0.40, PERSON), (THERE, 0.21, BEAR)) == [("person", 0.40), ("animal", 0.21)]


def test_an_animal_is_kept_where_a_person_is_less_probable_than_that() -> None:
    """The uncertain person has the better score of the two, and must not suppress the animal."""
    assert find((HERE, 0.30, PERSON), (HERE, 0.25, BEAR)) == [("animal", 0.25)]


def test_one_thing_is_one_box_whatever_its_groups() -> None:
    assert find((HERE, 0.60, BEAR), (HERE, 0.50, PERSON), (HERE, 0.40, DOG)) == [("animal", 0.60)]
    assert find((HERE, 0.60, PERSON), (HERE, 0.50, BEAR)) == [("person", 0.60)]
