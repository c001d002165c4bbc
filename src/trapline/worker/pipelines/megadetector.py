"""MegaDetector (animals, persons, vehicles), run by its authors' package (an extra)."""

import contextlib
import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from trapline.wire.pipelines import Algorithm, Stage, StageParam
from trapline.worker.devices import CPU, DeviceUnavailable, require_torch_device
from trapline.worker.model_files import ModelFile
from trapline.worker.pipeline import (
    Device,
    InputImage,
    ModelClassification,
    ModelDetection,
    Pipeline,
    build_category_map,
)
from trapline.worker.pipelines.normalised_boxes import scale_box
from trapline.worker.pipelines.parameters import parse_number

CLASSES = ("animal", "person", "vehicle")
"""The categories "1", "2" and "3" of the batch output format."""

LONGEST_REASON = 2000

# The URLs and MD5 sums are those of the package's own table of models (megadetector 10.0.28,
# run_detector.py).
_RELEASES = "https://github.com/agentmorris/MegaDetector/releases/download/"


def _weights(release: str, name: str, md5: str, licence: str) -> ModelFile:
    return ModelFile(name, f"{_RELEASES}{release}/{name}", None, None, licence, md5)


# The authors set no terms for v5 and refer to the licence of the code that runs it: YOLOv5, which
# is under AGPL-3.0.
V5A = _weights("v5.0", "md_v5a.0.1.pt", "60f8e7ec1308554df258ed1f4040bc4f", "AGPL-3.0-only")
V5B = _weights("v5.0", "md_v5b.0.1.pt", "f17ed6fedfac2e403606a08c89984905", "AGPL-3.0-only")
REDWOOD = _weights(
    "v1000.0", "md_v1000.0.0-redwood.pt", "74474b3aec9cf1a990da38b37ddf9197", "unknown"
)
CEDAR = _weights("v1000.0", "md_v1000.0.0-cedar.pt", "3d6472c9b95ba687b59ebe255f7c576b", "unknown")
LARCH = _weights("v1000.0", "md_v1000.0.0-larch.pt", "cab94ebd190c2278e12fb70ffd548b6d", "unknown")
SORREL = _weights(
    "v1000.0", "md_v1000.0.0-sorrel.pt", "4339a2c8af7a381f18ded7ac2a4df03e", "unknown"
)
SPRUCE = _weights(
    "v1000.0", "md_v1000.0.0-spruce.pt", "1c9d1d2b3ba54931881471fdd508e6f2", "unknown"
)


def _algorithm(version: str) -> Algorithm:
    return Algorithm(
        name=f"MegaDetector {version}",
        key=f"megadetector-{version}",
        version_name=version,
        task_type="localization",
        category_map=build_category_map(*CLASSES),
        uri="https://github.com/agentmorris/MegaDetector",
    )


