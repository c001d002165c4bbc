"""Masks, key points and embeddings that a pipeline returns, from the worker to the export."""

from typing import Any
from uuid import UUID

import numpy as np
from tests.support.api_project import make_field

from trapline.server.platform.app_context import AppContext
from trapline.wire.pipelines import Algorithm
from trapline.wire.results import Result
from trapline.worker.batching import build_success
from trapline.worker.pipeline import (
    InputImage,
    ModelClassification,
    ModelDetection,
    ModelKeypoint,
    Pipeline,
)

DETECTOR = "field-detector"
MASK = np.zeros((10, 20), bool)
MASK[2:4, 5:8] = True
FOUND = [
    ModelDetection(
        box=(50, 20, 80, 40),
        algorithm=DETECTOR,
        score=0.9,
        names=[ModelClassification(name="moth", algorithm="field-classifier", scores=[0.8, 0.2])],
        mask=MASK,
        keypoints=[ModelKeypoint(name="head", x=55, y=25, confidence=0.5), ModelKeypoint()],
        skeleton=[(0, 1)],
        embedding=np.array([0.5, -2.0], np.float32),
    ),
    ModelDetection(
        box=(100, 10, 120, 30),
        algorithm=DETECTOR,
        score=0.8,
        names=[ModelClassification(name="bat", algorithm="field-classifier", scores=[0.3, 0.7])],
        polygon=[[(100, 10), (120, 10), (100, 30)]],
    ),
]


class FieldPipeline(Pipeline):
    """The pipeline that the project has."""

    slug = "field-pipeline"
    name = "Field pipeline"
    algorithms = (Algorithm(name="Field detector", key=DETECTOR),)

    def run(self, images: Any) -> Any:
        return [FOUND for _ in images]


async def test_shapes_of_a_pipeline_are_parts_of_its_boxes(system: AppContext) -> None:
    field = await make_field(system, 1)
    job = await field.run_job()
    [task] = await field.lease(job)
    image = InputImage(task["image_id"], np.zeros((100, 200, 3), np.uint8))
    result = Result.model_construct(
        reply_subject=task["reply_subject"],
        result=build_success(FieldPipeline(), image, task["image_url"], FOUND, 0.1),
    )
    assert await field.post(job, [result.model_dump(mode="json", exclude_unset=True)]) == [
        "accepted"
    ]

    async def get(path: str) -> Any:
        answer = await field.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    stored = (await get(f"/images/{UUID(task['image_id'])}/annotations"))["results"]
    by_type: dict[str, list[dict[str, Any]]] = {}
    for one in stored:
        by_type.setdefault(one["annotation_type"], []).append(one)
    moth, bat = sorted(by_type["bounding_box"], key=lambda one: -one["confidence"])
    masks = {one["parent_id"]: one for one in by_type["segmentation"]}
    assert {key: one["class_name"] for key, one in masks.items()} == {
        moth["id"]: "moth",
        bat["id"]: "bat",
    }
    # The mask has a tenth of the size of the image.
    assert masks[moth["id"]]["data"]["size"] == [10, 20]
    assert masks[moth["id"]]["data"]["bbox"] == [50, 20, 30, 20]
    assert masks[bat["id"]]["data"]["points"] == [[[100, 10], [120, 10], [100, 30]]]
    [points] = by_type["keypoint"]
    assert points["parent_id"] == moth["id"]
    assert points["data"]["keypoints"][0]["name"] == "head"
    assert points["data"]["skeleton"] == [[0, 1]]
    assert moth["data"]["embedding"] == [0.5, -2.0]

    seen = (await get(f"/observations?project={field.project}"))["results"]
    assert len(seen) == 2
    assert (await get(f"/pipeline/job/{job}"))["result"]["by_class"] == {"moth": 1, "bat": 1}
    coco = await get(f"/analyses/{task['id']}/export?format=coco")
    outlines = [one["segmentation"] for one in coco["annotations"] if one.get("segmentation")]
    assert [[100, 10, 120, 10, 100, 30]] in outlines
    assert any(isinstance(outline, dict) for outline in outlines)
