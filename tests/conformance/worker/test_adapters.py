"""Pipelines of external packages, run for real on generated weights of the right form.

The published weights are large downloads, and PyTorch is not part of the development setup. `make
adapters` creates an environment with both extras and runs these tests there.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trapline.worker.batching import build_success
from trapline.worker.model_files import ModelFile, fetch_model_file
from trapline.worker.pipeline import Device, InputImage, ModelDetection, Pipeline, require_extra
from trapline.worker.pipelines.megadetector import V5a
from trapline.worker.pipelines.speciesnet import SpeciesNetCrops, SpeciesNetWhole
from trapline.worker.pipelines.speciesnet_output import CLASSIFIER, DETECTOR, ENSEMBLE

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in (*V5a.needs, *SpeciesNetCrops.needs)),
    reason="the extras megadetector and speciesnet are not installed: make adapters",
)

LABELS = (
    "a0;mammalia;lagomorpha;leporidae;lepus;europaeus;european hare",
    "a1;mammalia;artiodactyla;cervidae;odocoileus;virginianus;white-tailed deer",
    "a2;mammalia;lagomorpha;leporidae;;;rabbit or hare",
)
SPECIALS = ("1f689929-883d-4dae-958c-3d57ab5b6c16;;;;;;animal", "a4;mammalia;;;;;mammal")


def local(path: Path) -> ModelFile:
    return ModelFile(path.name, f"file:{path}", None, None, "MIT")


def machine(tmp_path: Path) -> Device:
    return Device("cpu", 1, lambda file: fetch_model_file(file, tmp_path / "cache"))


def save_detector(path: Path) -> Path:
    """Build the smallest YOLOv5 with three classes and random weights, in the published format."""
    import torch
    from yolov5.models.yolo import DetectionModel

    torch.manual_seed(1)
    installed = importlib.util.find_spec("yolov5")
    assert installed
    assert installed.origin
    small = next(iter(Path(installed.origin).parent.rglob("yolov5n.yaml")))
    model = DetectionModel(str(small), ch=3, nc=3)
    # Untrained, it would see nothing anywhere: one anchor of its coarsest head sees something
    # everywhere.
    bias = model.model[-1].m[-1].bias.view(model.model[-1].na, -1)
    bias.data[0, 4:6] += 12.0
    model.names = {0: "animal", 1: "person", 2: "vehicle"}
    torch.save({"model": model}, path)
    return path


def save_speciesnet(folder: Path, kind: str) -> Path:
    """A SpeciesNet of a few classes; its classifier is sure of a deer whatever it is shown."""
    import torch

    folder.mkdir()
    save_detector(folder / "detector.pt")
    last = torch.nn.Linear(3, len(LABELS))
    torch.nn.init.zeros_(last.weight)
    last.bias.data = torch.tensor([0.0, 9.0, 0.0])
    flat = torch.nn.Sequential(
        torch.nn.Flatten(1, 2), torch.nn.AdaptiveAvgPool2d((1, 3)), torch.nn.Flatten(), last
    )
    torch.save(flat, folder / "classifier.pt")
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    (folder / "taxonomy.txt").write_text("\n".join((*LABELS, *SPECIALS)) + "\n")
    fence: dict[str, Any] = {
        "mammalia;artiodactyla;cervidae;odocoileus;virginianus": {"allow": {"USA": []}}
    }
    (folder / "geofence.json").write_text(json.dumps(fence))
    info = {
        "version": "stand-in", "type": kind, "classifier": "classifier.pt",
        "classifier_labels": "labels.txt",
        "detector": "detector.pt", "taxonomy": "taxonomy.txt", "geofence": "geofence.json",
    }  # fmt: skip
    (folder / "info.json").write_text(json.dumps(info))
    return folder


def picture(**config: Any) -> InputImage:
    pixels = np.random.default_rng(2).integers(0, 255, (300, 420, 3), np.uint8)
    pixels.flags.writeable = False
    return InputImage("p", pixels, config)


def check(pipeline: Pipeline, shown: InputImage, things: list[ModelDetection]) -> None:
    assert things
    height, width = shown.pixels.shape[:2]
    for thing in things:
        x1, y1, x2, y2 = thing.box
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
    build_success(pipeline, shown, "", things, 0.1).model_dump_json()


def test_megadetector_runs_a_model_of_its_form(tmp_path: Path) -> None:
    class StandIn(V5a):
        models = (local(save_detector(tmp_path / "md_v5a.0.1.pt")),)

    pipeline = StandIn()
    require_extra(pipeline)
    pipeline.load(machine(tmp_path))
    sure, none = pipeline.run([picture(threshold=0.9), picture(threshold=1)])
    check(pipeline, picture(), sure)
    assert none == []
    assert all((thing.score or 0) >= 0.9 for thing in sure)
    assert {thing.names[-1].name for thing in sure} == {"animal"}
    assert pipeline.run([]) == []


@pytest.mark.parametrize(
    ("base", "kind"), [(SpeciesNetCrops, "always_crop"), (SpeciesNetWhole, "full_image")]
)
def test_speciesnet_runs_a_model_of_its_form(
    tmp_path: Path, base: type[SpeciesNetCrops], kind: str
) -> None:
    class StandIn(base):  # type: ignore[misc, valid-type]
        models = (local(save_speciesnet(tmp_path / "model", kind)),)

    # The form of the real one is an archive; a folder is taken as it is.
    folder = tmp_path / "model"
    pipeline = StandIn()
    pipeline.load(Device("cpu", 1, lambda _: folder))
    asked = picture(threshold=0.9, country="USA")
    (things,) = pipeline.run([asked])
    check(pipeline, asked, things)
    first = things[0]
    assert [named.algorithm for named in first.names] == [DETECTOR, CLASSIFIER, ENSEMBLE]
    assert first.names[-1].name == "white-tailed deer"
    assert len(first.names[1].scores) == len(LABELS)
    # No white-tailed deer lives there: the geofence of the package goes up to what does.
    (elsewhere,) = pipeline.run([picture(threshold=0.9, country="FRA")])
    assert elsewhere[0].names[-1].name == "mammal"
