"""SpeciesNet, run by its authors' package `speciesnet` (an extra): detection and species."""

import contextlib
import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from trapline.wire.pipelines import Algorithm, Stage, StageParam
from trapline.worker.devices import require_torch_device
from trapline.worker.model_files import ModelFile, ModelFileMissing
from trapline.worker.pipeline import (
    Device,
    InputImage,
    ModelDetection,
    Pipeline,
    build_category_map,
)
from trapline.worker.pipelines.parameters import parse_code, parse_number
from trapline.worker.pipelines.speciesnet_output import (
    CLASSIFIER,
    DETECTOR,
    ENSEMBLE,
    GROUPS,
    build_speciesnet_category_map,
    parse_prediction,
)

_KAGGLE = "https://www.kaggle.com/api/v1/models/google/speciesnet/pyTorch/"
CROPS = ModelFile(
    "speciesnet-v4.0.3a.tar.gz", f"{_KAGGLE}v4.0.3a/1/download", None, None, "Apache-2.0"
)
WHOLE = ModelFile(
    "speciesnet-v4.0.3b.tar.gz", f"{_KAGGLE}v4.0.3b/1/download", None, None, "Apache-2.0"
)

# The detector that the models' info.json names, with the MD5 sum of MegaDetector's own package.
MEGADETECTOR = ModelFile(
    "md_v5a.0.0.pt",
    "https://github.com/agentmorris/MegaDetector/releases/download/v5.0/md_v5a.0.0.pt",
    None,
    None,
    "AGPL-3.0-only",
    "ec1d7603ec8cf642d6e0cd008ba2be8c",
)

DEFAULT_THRESHOLD = 0.2
URI = "https://github.com/google/cameratrapai"


class SpeciesNet(Pipeline):
    """MegaDetector's boxes, a classifier, and the package's ensemble and geofence.

    The classifier sees each box; that of the subclass `SpeciesNetWhole` sees the whole image. Boxes
    with a score below the parameter `threshold` (0.2) are left out.

    The geofence excludes species that do not occur in the job's `country` (three letters, ISO
    3166-1) and, in the USA, its `admin1_region` (two letters).
    """

    description = (
        "Finds animals, persons and vehicles, and names each animal: "
        "a species, or a coarser taxon when unsure."
    )
    stages = (
        Stage(
            key="detect",
            name="Detector",
            description="MegaDetector v5a",
            params=[StageParam(name="Least confidence, 0.2", key="threshold")],
        ),
        Stage(
            key="classify",
            name="Classifier and ensemble",
            description="SpeciesNet; species that do not occur there are excluded",
            params=[
                StageParam(name="Country, three letters: USA", key="country"),
                StageParam(name="State of the USA, two letters: CA", key="admin1_region"),
            ],
        ),
    )
    extra = "speciesnet"
    needs = ("speciesnet", "torch", "torchvision", "yolov5")
    release: ClassVar[str]

    _folder: Path
    _places: Mapping[str, tuple[int, str]]
    _detector: Any
    _classifier: Any
    _ensemble: Any

    def __init__(self) -> None:
        self.algorithms = _build_algorithms(self.release, None)

    def fetch(self, machine: Device) -> None:
        """Download the model, unpack it, and load its class list."""
        self._folder = unpack(machine.fetch(self.models[0]))
        labels = load_labels(self._folder)
        self.algorithms = _build_algorithms(self.release, labels)
        classes = self.algorithms[1].category_map
        assert classes is not None
        self._class_indices = {
            text: (index, classes.labels[index]) for index, text in enumerate(labels)
        }

    def load(self, machine: Device) -> None:
        """Load the models with the package.

        The models are pickles that may run code, so only files with a verified checksum are loaded.
        """
        self.fetch(machine)
        install_detector(self._folder, machine)
        with contextlib.redirect_stdout(sys.stderr):
            import torch
            from speciesnet import SpeciesNetClassifier, SpeciesNetDetector, SpeciesNetEnsemble

            require_torch_device(machine.device)
            torch.set_num_threads(machine.threads)
            self._detector = SpeciesNetDetector(str(self._folder))
            self._classifier = SpeciesNetClassifier(str(self._folder), device=machine.device)
            self._ensemble = SpeciesNetEnsemble(str(self._folder))
        self.provider = f"PyTorch {torch.__version__}"

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Run image by image, because the package's detector accepts one image at a time."""
        return [self._analyse(image) for image in images]

    def _analyse(self, image: InputImage) -> list[ModelDetection]:
        threshold = parse_number(image.config, "threshold", DEFAULT_THRESHOLD, 0.01, 1)
        place = {
            "country": parse_code(image.config, "country", 3),
            "admin1_region": parse_code(image.config, "admin1_region", 2),
        }
        prediction = self.predict(
            image, {key: code for key, code in place.items() if code}, threshold
        )
        height, width = image.pixels.shape[:2]
        return parse_prediction(prediction, self._class_indices, width, height, threshold)

    def predict(
        self, image: InputImage, place: Mapping[str, str], threshold: float
    ) -> dict[str, Any]:
        """Return the package's response, with all classes of each box of at least this score."""
        from speciesnet.utils import BBox, whole_image_detection

        name, opened = image.image_id, Image.fromarray(image.pixels)
        detected = self._detector.predict(name, self._detector.preprocess(opened))
        rows = [row for row in detected["detections"] if row["conf"] >= threshold]
        crops = self._classifier.preprocess(opened, bboxes=[BBox(*row["bbox"]) for row in rows])
        (output,) = self._classifier.batch_predict([name], [crops], num_classes=None)
        classified = output["classifications_list"]
        if self._classifier.model_info.type_ == "full_image":
            given = [{**whole_image_detection(), "raw_classifications": classified[0]}]
        else:
            given = [
                {**row, "raw_classifications": raw}
                for row, raw in zip(rows, classified, strict=True)
            ]
        (combined,) = self._ensemble.combine(
            [name],
            {name: {"detections": given}},
            {name: {"detections": rows}},
            {name: dict(place)},
            max_classifications_per_detection=None,
        )
        prediction: dict[str, Any] = combined
        return prediction


