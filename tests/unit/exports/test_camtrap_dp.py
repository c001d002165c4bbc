"""Camtrap DP: media, observations, events and the descriptor of an export."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.camtrap_packages import ABOUT, Package, export_package
from tests.support.format_spools import (
    LYNX,
    MAN,
    NOON,
    found,
    image,
    make_spool,
    observe,
    said,
    write_twice,
)

from trapline.server.exports.formats.camtrap_dp import write_export, write_package
from trapline.server.exports.formats.export_records import (
    ObservationRecord,
    StatedGroupRecord,
    StatedSequenceRecord,
)


def test_export_is_valid_and_has_all_columns(tmp_path: Path) -> None:
    child = found(
        2,
        "lynx",
        None,
        parent_id=UUID(int=10_001),
        taxon=LYNX.id,
        confidence=0.75,
        model_name="namer",
    )
    images = [
        image(1, found(1), child),
        image(2),
        image(3, found(3, "person")),
        image(4, found(4, "vehicle")),
        image(5, analysed=False, blank=None),
        image(6, found(6, "deer", None)),
    ]
    package = Package(
        *write_twice(write_export, make_spool(tmp_path, images, **ABOUT), tells_when=True)
    )
    assert package.report.problems == []
    assert package.report.written == 6
    lynx, blank, human, vehicle, not_looked_at, deer = package.observed()
    assert package.observed("event") == []
    wanted = {
        "observationType": "animal",
        "scientificName": "Lynx lynx",
        "count": "1",
        "sex": "",
        "lifeStage": "",
        "bboxX": "0.100000",
        "bboxY": "0.100000",
        "bboxWidth": "0.500000",
        "bboxHeight": "0.500000",
        "classificationMethod": "machine",
        "classifiedBy": "namer 1.2",
        "classificationProbability": "0.75",
        "classificationTimestamp": "2026-06-01T12:05:00Z",
        "eventStart": "2026-06-01T14:00:10+02:00",
        "eventEnd": "2026-06-01T14:00:10+02:00",
        "eventID": str(UUID(int=9000)),
        "mediaID": str(images[0].id),
    }
    assert {name: lynx[name] for name in wanted} == wanted
    kinds = [
        (row["observationType"], row["scientificName"])
        for row in (blank, human, vehicle, not_looked_at, deer)
    ]
    assert kinds == [
        ("blank", ""),
        ("human", "Homo sapiens"),
        ("vehicle", ""),
        ("unclassified", ""),
        ("animal", ""),
    ]
    assert not_looked_at["classificationMethod"] == ""
    assert (deer["observationTags"], deer["count"], deer["bboxX"]) == ("label:deer", "", "")
    assert [one.count for one in package.report.left_out if "“deer”" in one.what] == [1]
    media = package.tables["media"]
    assert [row["filePublic"] for row in media] == [
        "true",
        "true",
        "false",
        "false",
        "true",
        "true",
    ]
    assert media[0]["timestamp"] == "2026-06-01T14:00:10+02:00"
    assert (
        media[0]["filePath"]
        == f"https://traps.example.org/api/v2/public/projects/7/images/{images[0].id}/file"
    )
    [deployment] = package.tables["deployments"]
    assert (deployment["latitude"], deployment["coordinateUncertainty"]) == ("47.5", "13")
    assert (deployment["deploymentStart"], deployment["timestampIssues"]) == (
        "2026-06-01T14:00:10+02:00",
        "false",
    )
    assert deployment["deploymentEnd"] == "2026-06-01T14:01:00+02:00"


def test_descriptor_has_the_metadata_that_gbif_requires(tmp_path: Path) -> None:
    told = export_package(tmp_path, [image(1, found(1, "lynx", taxon=LYNX.id))]).descriptor
    assert (told["title"], told["description"], told["name"]) == (
        "Lynx of the Alps",
        "Where lynx go.",
        "lynx-of-the-alps",
    )
    assert [(one["name"], one["scope"]) for one in told["licenses"]] == [
        ("CC0-1.0", "data"),
        ("CC-BY-4.0", "media"),
    ]
    assert told["contributors"] == [{"title": "Ada", "role": "contact", "email": "ada@example.org"}]
    assert told["project"]["samplingDesign"] == "targeted"
    assert (told["created"], told["temporal"]) == (
        "2026-06-02T12:00:00Z",
        {"start": "2026-06-01", "end": "2026-06-01"},
    )
    [taxon] = told["taxonomic"]
    assert taxon["taxonID"] == "https://www.gbif.org/species/2435240"
    assert (taxon["family"], taxon["vernacularNames"]) == (
        "Felidae",
        {"eng": "Eurasian lynx", "deu": "Luchs"},
    )
    assert told["spatial"]["coordinates"][0][0] == [11.25, 47.5]
    bare = export_package(
        tmp_path, [image(1)], title=None, description=None, contributors=None, data_licence=None
    )
    assert bare.report.problems == []
    assert "licenses" not in bare.descriptor
    assert any("GBIF" in one.what for one in bare.report.left_out)
    assert len([one for one in bare.report.fixed if one.deployment is None]) == 4
    assert bare.descriptor["project"]["captureMethod"] == ["activityDetection"]
    assert any("activityDetection" in one.what for one in bare.report.fixed)


def test_verified_sequence_is_an_event(tmp_path: Path) -> None:
    right = said(sex="female", life_stage="adult", behaviour="resting")
    images = [
        image(
            1,
            found(1, "lynx", taxon=LYNX.id, said=right),
            found(2, "lynx", taxon=LYNX.id, said=right),
            reviewed=True,
        ),
        image(2, found(3, "lynx", taxon=LYNX.id, said=right), reviewed=True),
        image(3, found(4, "lynx", taxon=LYNX.id, said=said("blank")), reviewed=True),
        image(
            4,
            found(5, "deer", said=said("correct", taxon=MAN.id)),
            sequence_id=UUID(int=9001),
            reviewed=True,
        ),
        image(5, found(6, "lynx", taxon=LYNX.id), sequence_id=UUID(int=9001)),
        image(6, said=said("blank", comment="wind"), sequence_id=UUID(int=9002), reviewed=True),
        image(
            7,
            said=said("correct", taxon=LYNX.id, count=5),
            sequence_id=UUID(int=9003),
            reviewed=True,
        ),
    ]
    package = export_package(tmp_path, images)
    assert package.report.problems == []
    lynx, blank, whole = package.observed("event")
    wanted = {
        "eventID": str(UUID(int=9000)),
        "mediaID": "",
        "count": "2",
        "sex": "female",
        "lifeStage": "adult",
        "behavior": "resting",
        "classificationMethod": "human",
        "classifiedBy": "Ada",
        "scientificName": "Lynx lynx",
        "eventStart": "2026-06-01T14:00:10+02:00",
        "eventEnd": "2026-06-01T14:00:30+02:00",
        "classificationTimestamp": "2026-06-01T13:00:00Z",
        "classificationProbability": "",
    }
    assert {name: lynx[name] for name in wanted} == wanted
    assert (blank["observationType"], blank["observationComments"]) == ("blank", "wind")
    assert (whole["scientificName"], whole["count"]) == ("Lynx lynx", "5")
    by_media = {row["observationID"]: row for row in package.observed()}
    assert by_media[f"{images[2].id}-blank"]["classificationMethod"] == "human"
    assert by_media[str(UUID(int=10_005))]["observationType"] == "human"
    assert [row["filePublic"] for row in package.tables["media"]][3] == "false"
    assert package.descriptor["project"]["observationLevel"] == ["media", "event"]


def test_rejected_finding_does_not_verify_the_others(tmp_path: Path) -> None:
    wrong = found(1, "deer", said=said("blank"))
    package = export_package(
        tmp_path, [image(1, wrong, found(2, "deer", (150, 10, 190, 60)), reviewed=True)]
    )
    assert package.observed("event") == []
    assert package.descriptor["project"]["observationLevel"] == ["media"]
    [blank] = export_package(tmp_path, [image(1, wrong, reviewed=True)]).observed("event")
    assert (blank["observationType"], blank["classificationMethod"]) == ("blank", "human")


def test_part_of_a_sequence_is_not_a_verified_event(tmp_path: Path) -> None:
    lynx = found(1, "lynx", taxon=LYNX.id, said=said())
    part = image(1, lynx, reviewed=True, sequence_images=2)
    assert export_package(tmp_path, [part]).observed("event") == []
    rows = export_package(
        tmp_path, [part, image(2, said=said("blank"), reviewed=True, sequence_images=2)]
    ).observed("event")
    assert [row["scientificName"] for row in rows] == ["Lynx lynx"]


def test_counts_of_an_image_add_up_in_its_event(tmp_path: Path) -> None:
    """Two boxes and two animals without a box: the rows are those of the stated count."""
    of_box, rest = said("correct", count=1, sex="female"), said("correct", count=2, sex="female")
    boxes = [found(number, "deer", (number, 0, 90, 50)) for number in range(2)]
    observed = [observe(box, of_box, label="deer", kind="animal") for box in boxes]
    observed.append(ObservationRecord(UUID(int=7), "animal", "deer", said=rest))
    seen = image(1, *boxes, observed=observed, reviewed=True)
    package = export_package(tmp_path, [seen])
    assert [(row["count"], row["sex"]) for row in package.observed()] == [
        ("1", "female"), ("1", "female"), ("2", "female"),
    ]  # fmt: skip
    assert [(row["count"], row["sex"]) for row in package.observed("event")] == [("4", "female")]
    fewer = image(2, boxes[0], observed=observed[:1], reviewed=True)
    package = export_package(tmp_path, [seen, fewer])
    assert [row["count"] for row in package.observed("event")] == ["4"], "the largest sum"


def test_count_of_a_sequence_is_the_one_that_was_stated(tmp_path: Path) -> None:
    """Neither boxes nor counts of its images add to it; a blank image belongs to it."""
    each = said("correct", count=1)
    lynx: dict[str, Any] = {"kind": "animal", "taxon": LYNX.id, "label": "lynx"}
    stated = StatedSequenceRecord("Ada", NOON, "a family", [StatedGroupRecord(**lynx, count=2)])
    boxes = [found(number, "lynx", (number, 0, 90, 50), taxon=LYNX.id) for number in range(3)]
    observed = [observe(box, each, **lynx) for box in boxes]
    images = [
        image(1, *boxes, observed=observed, stated=stated, reviewed=True),
        image(2, observed=[ObservationRecord(UUID(int=7), "blank")], stated=stated, reviewed=True),
    ]
    package = export_package(tmp_path, images)
    assert package.report.problems == []
    assert [row["count"] for row in package.observed()] == ["1", "1", "1", ""]
    [event] = package.observed("event")
    assert (event["scientificName"], event["count"], event["classifiedBy"]) == (
        "Lynx lynx", "2", "Ada",
    )  # fmt: skip
    [alone] = export_package(tmp_path, images[1:]).observed("event")
    assert (alone["count"], alone["observationComments"]) == ("2", "a family")


def test_imported_event_replaces_details_of_the_images_of_its_package(tmp_path: Path) -> None:
    """Individuals have a row each; IDs of an imported package are kept."""
    lynx: dict[str, Any] = {"kind": "animal", "taxon": LYNX.id, "label": "lynx"}
    groups = [
        StatedGroupRecord(**lynx, count=1, individual_id="Ada", external_id="o1"),
        StatedGroupRecord(**lynx, count=1, individual_id="Bo", external_id="o2"),
        StatedGroupRecord(**lynx, count=2, life_stage="juvenile", external_id="o3"),
    ]
    stated = StatedSequenceRecord("Ada", NOON, None, groups, event_id="e1")
    male = said("correct", sex="male", count=2, external=["o4", "e1", ""])
    seen = image(
        1, found(1, "lynx"), observed=[observe(found(1, "lynx"), male, **lynx)], stated=stated,
        reviewed=True,
    )  # fmt: skip
    package = export_package(tmp_path, [seen])
    assert package.report.problems == []
    columns = ("observationID", "eventID", "count", "sex", "lifeStage", "individualID")
    assert [tuple(row[name] for name in columns) for row in package.observed("event")] == [
        ("o1", "e1", "1", "", "", "Ada"),
        ("o2", "e1", "1", "", "", "Bo"),
        ("o3", "e1", "2", "", "juvenile", ""),
    ]


def test_individual_of_a_sequence_has_one_row(tmp_path: Path) -> None:
    lynx: dict[str, Any] = {"kind": "animal", "taxon": LYNX.id, "label": "lynx"}
    groups = [StatedGroupRecord(**lynx, count=1, individual_id="Ada")]
    stated = StatedSequenceRecord("Ada", NOON, None, groups)
    named = said("correct", individual_id="Ada")
    box = found(1, "lynx", taxon=LYNX.id)
    seen = image(1, box, observed=[observe(box, named, **lynx)], stated=stated, reviewed=True)
    [event] = export_package(tmp_path, [seen]).observed("event")
    assert (event["count"], event["individualID"]) == ("1", "Ada")


def test_imported_events_of_one_sequence_are_combined(tmp_path: Path) -> None:
    lynx: dict[str, Any] = {"kind": "animal", "taxon": LYNX.id, "label": "lynx"}
    deer: dict[str, Any] = {"kind": "animal", "label": "deer"}
    groups = [StatedGroupRecord(**lynx, count=3), StatedGroupRecord(**deer, count=1)]
    first = StatedSequenceRecord("Ada", NOON, None, groups, event_id="e1")
    groups = [StatedGroupRecord(**lynx, count=2)]
    later = StatedSequenceRecord("Ada", NOON + timedelta(hours=1), None, groups, event_id="e2")
    images = [
        image(number, observed=[], stated=stated, reviewed=True, sequence_id=UUID(int=9001))
        for number, stated in ((1, first), (2, later))
    ]
    package = export_package(tmp_path, images)
    assert {(row["observationTags"], row["count"]) for row in package.observed("event")} == {
        ("", "3"), ("label:deer", "1"),
    }  # fmt: skip


def test_event_counts_the_observations_of_an_image(tmp_path: Path) -> None:
    places = [(number * 40, 0, number * 40 + 30, 50) for number in range(4)]
    boxes = [found(number, "lynx", place, taxon=LYNX.id) for number, place in enumerate(places)]
    named = said("correct", taxon=LYNX.id)
    one = found(1, "lynx", places[1], taxon=LYNX.id, said=named)
    two = found(5, "lynx", places[3], taxon=LYNX.id, said=named, analysis_id=UUID(int=5001))
    package = export_package(tmp_path, [image(1, *boxes[2:], one, reviewed=True)])
    assert [row["count"] for row in package.observed("event")] == ["3"]
    package = export_package(tmp_path, [image(1, one, two, reviewed=True)])
    assert [row["count"] for row in package.observed("event")] == ["2"], (
        "people named animals of two models"
    )
    package = export_package(tmp_path, [image(1, *boxes, reviewed=True)])
    assert package.observed("event") == []


def test_individual_is_exported(tmp_path: Path) -> None:
    named = said("correct", taxon=LYNX.id, individual_id="Bjorn, the old")
    package = export_package(tmp_path, [image(1, found(1, "lynx", said=named))])
    assert [row["individualID"] for row in package.observed()] == ["Bjorn, the old"]
    assert package.descriptor["project"]["individualAnimals"] is True


def test_image_hidden_from_visitors_is_not_public(tmp_path: Path) -> None:
    images = [image(1, found(1)), image(2, found(2), shown=False), image(3, found(3, "person"))]
    images[0].media_type = images[1].media_type = "image/png"
    rows = export_package(tmp_path, images).tables["media"]
    # Visitors are given a JPEG, whatever the original is.
    assert [(row["filePublic"], row["filePath"][:6], row["fileMediatype"]) for row in rows] == [
        ("true", "https:", "image/jpeg"),
        ("false", "media/", "image/png"),
        ("false", "media/", "image/jpeg"),
    ]
    spool = make_spool(tmp_path, images, **ABOUT)
    spool.about.public = False
    out = io.BytesIO()
    package = Package(write_package(spool, out)[0], out.getvalue())
    assert {(row["filePublic"], row["filePath"][:6]) for row in package.tables["media"]} == {
        ("false", "media/")
    }
    assert any("not public" in one.what for one in package.report.left_out)


def test_observation_ids_of_events_do_not_depend_on_other_images(tmp_path: Path) -> None:
    lynx = image(1, found(1, "lynx", taxon=LYNX.id, said=said()), reviewed=True)
    [before] = export_package(tmp_path, [lynx]).observed("event")
    man = image(0, found(2, "x", said=said("correct", taxon=MAN.id)), reviewed=True)
    _, after = export_package(tmp_path, [man, lynx]).observed("event")
    assert (before["observationID"], before["scientificName"]) == (
        after["observationID"],
        after["scientificName"],
    )


def test_unknown_sex_is_empty(tmp_path: Path) -> None:
    odd = said(sex="unknown", life_stage="unknown")
    package = export_package(
        tmp_path, [image(1, found(1, "lynx", taxon=LYNX.id, said=odd), reviewed=True)]
    )
    assert package.report.problems == []
    assert {(row["sex"], row["lifeStage"]) for row in package.tables["observations"]} == {("", "")}
