"""Results are read element by element, and become rows without losing anything."""

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.support.adc_client import find_on

from trapline.server.findings.rules.geometry import Frame
from trapline.server.findings.rules.score_codec import decode_scores
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.json_stream import split_body
from trapline.server.queue.formats import result_decoding
from trapline.server.queue.formats.result_decoding import (
    FailureStruct,
    RejectedElement,
    ResultElement,
    SuccessStruct,
    decode_elements,
    is_about_image,
)
from trapline.server.queue.formats.result_rows import (
    ResultRows,
    ResultSubject,
    StoredAlgorithm,
    build_result_rows,
)
from trapline.wire import results as wire

IMAGE, ANALYSIS = UUID(int=1), UUID(int=2)
SUBJECT = ResultSubject(ANALYSIS, IMAGE, 7, Frame(200, 100))
ALGORITHMS = {
    "field-detector": StoredAlgorithm(10),
    "field-classifier": StoredAlgorithm(11, b"h", ["moth", "bat"]),
}
TASK = {"image_id": str(IMAGE), "image_url": "http://x/"}


def read_results(body: bytes) -> list[ResultElement]:
    return [element for raw in split_body(body) for element in decode_elements(raw)]


def read_element(element: bytes) -> ResultElement:
    [found] = read_results(b"[" + element + b"]")
    return found


def read_one(result: Any) -> SuccessStruct | FailureStruct | RejectedElement:
    body = json.dumps({"results": [{"reply_subject": "t", "result": result}]}).encode()
    [element] = read_results(body)
    assert element.reply_subject == "t"
    return element.result


def find(**changes: Any) -> ResultRows:
    """Findings of the usual result, its only detection changed."""
    result = find_on(TASK)
    result["detections"][0] |= changes
    read = read_one(result)
    assert isinstance(read, SuccessStruct), read
    return build_result_rows(SUBJECT, read, ALGORITHMS)


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        (wire.Success, result_decoding.SuccessStruct),
        (wire.Failure, result_decoding.FailureStruct),
        (wire.Classification, result_decoding.ClassificationStruct),
        (wire.BoundingBox, result_decoding.BoundingBoxStruct),
        (wire.AlgorithmReference, result_decoding.AlgorithmReferenceStruct),
        (wire.SourceImage, result_decoding.SourceImageStruct),
        (wire.Detection, result_decoding.DetectionStruct),
    ],
)
def test_every_field_of_the_wire_is_read(kind: Any, ours: Any) -> None:
    assert set(kind.model_fields) <= set(ours.__struct_fields__)


def test_unknown_keys_are_ignored() -> None:
    assert isinstance(read_one(find_on(TASK) | {"novelty": {"a": [1]}}), SuccessStruct)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "Expected"),
        ({}, "source_images"),
        ({"error": 3}, "error"),
        ({"error": "a\x00b"}, "NUL"),
        (find_on(TASK) | {"config": {"deep": ["\x00"]}}, "NUL"),
        (find_on(TASK) | {"detections": [{"source_image_id": "1"}]}, "algorithm"),
        (find_on(TASK) | {"config": "a" * (8 << 20)}, "config has more than 8,388,608 bytes"),
    ],
)
def test_bad_elements_say_why(result: Any, words: str) -> None:
    read = read_one(result)
    assert isinstance(read, RejectedElement)
    assert words in read.reason


@pytest.mark.parametrize("name", ["mask", "keypoints", "embedding"])
def test_values_kept_unchanged_are_checked(name: str) -> None:
    kept = json.loads(
        msgspec.json.encode(
            find(**{name: {"counts": "\\u0041é", "points": [1.5, None]}}).annotations[0].data
        )
    )
    assert kept[name] == {"counts": "\\u0041é", "points": [1.5, None]}
    assert name not in find(**{name: None}).annotations[0].data
    for wrong in ('"\\u0000"', "[1e999]", "[1,]"):
        raw = json.dumps({"reply_subject": "t", "result": find_on(TASK)}).encode()
        raw = raw.replace(b'"source_image_id"', f'"{name}": {wrong}, "source_image_id"'.encode(), 1)
        [element] = decode_elements([raw])
        assert isinstance(element.result, RejectedElement), wrong


@pytest.mark.parametrize("number", ["1e999", '"0.5"', "true", "null"])
def test_scores_are_finite_numbers(number: str) -> None:
    body = json.dumps([{"reply_subject": "t", "result": find_on(TASK)}]).replace("0.75", number)
    [element] = read_results(body.encode())
    assert isinstance(element.result, RejectedElement)


