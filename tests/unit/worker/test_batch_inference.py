"""A batch of images is one inference of the model."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_loop import run

from trapline.wire.pipelines import Algorithm
from trapline.worker.loop import WorkerLimits
from trapline.worker.model_watch import ModelWatch
from trapline.worker.onnx_session import open_session
from trapline.worker.pipeline import InputImage, ModelDetection, Pipeline

BATCH, IMAGES = 4, 13
MAX_WAIT_S = 60


def build_model() -> bytes:
    """A model with the outputs `shape`, that of its input, and `mean` of each image of a batch."""
    size: list[str | int | None] = ["n", 3, 8, 8]
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, size)],
        [
            helper.make_tensor_value_info("shape", TensorProto.INT64, [4]),
            helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class MeanLight(Pipeline):
    """A model over batches; each call waits until the images of the next batch are prepared.

    One thread prepares images in turn. When it begins the fifth waiting image, four are ready.
    """

    slug = "mean"
    name = "Mean"
    algorithms = (Algorithm(name="Mean", key="mean"),)

    def __init__(self) -> None:
        self.session = open_session(build_model())
        self.shapes: list[list[int]] = []
        self.prepared_in: set[str] = set()
        self._changed = threading.Condition()
        self._begun = self._taken = 0

    def prepare(self, image: InputImage) -> NDArray[np.float32]:
        with self._changed:
            self._begun += 1
            self.prepared_in.add(threading.current_thread().name)
            self._changed.notify()
        square = image.pixels[:8, :8].transpose(2, 0, 1).astype(np.float32)
        square /= 255
        return np.ascontiguousarray(square)[np.newaxis]

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        given = np.concatenate([self.get_input(image) for image in images])
        shape, means = self.session.run(["shape", "mean"], {"images": given})
        self.shapes.append([int(side) for side in shape])
        self._taken += len(images)
        wanted = min(IMAGES, self._taken + BATCH + 1)
        with self._changed:
            assert self._changed.wait_for(lambda: self._begun >= wanted, MAX_WAIT_S)
        return [
            [ModelDetection(box=(0, 0, 1, 1), algorithm="mean", score=float(mean))]
            for mean in means
        ]


def test_the_model_sees_a_whole_batch_and_each_image_gets_its_own_result(
    server: FakeServer, tmp_path: Path
) -> None:
    server.additions = True
    # The spot covers a different part of the model's input in each image.
    images = {f"i{number}": make_jpeg(spot=(3 * number, 0)) for number in range(IMAGES)}
    server.add_job(7, "mean", images)
    # A clock that does not move: the size of batches depends on nothing but this first one.
    watch = ModelWatch(clock=lambda: 0.0)
    with watch.running("mean", BATCH):
        pass
    pipeline = MeanLight()
    limits = WorkerLimits(batch_size=BATCH, loaders=1, poll_s=0.02, idle_s=0.15)
    run(server, tmp_path, pipeline, limits=limits, watch=watch)
    assert pipeline.prepared_in == {"loader-0"}
    assert all(shape[1:] == [3, 8, 8] for shape in pipeline.shapes)
    sizes = [shape[0] for shape in pipeline.shapes]
    assert sum(sizes) == IMAGES
    assert sizes[1:3] == [BATCH, BATCH]
    scores = {name: result["detections"][0]["score"] for name, result in server.results.items()}
    assert set(scores) == set(images)
    assert scores["i0"] > scores["i2"] > scores["i5"]
