"""Duplicates among several analyses of an image: an export has each animal once."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec

from trapline.server.exports.formats.export_assembly import ExportNames, ExportPage, build_records
from trapline.server.exports.formats.export_records import ImageRecord
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import (
    Observation,
    ObservationType,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.exports.queries.export_gathering import (
    ExportedAnnotation,
    ExportedIdentification,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
IMAGE, OLD, NEW, OTHER = (UUID(int=number) for number in (1, 10, 11, 12))
SEQUENCE = UUID(int=5)
ROW = SimpleNamespace(
    id=IMAGE,
    deployment_id=UUID(int=2),
    filename="a.jpg",
    source_path=None,
    media_type="image/jpeg",
    width=200,
    height=100,
    captured_at=NOON,
    captured_at_source="exif",
    time_zone="UTC",
    sha256=b"",
    size_bytes=1,
    storage_key="a",
    upright_key=None,
    sequence_id=SEQUENCE,
    starred=False,
    flags=[],
    exif={},
    source_id=None,
    read_at=None,
)


def _box(
    number: int, analysis: UUID, left: int = 0, name: str = "animal", **more: Any
) -> ExportedAnnotation:
    data = f'{{"x_min": {left}, "y_min": 0, "x_max": {left + 50}, "y_max": 50}}'
    given: dict[str, Any] = {
        "type": "bounding_box", "parent_id": None, "made_by": "other" if analysis == OTHER else "m",
        "is_newest": analysis != OLD, "is_latest": analysis == NEW, "confidence": 0.9,
    }  # fmt: skip
    return ExportedAnnotation(
        image_id=IMAGE,
        analysis_id=analysis,
        model_version="1",
        completed_at=NOON,
        id=UUID(int=100 + number),
        class_name=name,
        **({"data": data, "model_name": "m"} | given | more),
    )


def _said(
    of: int | None, kind: str, analysis: UUID = OLD, minutes: int = 0, **more: Any
) -> ExportedIdentification:
    plain = dict.fromkeys(("taxon", "label", "comment", "count", "sex", "life_stage", "behaviour"))
    return ExportedIdentification(
        id=UUID(int=1000 + minutes),
        image_id=IMAGE,
        annotation_id=None if of is None else UUID(int=100 + of),
        analysis_id=analysis,
        kind=kind,
        made_by="u",
        at=NOON + timedelta(minutes=minutes),
        **(plain | more),
    )


def _see(
    found: list[ExportedAnnotation], said: list[ExportedIdentification], **more: Any
) -> tuple[ImageRecord, list[Observation]]:
    page = ExportPage(images=[ROW], found=found, said=said, shown={IMAGE}, sequences={SEQUENCE: 4})
    [record] = build_records(page, ExportNames(people={}, meanings={}, **more))
    seen = build_observations(
        msgspec.json.decode(msgspec.json.encode(record), type=ObservedImage), TaxonResolver({})
    )
    return record, seen


def test_identification_of_an_older_box_is_kept_after_a_new_run() -> None:
    again = [_box(1, NEW, left=5), _box(2, NEW, left=120), _box(3, OLD), _box(4, OLD, left=60)]
    record, seen = _see(again, [_said(3, "correct", label="lynx", count=2)])
    assert [(one.label, one.said and one.said.count) for one in seen] == [
        ("animal", None),
        ("lynx", 2),
    ]
    assert [one.id.int - 100 for one in record.found] == [2, 3], (
        "what nobody spoke of in the older run is gone"
    )
    assert (record.shown, record.sequence_images) == (True, 4)
    _, seen = _see(again[:1] + again[2:], [_said(3, "blank")])
    assert [(one.kind, one.said is not None) for one in seen] == [(ObservationType.BLANK, True)]
    both = [_said(3, "correct", label="lynx"), _said(1, "correct", NEW, 9, label="fox")]
    assert [one.label for one in _see(again, both)[1]] == ["fox", "animal"], "the last word holds"


def test_confirmed_older_analysis_is_kept() -> None:
    name = _box(4, OLD, name="lynx", type="classification", parent_id=UUID(int=103), confidence=0.3)
    found = [_box(1, NEW, name="fox"), _box(3, OLD, name="deer"), name]
    record, seen = _see(found, [_said(None, "confirm", count=3, sex="female", comment="seen")])
    assert [one.label for one in seen] == ["lynx"]
    assert seen[0].said is not None
    assert (seen[0].said.count, seen[0].said.sex) == (3, "female")
    assert record.said is not None
    assert (record.said.count, record.said.of_image) == (3, False)
    of_box = record.found[0].said
    assert of_box is not None
    assert (of_box.count, of_box.sex, of_box.comment, of_box.of_image) == (None, None, "seen", True)
    assert [one.label for one in _see(found, [_said(None, "blank")])[1]] == [""]


def test_name_below_the_minimum_confidence_is_left_out() -> None:
    own, name = (
        _box(
            number,
            NEW,
            name=label,
            type="classification",
            parent_id=UUID(int=101),
            confidence=sure,
            model_name=model,
            data=f'{{"terminal": {terminal}}}',
        )
        for number, label, sure, model, terminal in (
            (2, "animal", 0.9, "m", "false"),
            (3, "fox", 0.4, "n", "true"),
        )
    )
    for found, least, told in (
        ([own, name], 0.3, ("fox", 0.4)), ([own, name], 0.5, ("animal", 0.9)),
        ([name], 0.5, ("", 0.9)),
    ):  # fmt: skip
        _, [one] = _see([_box(1, NEW, name="fox"), *found], [], confidence_min=least)
        assert (one.label, one.confidence) == told


def test_blank_and_reviewed_are_as_of_the_start() -> None:
    def nothing(analysis: UUID) -> ExportedAnnotation:
        return _box(0, analysis)._replace(id=None, type="")

    custom = _box(1, NEW, type="custom", data="{}")
    outside = _box(1, NEW, data='{"x_min": 0, "y_min": 0, "x_max": 0, "y_max": 0, "empty": true}')
    guess = _box(1, NEW, type="classification", data='{"terminal": false}')
    found_by_other = _box(2, OTHER)._replace(is_latest=True)
    cases = [
        ([], None, ObservationType.UNCLASSIFIED),
        ([nothing(NEW)], True, ObservationType.BLANK),
        ([_box(1, NEW)], False, ObservationType.ANIMAL),
        ([outside], True, ObservationType.BLANK),
        ([guess], True, ObservationType.ANIMAL),
        ([custom], None, ObservationType.BLANK),
        ([custom, found_by_other], False, ObservationType.ANIMAL),
        ([custom, nothing(OTHER)], True, ObservationType.BLANK),
        ([nothing(NEW), found_by_other], False, ObservationType.ANIMAL),
        ([_box(1, NEW, name="Blank")], True, ObservationType.BLANK),
    ]
    for found, is_blank, kind in cases:
        record, [one] = _see(found, [])
        assert (record.blank, one.kind, record.reviewed) == (is_blank, kind, False), found
    record, _ = _see([nothing(NEW)], [_said(None, "confirm", NEW)])
    assert record.reviewed


def test_latest_of_several_models_is_shown() -> None:
    found = [_box(1, NEW), _box(2, OTHER, left=5), _box(3, OTHER, left=120)]
    record, seen = _see(found, [])
    assert [one.id.int - 100 for one in record.found] == [1, 2, 3], (
        "where each model is told, all are"
    )
    assert [one.id for one in seen] == [str(UUID(int=101))]
    _, seen = _see(found, [_said(2, "correct", OTHER, label="lynx")])
    assert [one.label for one in seen] == ["lynx"], (
        "and nobody's box is beside the same of which somebody spoke"
    )


def test_box_below_the_minimum_is_kept_if_its_name_was_identified() -> None:
    name = _box(2, NEW, name="deer", type="classification", parent_id=UUID(int=101))
    _, seen = _see(
        [_box(1, NEW, confidence=0.1), name],
        [_said(2, "correct", NEW, label="lynx")],
        confidence_min=0.5,
    )
    assert [(one.label, one.box) for one in seen] == [("lynx", (0, 0, 50, 50))]
