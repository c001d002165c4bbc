"""What the images of an export show, whatever its format: an observation each, by a person where
one said something.

A box is one observation: the classifications under it say what it is (`box_names`), and are none of
their own, nor are the key points of a mask. Masks that are files, heatmaps and custom data are no
observations.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from trapline.server.exports.formats.box_labels import find_box_label
from trapline.server.exports.formats.export_records import TaxonRecord
from trapline.server.external.formats.coco_analysis import build_shape
from trapline.server.findings.formats.label_words import NOT_KNOWN, THINGS
from trapline.server.findings.rules.blank_labels import is_blank_label
from trapline.server.findings.rules.geometry import Frame, PixelBox, clip_box
from trapline.server.public.rules.public_redaction import KEPT_BACK, NAMES_PEOPLE, PEOPLE, VEHICLES

BOX, CLASSIFICATION = "bounding_box", "classification"
DRAWN = frozenset({"segmentation", "keypoint"})
CLASS_PARTS = 7
"""Of a class string of SpeciesNet: `uuid;class;order;family;genus;species;common name`."""


class ObservationType(StrEnum):
    """What an observation is of, in the words of Camtrap DP."""

    ANIMAL = "animal"
    HUMAN = "human"
    VEHICLE = "vehicle"
    BLANK = "blank"
    UNKNOWN = "unknown"
    UNCLASSIFIED = "unclassified"


class ObservedIdentification(msgspec.Struct, gc=False):
    """What a person said that holds: a `SaidRecord` with its ids and times as text."""

    kind: str
    by: str
    at: str
    taxon: str | None = None
    label: str | None = None
    comment: str | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    of_image: bool = False
    external: list[str] | None = None


class ObservedAnnotation(msgspec.Struct, gc=False):
    """An annotation: a `FoundRecord` of which the data is read where it is needed."""

    id: str
    analysis_id: str
    type: str
    data: msgspec.Raw
    class_name: str | None = None
    confidence: float | None = None
    parent_id: str | None = None
    taxon: str | None = None
    model_name: str = ""
    model_version: str = ""
    at: str | None = None
    said: ObservedIdentification | None = None
    aside: bool = False
    external: list[str] | None = None

    @property
    def model(self) -> str:
        """The model that found it, with its version."""
        return f"{self.model_name} {self.model_version}".strip()

    @property
    def terminal(self) -> bool | None:
        """Whether it names its box to people; None where its result does not say."""
        if b'"terminal"' not in bytes(self.data):
            return None
        says = _read_says(self.data).terminal
        return says if isinstance(says, bool) else None


class ObservedImage(msgspec.Struct):
    """An image: an `ImageRecord` with its ids as text."""

    id: str
    deployment_id: str
    filename: str
    path: str
    media_type: str
    width: int
    height: int
    captured_at: datetime
    captured_at_source: str
    time_zone: str
    sha256: str
    file: str
    upright_file: str | None = None
    sequence_id: str | None = None
    blank: bool | None = None
    reviewed: bool = False
    starred: bool = False
    tags: list[str] = []
    flags: list[str] = []
    exif: dict[str, Any] = {}
    analysed: bool = False
    shown: bool = False
    sequence_images: int = 0
    said: ObservedIdentification | None = None
    found: list[ObservedAnnotation] = []
    media_id: str = ""
    external: list[str] | None = None

    @property
    def event_id(self) -> str:
        """Its sequence, or itself while it is in none."""
        return self.sequence_id or self.id


class Observation(msgspec.Struct, gc=False):
    """One thing that is seen on an image; `box` is left, top, width and height in upright pixels,
    within the image.

    `said` is what a person said of it, and None where a model alone speaks. `found` is the
    annotation it stands on, and `named_by` the one that says what it is, of which `confidence` is:
    that of a classifier, where one named a box. `parts` are drawn of the same thing.
    """

    id: str
    kind: ObservationType
    taxon: str | None = None
    label: str = ""
    confidence: float | None = None
    box: tuple[float, float, float, float] | None = None
    found: ObservedAnnotation | None = None
    said: ObservedIdentification | None = None
    named_by: ObservedAnnotation | None = None
    parts: Sequence[ObservedAnnotation] = ()


class BoxCorners(msgspec.Struct, gc=False):
    """The corners of a box, which is empty where it lay outside of its image."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    empty: bool = False