class SpeciesNetCrops(SpeciesNet):
    """SpeciesNet v4.0.3a, which classifies the content of each box."""

    slug, name, release = "speciesnet-v4.0.3a", "SpeciesNet v4.0.3a", "v4.0.3a"
    models = (CROPS, MEGADETECTOR)


class SpeciesNetWhole(SpeciesNet):
    """SpeciesNet v4.0.3b, which classifies the whole image.

    The class labels the box with the best score.
    """

    slug, name, release = "speciesnet-v4.0.3b", "SpeciesNet v4.0.3b", "v4.0.3b"
    models = (WHOLE, MEGADETECTOR)


def _build_algorithms(release: str, labels: Sequence[str] | None) -> tuple[Algorithm, ...]:
    return (
        Algorithm(
            name=f"SpeciesNet {release}, detector",
            key=DETECTOR,
            version_name=release,
            task_type="localization",
            category_map=build_category_map(*GROUPS),
            uri=URI,
        ),
        Algorithm(
            name=f"SpeciesNet {release}, classifier",
            key=CLASSIFIER,
            version_name=release,
            task_type="classification",
            category_map=None if labels is None else build_speciesnet_category_map(labels),
            uri=URI,
        ),
        Algorithm(
            name=f"SpeciesNet {release}, ensemble",
            key=ENSEMBLE,
            description="Detector and classifier together: the finest taxon with a sufficient "
            "score that occurs there.",
            version_name=release,
            task_type="classification",
            uri=URI,
        ),
    )


def unpack(archive: Path) -> Path:
    """Unpack an archive once into a folder next to it, and return the folder.

    If `archive` is a folder, it is returned unchanged.

    Raises:
        ModelFileMissing: the archive is damaged or not one of SpeciesNet.
    """
    if archive.is_dir():
        return archive
    folder = archive.with_name(archive.name.removesuffix(".tar.gz"))
    if not folder.exists():
        draft = Path(tempfile.mkdtemp(dir=archive.parent))
        try:
            with tarfile.open(archive) as opened:
                opened.extractall(draft, filter="data")
            info = next(iter(sorted(draft.rglob("info.json"))), None)
            if info is None:
                raise ModelFileMissing(f"{archive} has no info.json: it is not a SpeciesNet model")
            with contextlib.suppress(OSError):  # another process has unpacked it
                info.parent.rename(folder)
        except tarfile.TarError as error:
            raise ModelFileMissing(f"{archive} is not an archive of SpeciesNet: {error}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def load_labels(folder: Path) -> list[str]:
    """Load the class strings of the classifier, in the order of its scores.

    Raises:
        ModelFileMissing: the folder does not contain a SpeciesNet model.
    """
    try:
        info = json.loads((folder / "info.json").read_bytes())
        return [
            line.strip()
            for line in (folder / info["classifier_labels"]).read_text("utf-8").splitlines()
        ]
    except (OSError, ValueError, KeyError) as error:
        raise ModelFileMissing(f"{folder} is not a SpeciesNet model: {error}") from error


def install_detector(folder: Path, machine: Device) -> None:
    """Put the verified detector into the model's folder, so that the package downloads none."""
    info = json.loads((folder / "info.json").read_bytes())
    if not info["detector"].startswith(("http://", "https://")):
        return
    if info["detector"] != MEGADETECTOR.source:
        raise ModelFileMissing(
            f"the model requires the detector {info['detector']}; this Trapline supports "
            f"only {MEGADETECTOR.source}"
        )
    draft = Path(tempfile.mkdtemp(dir=folder))
    try:
        shutil.copyfile(machine.fetch(MEGADETECTOR), draft / MEGADETECTOR.name)
        (draft / "info.json").write_text(json.dumps(info | {"detector": MEGADETECTOR.name}))
        for name in (MEGADETECTOR.name, "info.json"):
            (draft / name).replace(folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