class MegaDetector(Pipeline):
    """One of the published detectors, with its authors' preprocessing and thresholds."""

    description = (
        "Finds animals, persons and vehicles on camera-trap images; never names a species."
    )
    stages = (
        Stage(
            key="detect",
            name="Detector",
            description="MegaDetector: animal, person, vehicle",
            params=[StageParam(name="Least confidence", key="threshold")],
        ),
    )
    extra = "megadetector"
    needs: ClassVar[Sequence[str]] = ("megadetector", "torch", "torchvision", "yolov5")
    threshold: ClassVar[float] = 0.2

    _detector: Any

    def load(self, machine: Device) -> None:
        """Download the weights and load them with the package.

        The weights are a pickle that may run code, so only files with a verified checksum are
        loaded.
        """
        weights = machine.fetch(self.models[0])
        # The package prints its progress.
        with contextlib.redirect_stdout(sys.stderr):
            import torch
            from megadetector.detection.run_detector import load_detector

            require_torch_device(machine.device)
            torch.set_num_threads(machine.threads)
            self._detector = load_detector(str(weights), force_cpu=machine.device == CPU)
        # The package chooses the device: the first GPU, or the CPU.
        used = str(getattr(self._detector, "device", machine.device))
        if used != machine.device:
            raise DeviceUnavailable(f"the package megadetector runs the model on {used}.")
        self.provider = f"PyTorch {torch.__version__}"

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Detect objects in all images as one batch."""
        if not images:
            return []
        thresholds = [
            parse_number(image.config, "threshold", self.threshold, 0.005, 1) for image in images
        ]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            outputs = self._detector.generate_detections_one_batch(
                [np.array(image.pixels) for image in images],
                [image.image_id for image in images],
                detection_threshold=min(thresholds),
            )
        if any(output.get("failure") for output in outputs):
            # The package only prints the reason; the worker needs it to recognise that memory ran
            # out.
            raise ValueError(
                f"MegaDetector failed on the image: "
                f"{' '.join(printed.getvalue().split())[-LONGEST_REASON:]}"
            )
        key = self.algorithms[0].key
        return [
            parse_detections(output, key, image.pixels.shape[1], image.pixels.shape[0], threshold)
            for output, image, threshold in zip(outputs, images, thresholds, strict=True)
        ]


def parse_detections(
    output: Mapping[str, Any], key: str, width: int, height: int, threshold: float
) -> list[ModelDetection]:
    """Convert one image of the batch output format to detections, best first.

    `bbox` is x, y, width and height as fractions of the image; categories are "1", "2" and "3".

    Raises:
        ValueError: the image has no detections; the message gives the reason.
    """
    if output.get("failure") or output.get("detections") is None:
        raise ValueError(
            f"MegaDetector failed on the image: {output.get('failure') or 'no detections'}"
        )
    found = []
    for detection in sorted(output["detections"], key=lambda row: -row["conf"]):
        score = min(1.0, float(detection["conf"]))
        box = scale_box(detection["bbox"], width, height)
        if score < threshold or box is None:
            continue
        index = int(detection["category"]) - 1
        if not 0 <= index < len(CLASSES):
            raise ValueError(
                f"MegaDetector returned the unknown category {detection['category']!r}"
            )
        scores = [score if place == index else 0.0 for place in range(len(CLASSES))]
        named = ModelClassification(name=CLASSES[index], algorithm=key, scores=scores)
        found.append(ModelDetection(box=box, algorithm=key, score=score, names=(named,)))
    return found


class V5a(MegaDetector):
    """Version 5a, trained on camera-trap images and COCO."""

    slug, name = "megadetector-v5a", "MegaDetector v5a"
    algorithms, models = (_algorithm("v5a.0.1"),), (V5A,)


class V5b(MegaDetector):
    """Version 5b, trained on camera-trap images only."""

    slug, name = "megadetector-v5b", "MegaDetector v5b"
    algorithms, models = (_algorithm("v5b.0.1"),), (V5B,)


class Redwood(MegaDetector):
    """Version 1000, the most accurate and slowest (YOLOv5x6)."""

    slug, name = "megadetector-v1000-redwood", "MegaDetector v1000 redwood"
    algorithms, models = (_algorithm("v1000.0.0-redwood"),), (REDWOOD,)
    threshold = 0.3


class Cedar(MegaDetector):
    """Version 1000, half the work of redwood (YOLOv9c)."""

    slug, name = "megadetector-v1000-cedar", "MegaDetector v1000 cedar"
    algorithms, models = (_algorithm("v1000.0.0-cedar"),), (CEDAR,)
    needs = (*MegaDetector.needs, "yolov9")


class Larch(MegaDetector):
    """Version 1000, less than half the work of redwood (YOLO11)."""

    slug, name = "megadetector-v1000-larch", "MegaDetector v1000 larch"
    algorithms, models = (_algorithm("v1000.0.0-larch"),), (LARCH,)
    needs = (*MegaDetector.needs, "ultralytics")


class Sorrel(MegaDetector):
    """Version 1000, a seventh of the work of redwood (YOLO11)."""

    slug, name = "megadetector-v1000-sorrel", "MegaDetector v1000 sorrel"
    algorithms, models = (_algorithm("v1000.0.0-sorrel"),), (SORREL,)
    needs = (*MegaDetector.needs, "ultralytics")


class Spruce(MegaDetector):
    """Version 1000, the fastest (YOLOv5s)."""

    slug, name = "megadetector-v1000-spruce", "MegaDetector v1000 spruce"
    algorithms, models = (_algorithm("v1000.0.0-spruce"),), (SPRUCE,)