class ObservedTaxon(NamedTuple):
    """What a label or a taxon stands for; `scientific_name` is empty where no taxon says it."""

    kind: ObservationType
    scientific_name: str
    shows_people: bool


class _Says(msgspec.Struct):
    terminal: Any = None


_read_corners = msgspec.json.Decoder(BoxCorners).decode
_read_says = msgspec.json.Decoder(_Says).decode


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of PostgreSQL."""
    return re.compile(
        pattern.replace("[^[:alpha:]]", r"[\W\d_]").replace("[[:alpha:]]", r"[^\W\d_]"),
        re.IGNORECASE,
    )


_IS_PERSON, _IS_VEHICLE = _compile(PEOPLE), _compile(VEHICLES)
_SHOWS_PEOPLE, _IS_KEPT_BACK = _compile(NAMES_PEOPLE), _compile(KEPT_BACK)


class TaxonResolver:
    """What the labels and taxa of an export stand for; each is looked at once."""

    def __init__(self, taxa: Mapping[UUID, TaxonRecord]) -> None:
        self.taxa = {str(key): taxon for key, taxon in taxa.items()}
        self._known: dict[tuple[str, str | None], ObservedTaxon] = {}
        self._tags: dict[str, bool] = {}
        self.formless = 0
        """How many annotations had no form: masks, heatmaps and custom data."""

    def find(self, label: str, taxon: str | None) -> ObservedTaxon:
        """Find what a label, or the taxon that it means, stands for."""
        named = self._known.get((label, taxon))
        if named is None:
            named = self._known[label, taxon] = self._name(label, taxon)
        return named

    def title(self, observation: Observation) -> str:
        """The class of an observation in one word: its taxon's name, else its label, else what kind it is."""
        named = self.find(observation.label, observation.taxon)
        return named.scientific_name or observation.label or observation.kind.value

    def is_withheld(self, image: ObservedImage) -> bool:
        """Whether an image is kept from the public: people are on it, or were said to be, or a tag keeps it back."""
        for tag in image.tags:
            if tag not in self._tags:
                self._tags[tag] = _IS_KEPT_BACK.search(tag) is not None
            if self._tags[tag]:
                return True
        if image.said is not None and self._shows_people(image.said.label, image.said.taxon):
            return True
        for found in image.found:
            said = found.said
            if said is not None and self._shows_people(said.label, said.taxon):
                return True
            if getattr(said or image.said, "kind", "") not in (
                "correct",
                "blank",
            ) and self._shows_people(found.class_name, found.taxon):
                return True
        return False

    def _shows_people(self, label: str | None, taxon: str | None) -> bool:
        return bool(label or taxon) and self.find(label or "", taxon).shows_people

    def _name(self, label: str, taxon: str | None) -> ObservedTaxon:
        known = self.taxa.get(taxon) if taxon is not None else None
        if known is not None:
            is_human = known.scientific_name.split(" ")[0] == "Homo"
            names = (label, *(name for names in known.common_names.values() for name in names))
            people = is_human or any(_SHOWS_PEOPLE.search(name) for name in names)
            return ObservedTaxon(
                ObservationType.HUMAN if is_human else ObservationType.ANIMAL,
                known.scientific_name,
                people,
            )
        parts = label.split(";")
        word = (parts[-1] if len(parts) == CLASS_PARTS else label).strip().lower()
        people = _SHOWS_PEOPLE.search(label) is not None
        if not word or word in NOT_KNOWN or word in THINGS:
            return ObservedTaxon(ObservationType.UNKNOWN, "", people)
        if is_blank_label(label):
            return ObservedTaxon(ObservationType.BLANK, "", False)
        if _IS_PERSON.search(label):
            return ObservedTaxon(ObservationType.HUMAN, "Homo sapiens", True)
        if _IS_VEHICLE.search(label):
            return ObservedTaxon(ObservationType.VEHICLE, "", True)
        return ObservedTaxon(ObservationType.ANIMAL, "", people)


