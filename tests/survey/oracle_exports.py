"""The oracle's rules for each export format: the rows that a reader must find.

It imports nothing of Trapline.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.survey.oracle import BLANK_NAMES, Oracle, SeenImage
from tests.survey.oracle_observations import DETAILS, Observation, Observations, Said

GROUPS = {"animal": "animal", "human": "person", "vehicle": "vehicle"}
NO_NAMES = ("person", "vehicle", "animal")
"""Labels that state no more than the category of a detection."""
Row = tuple[Any, ...]


class Exports:
    """The expected contents of each export."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle, self.seen = oracle, Observations(oracle)
        self.names = {one["scientific_name"]: one["common_names"] for one in oracle.truth["taxa"]}

    # CSV: the findings of each model, and identifications of whole images

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
            whole, removed, is_empty = self.seen.find_whole(image), None, True
            for thing in self.seen.list_things(image):
                if thing.said is not None and thing.said["kind"] == "blank":
                    removed = removed or thing.said
                    continue
                is_empty = False
                found = thing.found
                score = found["name_score"] if "name_score" in found else found["score"]
                box = tuple(found["box"]) if thing.is_box else None
                kind = "bounding_box" if thing.is_box else "classification"
                taxon = self.seen.labels.get(found["name"])
                said = thing.said
                if said is not None and said["kind"] != "confirm":
                    taxon = said.get("taxon") if said["kind"] == "correct" else None
                details = self._say(said, whole=said is not None and said["run"] is None)
                rows[
                    (image.key, kind, box, found["name"], score, *self._name(taxon), *details)
                ] += 1
            if whole is not None or is_empty:
                said = whole or removed
                taxon = said.get("taxon") if said is not None else None
                rows[
                    (image.key, "image", None, "", None, *self._name(taxon), *self._say(said))
                ] += 1
        return rows

    def _name(self, taxon: str | None) -> Row:
        return (taxon or "", "; ".join(self.names[taxon].get("en", [])) if taxon else "")

    def _say(self, said: Said | None, *, whole: bool = False) -> Row:
        if said is None:
            return ("", "", *("" for _ in DETAILS), "")
        details = ["" if whole or said.get(name) is None else str(said[name]) for name in DETAILS]
        return (said["kind"], said.get("taxon", ""), *details, said["by"])

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
        for image, seen in self.seen.list_all():
            for one in seen:
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
        count = one.details.get("count")
        if count is None:
            count = 1 if one.box is not None else None
        # The standard has no count of 0: a box that exceeds the stated count has none.
        count = count or None
        is_named = one.kind in ("animal", "human")
        return (one.kind, one.name if is_named else "", count, one.details.get("life_stage") or "",
                one.details.get("sex") or "", one.details.get("behaviour") or "")  # fmt: skip

    def list_events(self) -> Counter[Row]:
        """List the observations of verified sequences, by taxon, sex, life stage and behaviour."""
        rows: Counter[Row] = Counter()
        for group, counts, reviewed in self._sum_up():
            said = {key: count for key, count in counts.items() if key[0]}
            if not reviewed or (not said and counts):
                continue
            if not said:
                rows[(group, "blank", "", None, "", "", "")] += 1
            for (_, kind, name, label, sex, stage, behaviour), count in said.items():
                shown = name if kind in ("animal", "human") else ""
                rows[(group, kind, shown, count, stage or "", sex or "", behaviour or "")] += 1
                assert label or name or kind == "unknown"
        return rows

    def _sum_up(self) -> Iterator[tuple[frozenset[str], dict[Row, int], bool]]:
        """Count groups by sequence: the highest count of an image, people and models apart."""
        for group in self.oracle.list_sequences():
            counts: dict[Row, int] = {}
            images = [self.oracle.images[key] for key in sorted(group)]
            for image in images:
                here: Counter[Row] = Counter()
                for one in self.seen.observe(image):
                    if one.kind in ("blank", "unclassified"):
                        continue
                    details = [one.details.get(name) for name in ("sex", "life_stage", "behaviour")]
                    label = one.label if one.name not in self.names else ""
                    stated = one.details.get("count")
                    # Two models that find the same animal do not count it twice; identifications
                    # of an image add up.
                    run = None if one.said else one.run
                    here[(bool(one.said), one.kind, one.name, label, *details, run)] += (
                        1 if stated is None else stated
                    )
                for key, count in here.items():
                    counts[key[:-1]] = max(counts.get(key[:-1], 0), count)
            yield group, counts, all(self.oracle.is_reviewed(one) for one in images)

    def list_occurrences(self) -> Counter[Row]:
        """List the occurrences of Darwin Core: animals with a scientific name."""
        rows: Counter[Row] = Counter()
        for group, counts, reviewed in self._sum_up():
            said = {key for key in counts if key[0]}
            stated = {(key[1], key[2] or key[3]) for key in said}
            for key, count in counts.items():
                by_person, kind, name, label, sex, stage, behaviour = key
                if kind != "animal" or name not in self.names:
                    continue
                if not by_person and ((reviewed and said) or (kind, name or label) in stated):
                    continue
                status = "verified by human" if by_person else "predicted by machine"
                rows[(group, name, count, sex or "", stage or "", behaviour or "", status)] += 1
        return rows

    # Boxes

    def list_boxes(self) -> Counter[Row]:
        """List the boxes of COCO: image, category, x, y, width, height, score."""
        rows: Counter[Row] = Counter()
        for image, seen in self.seen.list_all():
            for one in seen:
                if one.box is not None:
                    x1, y1, x2, y2 = one.box
                    rows[
                        (image.key, self.seen.title(one), x1, y1, x2 - x1, y2 - y1, one.confidence)
                    ] += 1
        return rows

    def list_labels(self) -> dict[str, Counter[Row]]:
        """List the labels of YOLO by image.

        Images with something whose position or name is unknown are left out.
        """
        labels: dict[str, Counter[Row]] = {}
        for image, seen in self.seen.list_all():
            if any(
                (one.box is None and one.kind != "blank") or one.kind == "unknown" for one in seen
            ):
                continue
            labels[image.key] = Counter(
                (self.seen.title(one), *_middle(one.box, image))
                for one in seen
                if one.box is not None
            )
        return labels

    def list_detections(self) -> dict[str, Counter[Row] | None]:
        """List the detections of MegaDetector by image: category, score, box, classifications."""
        listed: dict[str, Counter[Row] | None] = {}
        for image in self.oracle.images.values():
            if not image.runs:
                listed[image.key] = None
                continue
            rows: Counter[Row] = Counter()
            for thing in self.seen.list_things(image):
                said, found = thing.said, thing.found
                if not thing.is_box or (said is not None and said["kind"] == "blank"):
                    continue
                kind, _ = self.seen.name_label(found["name"])
                names: Row = ()
                if found["name"] not in NO_NAMES:
                    names = ((found["name"], found.get("name_score", found["score"])),)
                if said is not None and said["kind"] == "correct":
                    kind, names = "animal", ((said["taxon"], 1.0),)
                rows[
                    (GROUPS[kind], found["score"], _fractions(tuple(found["box"]), image), names)
                ] += 1
            listed[image.key] = rows
        return listed

    # The public page

    def is_public(self, image: SeenImage) -> bool:
        """Return whether visitors see an image: all its names are known animals or blank.

        Identifications replace the findings of models in every analysis; `unsure` hides an image.
        """
        whole = self.seen.find_latest(image, None)
        is_stated = whole is not None and whole["kind"] in ("correct", "blank")
        if (whole is not None and whole["kind"] == "unsure") or not (image.runs or is_stated):
            return False
        for run, found in image.runs:
            for index, one in enumerate(found):
                own = self.seen.find_latest(image, (run["key"], index))
                if own is not None and own["kind"] == "unsure":
                    return False
                is_replaced = own is not None and own["kind"] in ("correct", "blank")
                if (
                    is_stated
                    and whole is not None
                    and (own is None or self.seen.is_later(whole, own))
                ):
                    is_replaced = True
                if (
                    not is_replaced
                    and one["name"] not in self.seen.labels
                    and one["name"] not in BLANK_NAMES
                ):
                    return False
        return True


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
    if one.kind == "unclassified":
        return ("", "", None)
    if one.said is not None:
        return ("human", one.said["by"] if with_people else "", None)
    return ("machine", "", one.confidence)
