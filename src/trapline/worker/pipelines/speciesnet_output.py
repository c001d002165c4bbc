"""Conversion of SpeciesNet's output for an image, in both of its formats, to detections.

The old format has one prediction for the image; the new one (format 20261015) has one for each
detection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trapline.wire.pipelines import CategoryMap
from trapline.worker.pipeline import ModelClassification, ModelDetection
from trapline.worker.pipelines.normalised_boxes import scale_box

DETECTOR, CLASSIFIER, ENSEMBLE = (
    "speciesnet-detector",
    "speciesnet-classifier",
    "speciesnet-ensemble",
)

GROUPS = ("animal", "human", "vehicle")
"""The detector's labels of its categories "1", "2" and "3"; "0" is the whole image."""

RANKS = ("class", "order", "family", "genus", "species")
BLANK, UNKNOWN = "blank", "no cv result"


@dataclass(frozen=True)
class SpeciesnetTaxon:
    """A parsed class string: `ranks` from class to species, "" where a rank is unknown."""

    uuid: str
    ranks: tuple[str, str, str, str, str]
    common: str

    @property
    def rank(self) -> str | None:
        """The finest known rank; None if the class is not a taxon, such as a vehicle."""
        known = [rank for rank, name in zip(RANKS, self.ranks, strict=True) if name]
        return known[-1] if known else None

    @property
    def scientific(self) -> str | None:
        """The scientific name of the finest taxon: Lepus europaeus, Leporidae."""
        if self.ranks[4]:
            return f"{self.ranks[3]} {self.ranks[4]}".strip().capitalize()
        return next((name.capitalize() for name in reversed(self.ranks) if name), None)

    @property
    def name(self) -> str:
        """The common name."""
        return self.common or self.scientific or "animal"


def parse_class(text: str) -> SpeciesnetTaxon:
    """Parse a class string: `uuid;class;order;family;genus;species;common name`.

    Raises:
        ValueError: the text is not such a class string.
    """
    parts = [part.strip() for part in text.strip().split(";")]
    if len(parts) != 7:
        raise ValueError(f"{text!r} is not a class of SpeciesNet: it has {len(parts)} parts, not 7")
    uuid, kind, order, family, genus, species, common = parts
    return SpeciesnetTaxon(uuid, (kind, order, family, genus, species), common)


def build_speciesnet_category_map(labels: Sequence[str]) -> CategoryMap:
    """Build the category map of the classifier's class list, with the taxon of each class.

    Common names that occur twice get the scientific name appended.
    """
    taxa = [parse_class(label) for label in labels]
    names = [taxon.name for taxon in taxa]
    shown = []
    for taxon, name in zip(taxa, names, strict=True):
        # A species and its subspecies may have the same common name, and may have no other name.
        label = (
            f"{name} ({taxon.scientific})" if names.count(name) > 1 and taxon.scientific else name
        )
        shown.append(label if label not in shown else f"{label} [{taxon.uuid}]")
    rows = [
        {
            "index": index,
            "label": label,
            "uuid": taxon.uuid,
            "taxon": taxon.scientific,
            "rank": taxon.rank,
        }
        | {rank: name for rank, name in zip(RANKS, taxon.ranks, strict=True) if name}
        for index, (label, taxon) in enumerate(zip(shown, taxa, strict=True))
    ]
    return CategoryMap(data=rows, labels=shown)


def parse_prediction(
    prediction: Mapping[str, Any],
    class_indices: Mapping[str, tuple[int, str]],
    width: int,
    height: int,
    threshold: float,
) -> list[ModelDetection]:
    """Return the boxes of an image with at least this score, best first, with their classes.

    `class_indices` maps each class string of the classifier to its index and name. Boxes that are
    classified as blank are omitted.

    Raises:
        ValueError: the image failed; the message gives the reason.
    """
    if prediction.get("detections") is None:
        raise ValueError(
            f"SpeciesNet failed on the image: "
            f"{', '.join(prediction.get('failures') or ['no detections'])}"
        )
    rows = list(prediction["detections"])
    whole = _find_image_prediction(prediction, rows)
    boxes = sorted(
        (row for row in rows if str(row.get("category")) != "0"), key=lambda row: -row["conf"]
    )
    found = []
    for number, row in enumerate(boxes):
        box = scale_box(row["bbox"], width, height)
        # A prediction for the whole image applies to the box with the best score.
        source = whole if whole is not None and number == 0 else row
        final = _parse_ensemble(source)
        if (
            row["conf"] < threshold
            or box is None
            or (final is not None and final[0].common == BLANK)
        ):
            continue
        found.append(
            ModelDetection(
                box=box,
                algorithm=DETECTOR,
                score=min(1.0, float(row["conf"])),
                names=_build_classifications(row, source, final, class_indices),
            )
        )
    return found


def _find_image_prediction(
    prediction: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    pseudo = next((row for row in rows if str(row.get("category")) == "0"), None)
    if pseudo is not None:
        return pseudo
    if "prediction" not in prediction:
        return None
    return {
        "raw_classifications": prediction.get("classifications"),
        "processed_classification": {
            "class": prediction["prediction"],
            "score": prediction.get("prediction_score", 0.0),
            "source": prediction.get("prediction_source", ""),
        },
    }


def _parse_ensemble(source: Mapping[str, Any]) -> tuple[SpeciesnetTaxon, float] | None:
    processed = source.get("processed_classification")
    if not processed:
        return None
    taxon = parse_class(processed["class"])
    return (
        None
        if UNKNOWN in (taxon.common, taxon.ranks[0])
        else (taxon, min(1.0, float(processed["score"])))
    )


def _build_classifications(
    row: Mapping[str, Any],
    source: Mapping[str, Any],
    final: tuple[SpeciesnetTaxon, float] | None,
    class_indices: Mapping[str, tuple[int, str]],
) -> list[ModelClassification]:
    group = int(row["category"]) - 1
    if not 0 <= group < len(GROUPS):
        raise ValueError(
            f"the detector of SpeciesNet returned the unknown category {row['category']!r}"
        )
    score = min(1.0, float(row["conf"]))
    names = [
        ModelClassification(
            name=GROUPS[group],
            algorithm=DETECTOR,
            scores=[score if place == group else 0.0 for place in range(len(GROUPS))],
            terminal=final is None,
        )
    ]
    raw = source.get("raw_classifications")
    if raw and raw.get("classes"):
        scores = np.zeros(len(class_indices))
        for text, value in zip(raw["classes"], raw["scores"], strict=True):
            scores[class_indices[text][0]] = value
        names.append(
            ModelClassification(
                name=class_indices[raw["classes"][0]][1],
                algorithm=CLASSIFIER,
                scores=scores,
                terminal=False,
            )
        )
    if final is not None:
        names.append(ModelClassification(name=final[0].name, algorithm=ENSEMBLE, scores=[final[1]]))
    return names
