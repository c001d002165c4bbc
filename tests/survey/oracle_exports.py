"""The oracle's rules for each export format: the rows that a reader must find.

It imports nothing of Trapline.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.survey.oracle import Oracle
from tests.survey.oracle_findings import BLANK_NAMES
from tests.survey.oracle_images import Said, SeenImage, get_subject
from tests.survey.oracle_observations import DETAILS, Observation, list_taxa

GROUPS = {"animal": "animal", "human": "person", "vehicle": "vehicle", "unknown": "object"}
NO_NAMES = (None, "person", "vehicle", "animal")
"""Labels that state no more than the category of a detection."""
HUMAN = "Homo sapiens"
UNCLASSIFIED = Observation("unclassified", "")
Row = tuple[Any, ...]


class Exports:
    """The expected contents of each export."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle
        self.names = {one["scientific_name"]: one["common_names"] for one in oracle.truth["taxa"]}

    def observe(self, image: SeenImage) -> list[Observation]:
        """List the observations of an image; one that is not classified has one, too."""
        return self.oracle.observe(image) or [UNCLASSIFIED]

    def _find_taxon(self, one: Observation) -> str:
        """Return the scientific name of an observation, if its label means a taxon."""
        return one.name if one.name in self.names else ""

    # CSV: the observations of each image

    def list_csv_images(self) -> dict[str, Row]:
        """List the columns of CSV that are the same in all rows of an image."""
        return {
            one.key: (
                one.name,
                one.path,
                _harmless(one.deployment["name"]),
                one.local.isoformat(timespec="seconds"),
                one.file["dated_by"],
                one.deployment["time_zone"],
                one.file["width"],
                one.file["height"],
                self.oracle.is_blank(one),
                self.oracle.is_reviewed(one),
                one.file["sha256"],
            )
            for one in self.oracle.images.values()
        }

    def list_csv_rows(self) -> Counter[Row]:
        """List the rows of CSV: image, type, box, class, score, names, and the identification."""
        rows: Counter[Row] = Counter()
        for image in self.oracle.images.values():
            for one in self.observe(image):
                taxon = self._find_taxon(one)
                common = "; ".join(self.names[taxon].get("en", [])) if taxon else ""
                known = (one.kind, "model" if one.said is None else "human", str(one.needs_review))
                rows[
                    (
                        image.key,
                        *self._locate(image, one),
                        taxon,
                        common,
                        *self._say(one),
                        *(("", "", "") if one is UNCLASSIFIED else known),
                    )
                ] += 1
        return rows

    def _locate(self, image: SeenImage, one: Observation) -> Row:
        """Return type, box, class and score: of the observation, or of the box that it names."""
        if one.subject is None and one.said is not None:
            return ("image", None, "", None)
        if one.subject is None:
            is_class = one.kind not in ("blank", "unknown", "unclassified")
            return (
                "classification" if is_class else "image",
                None,
                (one.label or "") if is_class else "",
                one.confidence,
            )
        if one.said is None and one.label is not None:
            return ("bounding_box", one.box, one.label, one.confidence)
        # The name of the model, although it does not name the observation.
        found = image.find_subject(one.subject)
        score = found["name_score"] if "name_score" in found else found["score"]
        return ("bounding_box", one.box, found["name"], score)

    def _say(self, one: Observation) -> Row:
        said = one.said
        if said is None:
            return ("", "", *("" for _ in DETAILS), "")
        details = ["" if (value := getattr(one, name)) is None else str(value) for name in DETAILS]
        label = one.label if said["kind"] == "correct" else ""
        return (said["kind"], label, *details, said["by"])

    # Camtrap DP

    def list_media(self) -> dict[str, Row]:
        """List the media: path of the file, capture time, and whether the file is public."""
        return {
            one.key: (one.file["path"], one.captured_at, self.is_public(one))
            for one in self.oracle.images.values()
        }

    def list_media_observations(self, *, with_people: bool = True) -> Counter[Row]:
        """List the observations of single media, with or without the names of people."""
        rows: Counter[Row] = Counter()
        for image in self.oracle.images.values():
            for one in self.observe(image):
                rows[
                    (
                        image.key,
                        *self._describe(one),
                        _fractions(one.box, image),
                        *_classify(one, with_people),
                    )
                ] += 1
        return rows

    def _describe(self, one: Observation) -> Row:
        name = HUMAN if one.kind == "human" else self._find_taxon(one)
        return (
            one.kind,
            name,
            one.count,
            one.life_stage or "",
            one.sex or "",
            one.behaviour or "",
        )

    def list_events(self) -> Counter[Row]:
        """List the observations of verified sequences, by taxon, sex, life stage and behaviour."""
        rows: Counter[Row] = Counter()
        for group, counts, reviewed in self._sum_up():
            said = {key: count for key, count in counts.items() if key[0]}
            if not reviewed or (not said and counts):
                continue
            if not said:
                rows[(group, "blank", "", None, "", "", "")] += 1
            for (_, kind, name, sex, stage, behaviour), count in said.items():
                shown = HUMAN if kind == "human" else name if name in self.names else ""
                rows[(group, kind, shown, count, stage or "", sex or "", behaviour or "")] += 1
        return rows

    def _sum_up(self) -> Iterator[tuple[frozenset[str], dict[Row, int], bool]]:
        """Count groups by sequence: what was stated for it, or the largest sum of one image."""
        for group in self.oracle.list_sequences():
            counts: dict[Row, int] = {}
            images = [self.oracle.images[key] for key in sorted(group)]
            for image in images:
                here: Counter[Row] = Counter()
                for one in self.oracle.observe(image):
                    if one.kind != "blank":
                        here[_get_group(one)] += 1 if one.count is None else one.count
                for key, count in here.items():
                    counts[key] = max(counts.get(key, 0), count)
            self._state(images, counts)
            yield group, counts, all(self.oracle.is_reviewed(one) for one in images)

    def _state(self, images: list[SeenImage], counts: dict[Row, int]) -> None:
        """Replace a count by that of the latest identification of the sequence."""
        said = [one for image in images for one in image.decisions if one.get("of_sequence", False)]
        if not said:
            return
        last = max(said, key=self.oracle.rules.get_place)
        if last["kind"] == "correct":
            for one in list_taxa(last):
                details = (one["sex"], one["life_stage"], one["behaviour"])
                key = (True, "animal", one["taxon"], *details)
                counts[key] = one["count"] or counts.get(key) or 1

    def list_occurrences(self) -> Counter[Row]:
        """List the occurrences of Darwin Core: animals with a scientific name."""
        rows: Counter[Row] = Counter()
        for group, counts, reviewed in self._sum_up():
            said = {key for key in counts if key[0]}
            stated = {(key[1], key[2]) for key in said}
            for key, count in counts.items():
                by_person, kind, name, sex, stage, behaviour = key
                if kind != "animal" or name not in self.names:
                    continue
                if not by_person and ((reviewed and said) or (kind, name) in stated):
                    continue
                status = "verified by human" if by_person else "predicted by machine"
                rows[(group, name, count, sex or "", stage or "", behaviour or "", status)] += 1
        return rows

    # Boxes

    def list_boxes(self) -> Counter[Row]:
        """List the boxes of COCO: image, category, x, y, width, height, score."""
        rows: Counter[Row] = Counter()
        for image in self.oracle.images.values():
            for one in self.oracle.observe(image):
                if one.box is not None:
                    x1, y1, x2, y2 = one.box
                    rows[(image.key, _title(one), x1, y1, x2 - x1, y2 - y1, one.confidence)] += 1
        return rows

    def list_labels(self) -> dict[str, Counter[Row]]:
        """List the labels of YOLO by image.

        Images with something whose position or name is unknown are left out.
        """
        labels: dict[str, Counter[Row]] = {}
        for image in self.oracle.images.values():
            seen = self.observe(image)
            if any(
                (one.box is None and one.kind != "blank") or one.kind == "unknown" for one in seen
            ):
                continue
            labels[image.key] = Counter(
                (_title(one), *_middle(one.box, image)) for one in seen if one.box is not None
            )
        return labels

    def list_detections(self) -> dict[str, Counter[Row] | None]:
        """List the detections of MegaDetector by image: category, score, box, classifications."""
        listed: dict[str, Counter[Row] | None] = {}
        for image in self.oracle.images.values():
            seen = self.oracle.observe(image)
            if not image.runs and not seen:
                listed[image.key] = None
                continue
            rows: Counter[Row] = Counter()
            for one in seen:
                if one.subject is None:
                    continue
                names: Row = ()
                if one.said is not None:
                    names = ((one.label or "object", 1.0),)
                elif one.label not in NO_NAMES:
                    names = ((one.label, one.confidence),)
                score = image.find_subject(one.subject)["score"]
                rows[(GROUPS[one.kind], score, _fractions(one.box, image), names)] += 1
            listed[image.key] = rows
        return listed

    # The public page

    def is_public(self, image: SeenImage) -> bool:
        """Return whether visitors see an image: all its names are known animals or blank.

        Identifications replace the findings of models in every analysis; `unsure` hides an image.
        """
        latest = {get_subject(one): one for one in image.decisions if one["kind"] != "comment"}
        whole = latest.get(None)
        is_stated = whole is not None and whole["kind"] in ("correct", "blank")
        is_known = bool(self.oracle.list_names(image)) or is_stated
        if not image.runs or not is_known or (whole is not None and whole["kind"] == "unsure"):
            return False
        superseded = [one["supersedes"] for one in image.decisions if "drawn" in one]
        for run, found in image.runs:
            for index, one in enumerate(found):
                if [run["key"], index] in superseded:
                    continue
                own = latest.get((run["key"], index))
                if self._is_replaced(own, whole if is_stated else None):
                    continue
                is_unsure = own is not None and own["kind"] == "unsure"
                if is_unsure or not self._is_known_animal(one["name"]):
                    return False
        return True

    def _is_known_animal(self, label: str) -> bool:
        blank = {*BLANK_NAMES, *self.oracle.rules.settings["blank_labels"]}
        return label in self.oracle.truth["labels"] or label in blank or label == "animal"

    def _is_replaced(self, own: Said | None, whole: Said | None) -> bool:
        """Return whether a person said something else of a finding, or of its image later."""
        if own is not None and own["kind"] in ("correct", "blank"):
            return True
        return whole is not None and (own is None or self.oracle.rules.is_later(whole, own))


