"""Write predictions of SpeciesNet (github.com/google/cameratrapai), in its format of 2026-10-15.

Each detection has its own classification. An identification by a person is in
`processed_classification` with the source `human`. A name that SpeciesNet does not know gets an
ID that is derived from the name.
"""

from typing import Any, BinaryIO
from uuid import NAMESPACE_URL, uuid5

import msgspec

from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportIssue,
    ExportReport,
    ExportSpool,
    TaxonRecord,
)
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import (
    CLASSIFICATION,
    ExportedObservation,
    ObservationType,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import CLASS_PARTS, TaxonResolver
from trapline.server.platform.formats.zip_writer import FileNames, build_folder_names

FORMAT_VERSION = "20261015"
PIECES = 2000
CATEGORIES = {ObservationType.HUMAN: ("2", "human"), ObservationType.VEHICLE: ("3", "vehicle")}
ANIMAL = ("1", "animal")
WHOLE = {
    "category": "0",
    "label": "whole_image_classification",
    "conf": 1.0,
    "bbox": [0.0, 0.0, 1.0, 1.0],
}
MOST_CLASSES = 5
# Class strings of the package `speciesnet` 5.0.6 (constants.py).
KNOWN = {
    ObservationType.BLANK: "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank",
    ObservationType.ANIMAL: "1f689929-883d-4dae-958c-3d57ab5b6c16;;;;;;animal",
    ObservationType.HUMAN: (
        "990ae9dd-7a59-4344-afcb-1b7b21368000;mammalia;primates;hominidae;homo;sapiens;human"
    ),
    ObservationType.VEHICLE: "e2895ed5-780b-48f6-8a11-9e27cb594511;;;;;;vehicle",
    ObservationType.UNKNOWN: ";".join(
        ["f2efdae9-efb8-48fb-8a91-eccf79ab4ffb", *["no cv result"] * 6]
    ),
}


class _Top(msgspec.Struct):
    class_: str = msgspec.field(name="class", default="")
    confidence: float = 0.0


class _Topk(msgspec.Struct):
    topk: list[_Top] = []


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write an entry per image; images without an analysis or identification are left out."""
    predictions = _Predictions(spool)
    report = ExportReport()
    pieces: list[bytes] = []
    out.write(
        b'{"info":' + msgspec.json.encode({"format_version": FORMAT_VERSION}) + b',"predictions":['
    )
    for image in spool.read(ObservedImage):
        if not image.analysed and not image.observed:
            predictions.not_looked_at += 1
            continue
        pieces.append(
            (b"\n," if report.written else b"\n") + msgspec.json.encode(predictions.describe(image))
        )
        report.written += 1
        if len(pieces) == PIECES:
            out.write(b"".join(pieces))
            pieces.clear()
    out.write(b"".join(pieces) + b"\n]}\n")
    report.left_out += predictions.list_issues()
    return report


class _Predictions:
    def __init__(self, spool: ExportSpool) -> None:
        self._naming = TaxonResolver(spool.taxa)
        self._places = {str(one.id): _locate(one) for one in spool.about.deployments}
        # Cameras use the same file names, so a path is unique only with its deployment.
        self._folders = build_folder_names(spool.about.deployments)
        self._names = FileNames()
        self._classes: dict[tuple[ObservationType, str, str | None], str] = {}
        self._further = 0
        self.not_looked_at = 0

    def describe(self, image: ObservedImage) -> dict[str, Any]:
        """Build the entry of an image, with its detections by falling confidence."""
        models: set[str] = set()
        detections, whole = [], None
        for one in build_observations(image, self._naming):
            models.update(
                by.model for by in (one.found, one.named_by) if by is not None and by.model
            )
            if one.kind in (ObservationType.BLANK, ObservationType.UNCLASSIFIED):
                continue
            if one.box is not None:
                detections.append(self._detect(one, image))
            elif whole is None:
                whole = {**WHOLE, **self._classify(one, image)}
            else:
                self._further += 1
        detections.sort(key=lambda detection: -detection["conf"])
        return {
            "filepath": self._name_file(image),
            **self._places[image.deployment_id],
            "detections": [whole, *detections] if whole is not None else detections,
            "model_version": ", ".join(sorted(models)),
        }

    def _name_file(self, image: ObservedImage) -> str:
        path = self._names.name(image.deployment_id, image.path or image.filename, image.id)
        return path if len(self._folders) < 2 else f"{self._folders[image.deployment_id]}/{path}"

    def list_issues(self) -> list[ExportIssue]:
        """List what was left out, with its number."""
        counts = [
            ("Images that were neither analysed nor reviewed.", self.not_looked_at),
            (
                "Masks stored as files, heatmaps and custom data have no form in SpeciesNet.",
                self._naming.formless,
            ),
            ("Further observations of a whole image: the format has one of each.", self._further),
        ]
        return [ExportIssue(what, count) for what, count in counts if count]

    def _detect(self, one: ExportedObservation, image: ObservedImage) -> dict[str, Any]:
        assert one.box is not None
        assert one.found is not None
        category, label = CATEGORIES.get(one.kind, ANIMAL)
        left, top, width, height = one.box
        box = [left / image.width, top / image.height, width / image.width, height / image.height]
        sure = (
            one.found.confidence
            if one.found.confidence is not None
            else float(one.said is not None)
        )
        detection = {
            "category": category,
            "label": label,
            "conf": sure,
            "bbox": [round(side, 4) for side in box],
        }
        return {**detection, **self._classify(one, image)}

    def _classify(self, one: ExportedObservation, image: ObservedImage) -> dict[str, Any]:
        names: dict[str, Any] = {}
        if one.found is not None and (raw := self._list_raw(one, image)):
            raw.sort(key=lambda named: -named[1])
            names["raw_classifications"] = {
                "classes": [name for name, _ in raw[:MOST_CLASSES]],
                "scores": [score for _, score in raw[:MOST_CLASSES]],
            }
        score = 1.0 if one.said is not None else one.confidence or 0.0
        source = (
            "human"
            if one.said is not None
            else one.named_by.model
            if one.named_by is not None
            else ""
        )
        names["processed_classification"] = {
            "class": self._name(one.kind, one.label, one.taxon),
            "score": score,
            "source": source,
        }
        return names

    def _list_raw(self, one: ExportedObservation, image: ObservedImage) -> list[tuple[str, float]]:
        """List the classes and scores that a classifier gave a box or the whole image."""
        assert one.found is not None
        key = one.found.id
        raw: dict[str, float] = {}
        for found in image.found:
            if found.type == CLASSIFICATION and key in (found.parent_id, found.id):
                label = found.class_name or ""
                if found.confidence is not None:
                    raw[self._find(label, found.taxon)] = found.confidence
                try:
                    top = msgspec.json.decode(found.data, type=_Topk).topk
                except msgspec.ValidationError:
                    continue
                for entry in top:
                    if entry.class_ and entry.class_ != label:
                        raw.setdefault(self._find(entry.class_, None), entry.confidence)
        return list(raw.items())

    def _find(self, label: str, taxon: str | None) -> str:
        return self._name(self._naming.find(label, taxon).kind, label, taxon)

    def _name(self, kind: ObservationType, label: str, taxon: str | None) -> str:
        name = self._classes.get((kind, label, taxon))
        if name is None:
            known = self._naming.taxa.get(taxon) if taxon is not None else None
            name = self._classes[kind, label, taxon] = _write_class(kind, label, known)
        return name


def _write_class(kind: ObservationType, label: str, taxon: TaxonRecord | None) -> str:
    """Format a class string in lower case: `uuid;class;order;family;genus;species;common name`."""
    if label.count(";") == CLASS_PARTS - 1 and taxon is None:
        return label
    if kind in KNOWN and (
        kind is not ObservationType.ANIMAL or (taxon is None and label.lower() in ("", "animal"))
    ):
        return KNOWN[kind]
    if taxon is None:
        name = _plain(label)
        return f"{uuid5(NAMESPACE_URL, f'trapline:class:{name}')};;;;;;{name}"
    ranks = {rank.lower(): name for rank, name in taxon.higher_ranks.items()}
    rank, words = taxon.rank.lower(), taxon.scientific_name.split(" ")
    if rank in ("class", "order", "family", "genus"):
        ranks[rank] = taxon.scientific_name
    is_species = rank in ("species", "subspecies") or (not rank and len(words) > 1)
    parts = [ranks.get(one, "") for one in ("class", "order", "family")]
    parts.append(ranks.get("genus") or (words[0] if is_species else ""))
    parts.append(" ".join(words[1:]) if is_species else "")
    parts.append(next(iter(taxon.english_names), taxon.scientific_name))
    return ";".join([str(taxon.id), *(_plain(part) for part in parts)])


def _plain(text: str) -> str:
    return " ".join(text.replace(";", ",").lower().split())


def _locate(deployment: DeploymentRecord) -> dict[str, float]:
    if deployment.latitude is None or deployment.longitude is None:
        return {}
    return {"latitude": deployment.latitude, "longitude": deployment.longitude}