@pytest.mark.parametrize("body", [b"", b"{", b"3", b'{"results": 3}', b"\xff", b"[" * 100_000])
def test_other_bodies_are_invalid(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_results(body)


@pytest.mark.parametrize(
    "element", [b"3", b"{}", b'{"result": {}}', b'{"reply_subject": 3, "result": {}}']
)
def test_elements_without_a_token_are_refused(element: bytes) -> None:
    [read] = read_results(b"[" + element + b"]")
    assert read.reply_subject == ""
    assert isinstance(read.result, RejectedElement)


def test_a_result_is_about_one_image() -> None:
    read = read_one(find_on(TASK))
    assert isinstance(read, SuccessStruct)
    assert is_about_image(read, IMAGE)
    assert not is_about_image(read, ANALYSIS)
    assert is_about_image(FailureStruct("x", None), IMAGE)
    assert not is_about_image(FailureStruct("x", "other"), IMAGE)


def test_a_box_and_its_classification() -> None:
    found = find()
    box, named = found.annotations
    assert (box.class_name, box.confidence, box.ordering, box.algorithm_id) == ("moth", 0.75, 0, 10)
    assert (named.class_name, named.confidence, named.ordering, named.algorithm_id) == (
        "moth",
        0.75,
        1,
        11,
    )
    assert named.parent_id == box.id
    assert box.parent_id is None
    assert "given" not in box.data
    [sent] = find_on(TASK)["detections"][0]["classifications"]
    assert (named.data["scores"], named.data["logits"]) == (sent["scores"], sent["logits"])
    assert found.vectors == []
    assert not found.is_blank
    assert [(one.class_name, one.confidence) for one in found.classes] == [("moth", 0.75)]


def test_the_detectors_own_score_is_the_boxs_confidence() -> None:
    box, named = find(score=0.5).annotations
    assert (box.confidence, named.confidence) == (0.5, 0.75)


def test_a_box_over_the_edge_is_clipped_and_the_given_one_kept() -> None:
    box = find(bbox={"x1": -5, "y1": 2, "x2": 900, "y2": 50}).annotations[0]
    assert [box.data[key] for key in ("x_min", "y_min", "x_max", "y_max")] == [0, 2, 200, 50]
    assert box.data["given"] == {"x1": -5, "y1": 2, "x2": 900, "y2": 50}
    assert (box.data["image_width"], box.data["image_height"]) == (200, 100)


def test_an_empty_box_is_stored_flagged_and_shows_nothing() -> None:
    found = find(bbox={"x1": 900, "y1": 2, "x2": 950, "y2": 50})
    assert found.annotations[0].data["empty"] is True
    assert len(found.annotations) == 2
    assert found.is_blank
    assert found.classes == []


def test_no_box_means_nothing_found() -> None:
    found = find(bbox=None, classifications=[])
    assert found.annotations == []
    assert found.is_blank
    assert found.report["nothing_found"][0]["algorithm"] == "field-detector"


def test_the_last_terminal_classification_names_the_box() -> None:
    [usual] = find_on(TASK)["detections"][0]["classifications"]
    steps = [
        usual | {"classification": "bat", "scores": [0.2, 0.8]},
        usual | {"classification": "moth", "scores": [0.6, 0.4]},
        usual | {"classification": "bat", "scores": [0.1, 0.9], "terminal": False},
    ]
    found = find(classifications=steps)
    assert (found.annotations[0].class_name, found.annotations[0].confidence) == ("moth", 0.6)
    assert [row.ordering for row in found.annotations] == [0, 1, 2, 3]


def test_equal_detections_are_two_rows() -> None:
    result = find_on(TASK)
    result["detections"] *= 2
    read = read_one(result)
    assert isinstance(read, SuccessStruct)
    rows = build_result_rows(SUBJECT, read, ALGORITHMS).annotations
    assert len({row.fingerprint for row in rows}) == 4
    assert rows[3].parent_id == rows[2].id
    again = build_result_rows(SUBJECT, read, ALGORITHMS).annotations
    assert [row.fingerprint for row in again] == [row.fingerprint for row in rows]


def test_top_five_with_names_from_the_class_list() -> None:
    labels = [f"class {number}" for number in range(40)]
    scores = [0.0] * 40
    scores[7], scores[3], scores[11] = 0.5, 0.3, 0.3
    [usual] = find_on(TASK)["detections"][0]["classifications"]
    given = usual | {"classification": "class 7", "scores": scores, "labels": labels}
    named = find(classifications=[given]).annotations[1]
    assert [entry["class"] for entry in named.data["topk"]][:3] == [
        "class 7",
        "class 3",
        "class 11",
    ]
    assert len(named.data["topk"]) == 5
    assert "class_list" in named.data


def test_a_score_out_of_range_is_no_confidence_but_is_kept() -> None:
    [usual] = find_on(TASK)["detections"][0]["classifications"]
    found = find(classifications=[usual | {"scores": [7.5, -1.0]}])
    assert found.annotations[0].confidence is None
    assert found.annotations[1].data["scores"] == [7.5, -1.0]


def test_a_long_list_becomes_a_vector() -> None:
    [usual] = find_on(TASK)["detections"][0]["classifications"]
    scores = [number / 1000 for number in range(17)]
    found = find(classifications=[usual | {"scores": scores, "logits": None}])
    [vector] = found.vectors
    assert vector.annotation_id == found.annotations[1].id
    assert vector.classes == 17
    assert "scores" not in found.annotations[1].data
    assert decode_scores(vector.content).scores.tolist() == pytest.approx(scores)


def test_class_lists_in_the_report_are_kept_once_for_their_content() -> None:
    long = {"labels": ["a", "b"], "data": [{"index": 0, "label": "a"}], "version": "1"}
    read = read_one(find_on(TASK) | {"algorithms": {"d": {"key": "d", "category_map": long}}})
    assert isinstance(read, SuccessStruct)
    found = build_result_rows(SUBJECT, read, ALGORITHMS)
    [(sha256, content)] = found.maps.items()
    assert content == (["a", "b"], [{"index": 0, "label": "a"}])
    assert found.report["algorithms"]["d"]["category_map"] == {
        "version": "1",
        "class_list": sha256.hex(),
    }


def test_a_long_error_is_cut() -> None:
    read = read_one({"error": "x" * 100_001})
    assert isinstance(read, FailureStruct)
    assert len(read.error) == 100_000


def test_a_name_too_long_for_an_index_is_cut_and_kept_beside() -> None:
    [usual] = find_on(TASK)["detections"][0]["classifications"]
    found = find(classifications=[usual | {"classification": "ä" * 6_000}])
    assert [row.class_name for row in found.annotations] == ["ä" * 500] * 2
    assert found.annotations[1].data["given_class"] == "ä" * 6_000
    assert [one.class_name for one in found.classes] == ["ä" * 500]
    read = read_one(
        find_on(TASK) | {"detections": [{"source_image_id": "1", "algorithm": {"key": "k" * 256}}]}
    )
    assert isinstance(read, RejectedElement)


@pytest.mark.parametrize(
    "result", [b'{"error": "x"}', b'{"source_images": [], "detections": []}', b"{}", b"1"]
)
def test_a_lease_token_has_a_hundred_characters(result: bytes) -> None:
    assert (
        read_element(
            b'{"reply_subject": "' + b"x" * 100 + b'", "result": ' + result + b"}"
        ).reply_subject
        == "x" * 100
    )
    assert (
        read_element(
            b'{"reply_subject": "' + b"x" * 101 + b'", "result": ' + result + b"}"
        ).reply_subject
        == ""
    )


def test_an_element_of_more_than_32_mib_is_refused_and_its_neighbours_are_read() -> None:
    small = b'{"reply_subject": "t", "result": {"error": "x"}}'
    for filling in (b"x" * (40 << 20), b'\\"' * (20 << 20)):
        body = (
            b"["
            + small
            + b', {"reply_subject": "t", "result": {"error": "'
            + filling
            + b'"}}, '
            + small
            + b"]"
        )
        found = read_results(body)
        assert [type(one.result).__name__ for one in found] == [
            "FailureStruct",
            "RejectedElement",
            "FailureStruct",
        ]
        assert isinstance(found[1].result, RejectedElement)
        assert found[1].result.reason == "an element has at most 33,554,432 bytes"


def test_an_element_of_millions_of_values_is_refused_before_it_is_decoded() -> None:
    head = b'{"reply_subject": "t", "result": {"source_images": [], "detections": [], '
    head += b'"algorithms": {"a": ['
    found = read_element(head + b"[]," * 2_100_000 + b"1]}}}")
    assert isinstance(found.result, RejectedElement)
    assert found.reply_subject == "t"
    assert "2,000,000 values" in found.result.reason


@pytest.mark.parametrize(
    ("detection", "field"),
    [
        ({"timestamp": "x" * 10_001}, "timestamp"),
        ({"crop_image_url": "x" * 100_001}, "crop_image_url"),
        ({"source_image_id": "x" * 10_001}, "source_image_id"),
    ],
)
def test_a_long_text_refuses_its_element_alone(detection: dict[str, Any], field: str) -> None:
    whole = {
        "source_image_id": "i",
        "bbox": None,
        "algorithm": {"name": "a", "key": "a"},
        **detection,
    }
    element = {"reply_subject": "t", "result": {"source_images": [], "detections": [whole]}}
    found = read_element(json.dumps(element).encode())
    assert isinstance(found.result, RejectedElement)
    assert field in found.result.reason
    assert len(found.result.reason) < 500