def _get_group(one: Observation) -> Row:
    """Return what individuals of one group have in common; people and models are apart."""
    return (one.said is not None, one.kind, one.name, one.sex, one.life_stage, one.behaviour)


def _title(one: Observation) -> str:
    """Return the category of an observation: its scientific name, label or type."""
    return HUMAN if one.kind == "human" else one.name or one.kind


def _harmless(text: str) -> str:
    """Escape a cell that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _fractions(box: tuple[float, ...] | None, image: SeenImage) -> Row | None:
    """Convert a box to left, top, width and height in fractions of the upright image."""
    if box is None:
        return None
    x1, y1, x2, y2 = box
    wide, high = image.file["width"], image.file["height"]
    return tuple(
        round(one, 4) for one in (x1 / wide, y1 / high, (x2 - x1) / wide, (y2 - y1) / high)
    )


def _middle(box: tuple[float, ...], image: SeenImage) -> Row:
    left, top, wide, high = _fractions(box, image) or ()
    x1, y1, x2, y2 = box
    middle = (x1 + x2) / 2 / image.file["width"], (y1 + y2) / 2 / image.file["height"]
    assert left <= middle[0]
    assert top <= middle[1]
    return (*(round(one, 4) for one in middle), wide, high)


def _classify(one: Observation, with_people: bool) -> Row:
    """Return the method, the person and the probability of a classification."""
    if one is UNCLASSIFIED:
        return ("", "", None)
    if one.said is not None:
        return ("human", one.said["by"] if with_people else "", None)
    return ("machine", "", one.confidence)