def build_observations(image: ObservedImage, naming: TaxonResolver) -> list[Observation]:
    """List what is seen on an image; one without anything is one observation, that it is blank or not looked at yet."""
    whole = image.said
    seen: list[Observation] = []
    nothing: Observation | None = None
    if whole is None or whole.kind != "blank":
        under, drawn = _list_parts(image.found)
        for found in image.found:
            if found.aside or (found.parent_id is not None and _is_part(found, under, drawn)):
                continue
            if found.type not in (BOX, CLASSIFICATION) and found.type not in DRAWN:
                naming.formless += 1
                continue
            one = _look(found, under.get(found.id), image, naming)
            if one is None:
                continue
            one.parts = drawn.get(found.id, ())
            if one.kind is not ObservationType.BLANK:
                seen.append(one)
            elif nothing is None or _outdoes(one, nothing):
                nothing = one
        if whole is not None and whole.kind in ("correct", "confirm"):
            is_named = _share(whole, seen)
            if whole.kind == "correct" and not is_named:
                seen.append(_say(f"{image.id}-image", whole, naming))
        elif whole is not None and whole.kind == "unsure":
            seen.append(_say(f"{image.id}-image", whole, naming))
        if seen:
            return seen
    return [_see_nothing(image, whole, nothing)]


def _share(whole: ObservedIdentification, seen: list[Observation]) -> bool:
    """Give the details of a statement about the whole image to what it names; return whether it
    names anything.

    Details apply where all of it is of one kind. The counts add up to the stated one: each
    observation counts for one, the first also for those without a box, and one that exceeds the
    stated count has the count 0.
    """
    named = [(one, one.said) for one in seen if one.said is not None and one.said.of_image]
    if len({(one.kind, one.taxon or one.label) for one, _ in named}) == 1:
        for place, (one, said) in enumerate(named):
            count = None
            if whole.count is not None:
                count = (
                    max(whole.count - len(named) + 1, 1) if place == 0 else int(place < whole.count)
                )
            one.said = msgspec.structs.replace(
                said,
                count=count,
                sex=whole.sex,
                life_stage=whole.life_stage,
                behaviour=whole.behaviour,
            )
    return bool(named)


def _list_parts(
    found: list[ObservedAnnotation],
) -> tuple[dict[str, list[ObservedAnnotation]], dict[str, list[ObservedAnnotation]]]:
    """List what hangs on annotations that are there: the classifications of boxes, and what is drawn of the same."""
    under: dict[str, list[ObservedAnnotation]] = {}
    drawn: dict[str, list[ObservedAnnotation]] = {}
    there: set[str] | None = None
    for one in found:
        if one.parent_id is not None and one.type != BOX:
            if there is None:
                there = {other.id for other in found}
            if one.parent_id in there:
                (under if one.type == CLASSIFICATION else drawn).setdefault(
                    one.parent_id, []
                ).append(one)
    return under, drawn


def _is_part(
    found: ObservedAnnotation,
    under: Mapping[str, list[ObservedAnnotation]],
    drawn: Mapping[str, list[ObservedAnnotation]],
) -> bool:
    return found.type != BOX and (found.parent_id in under or found.parent_id in drawn)


def _outdoes(one: Observation, other: Observation) -> bool:
    """Whether one thing that is said to be nothing is told before another: what people said, then what is surest."""
    if one.said is None and other.said is None:
        return (one.confidence or 0) > (other.confidence or 0)
    return one.said is not None


def _look(
    found: ObservedAnnotation,
    under: Sequence[ObservedAnnotation] | None,
    image: ObservedImage,
    naming: TaxonResolver,
) -> Observation | None:
    """Describe what an annotation shows, which may be blank; None for a box that lies nowhere."""
    named_by, said = found, found.said
    name = find_box_label(found, under) if under is not None else None
    if name is not None:
        named_by, said = name if _tells_more(name, found, naming) else found, name.said or said
    label, taxon, confidence = named_by.class_name or "", named_by.taxon, named_by.confidence
    if said is not None:
        confidence = None
        if said.kind == "correct":
            label, taxon = said.label or "", said.taxon
    if said is not None and said.kind in ("blank", "unsure"):
        kind, taxon = (
            ObservationType.BLANK if said.kind == "blank" else ObservationType.UNKNOWN,
            None,
        )
    else:
        kind = naming.find(label, taxon).kind
    box = None
    if found.type != CLASSIFICATION and kind is not ObservationType.BLANK:
        box = _find_box(found, image)
        if box is None and found.type == BOX and (said is None or said.kind != "unsure"):
            return None
    return Observation(found.id, kind, taxon, label, confidence, box, found, said, named_by)


def _tells_more(name: ObservedAnnotation, found: ObservedAnnotation, naming: TaxonResolver) -> bool:
    """Whether a name says more than the label of its box, and does not take a taxon or a known kind away."""
    if name.taxon is not None or (name.said is not None and found.said is None):
        return True
    if found.taxon is not None:
        return False
    if naming.find(name.class_name or "", name.taxon).kind is not ObservationType.UNKNOWN:
        return True
    return naming.find(found.class_name or "", found.taxon).kind is ObservationType.UNKNOWN


def _find_box(
    found: ObservedAnnotation, image: ObservedImage
) -> tuple[float, float, float, float] | None:
    """Find where an annotation lies within its image; None for nowhere."""
    if found.type == BOX:
        corners = _read_corners(found.data)
        x_min, y_min, x_max, y_max = corners.x_min, corners.y_min, corners.x_max, corners.y_max
        if 0 <= x_min < x_max <= image.width and 0 <= y_min < y_max <= image.height:
            return x_min, y_min, x_max - x_min, y_max - y_min
    elif found.type in DRAWN:
        form = build_shape(
            found.type, msgspec.json.decode(found.data), Frame(image.width, image.height)
        )
        assert form is not None
        x_min, y_min, width, height = form["bbox"]
        x_max, y_max = x_min + width, y_min + height
    else:
        return None
    cut = clip_box(PixelBox(x_min, y_min, x_max, y_max), Frame(image.width, image.height))
    return (
        None
        if cut.is_empty
        else (cut.x_min, cut.y_min, cut.x_max - cut.x_min, cut.y_max - cut.y_min)
    )


def _say(key: str, said: ObservedIdentification, naming: TaxonResolver) -> Observation:
    if said.kind == "unsure":
        return Observation(key, ObservationType.UNKNOWN, said=said)
    label = said.label or ""
    return Observation(key, naming.find(label, said.taxon).kind, said.taxon, label, said=said)


def _see_nothing(
    image: ObservedImage, said: ObservedIdentification | None, nothing: Observation | None
) -> Observation:
    """Describe an image on which nothing is seen; `nothing` is by whom it is said of something that was found."""
    if said is None and nothing is not None:
        found, named_by = nothing.found, nothing.named_by
        return Observation(
            f"{image.id}-blank",
            ObservationType.BLANK,
            None,
            "",
            nothing.confidence,
            None,
            found,
            nothing.said,
            named_by,
        )
    found = next((one for one in image.found if not one.aside), None)
    if said is not None or image.blank or (image.blank is None and image.analysed):
        return Observation(
            f"{image.id}-blank", ObservationType.BLANK, found=found, said=said, named_by=found
        )
    # Something was found, and what was found is too unsure to be in this export.
    kind = ObservationType.UNKNOWN if image.analysed else ObservationType.UNCLASSIFIED
    return Observation(f"{image.id}-{kind}", kind, found=found, named_by=found)
