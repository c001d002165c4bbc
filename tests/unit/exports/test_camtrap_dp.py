"""Camtrap DP: what the standard wants of an export, said by the field's own validator and row by row."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.support.format_spools import (
    HOSTILE,
    LYNX,
    MAN,
    NOON,
    PLACE,
    found,
    image,
    make_spool,
    said,
    write_twice,
)

from trapline.server.exports.formats.camtrap_dp import write_export, write_package
from trapline.server.exports.formats.camtrap_dp_validation import (
    TABLES,
    find_invalid_row,
    load_schema,
    validate_package,
)
from trapline.server.exports.formats.export_records import (
    MOST_LISTED,
    ExportIssue,
    ExportReport,
    ImageRecord,
    truncate_list,
)

Row = dict[str, str]
ABOUT: dict[str, Any] = {
    "title": "Lynx of the Alps", "description": "Where lynx go.", "data_licence": "CC0-1.0",
    "media_licence": "CC-BY-4.0", "contributors": [{"title": "Ada", "role": "contact", "email": "ada@example.org"}],
    "sampling_design": "targeted",
}  # fmt: skip


class Package:
    """A package as it was read back."""

    def __init__(self, report: ExportReport, content: bytes) -> None:
        self.report = report
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            texts = {name: archive.read(name).decode() for name in archive.namelist()}
        assert sorted(texts) == [
            "datapackage.json",
            "deployments.csv",
            "media.csv",
            "observations.csv",
        ]
        self.descriptor = json.loads(texts["datapackage.json"])
        self.texts = texts
        self.tables: dict[str, list[Row]] = {}
        for table in TABLES:
            reader = csv.DictReader(io.StringIO(texts[f"{table}.csv"], newline=""))
            self.tables[table] = list(reader)
            assert reader.fieldnames == [field["name"] for field in load_schema(table)["fields"]]
            assert all(None not in row and None not in row.values() for row in self.tables[table])

    def observed(self, level: str = "media") -> list[Row]:
        return [row for row in self.tables["observations"] if row["observationLevel"] == level]


def _export(folder: Path, images: list[ImageRecord], **more: Any) -> Package:
    """Export, each row held against the standard; Frictionless, which takes seconds to load, is asked where it says."""
    out = io.BytesIO()
    report, _ = write_package(make_spool(folder, images, **(ABOUT | more)), out)
    return Package(report, out.getvalue())


def test_an_export_is_valid_and_has_every_column(tmp_path: Path) -> None:
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
        image(1, found(1), child), image(2), image(3, found(3, "person")), image(4, found(4, "vehicle")),
        image(5, analysed=False, blank=None), image(6, found(6, "deer", None)),
    ]  # fmt: skip
    package = Package(
        *write_twice(write_export, make_spool(tmp_path, images, **ABOUT), tells_when=True)
    )
    assert package.report.problems == []
    assert package.report.written == 6
    lynx, blank, human, vehicle, not_looked_at, deer = package.observed()
    assert package.observed("event") == []
    wanted = {
        "observationType": "animal", "scientificName": "Lynx lynx", "count": "1", "sex": "", "lifeStage": "",
        "bboxX": "0.100000", "bboxY": "0.100000", "bboxWidth": "0.500000", "bboxHeight": "0.500000",
        "classificationMethod": "machine", "classifiedBy": "namer 1.2", "classificationProbability": "0.75",
        "classificationTimestamp": "2026-06-01T12:05:00Z", "eventStart": "2026-06-01T14:00:10+02:00",
        "eventEnd": "2026-06-01T14:00:10+02:00", "eventID": str(UUID(int=9000)), "mediaID": str(images[0].id),
    }  # fmt: skip
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


def test_the_descriptor_says_what_gbif_asks_for(tmp_path: Path) -> None:
    told = _export(tmp_path, [image(1, found(1, "lynx", taxon=LYNX.id))]).descriptor
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
    bare = _export(
        tmp_path, [image(1)], title=None, description=None, contributors=None, data_licence=None
    )
    assert bare.report.problems == []
    assert "licenses" not in bare.descriptor
    assert any("GBIF" in one.what for one in bare.report.left_out)
    assert len([one for one in bare.report.fixed if one.deployment is None]) == 4
    assert bare.descriptor["project"]["captureMethod"] == ["activityDetection"]
    assert any("activityDetection" in one.what for one in bare.report.fixed)


def test_a_verified_sequence_is_an_event(tmp_path: Path) -> None:
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
    package = _export(tmp_path, images)
    assert package.report.problems == []
    lynx, blank, whole = package.observed("event")
    wanted = {
        "eventID": str(UUID(int=9000)), "mediaID": "", "count": "2", "sex": "female", "lifeStage": "adult",
        "behavior": "resting", "classificationMethod": "human", "classifiedBy": "Ada", "scientificName": "Lynx lynx",
        "eventStart": "2026-06-01T14:00:10+02:00", "eventEnd": "2026-06-01T14:00:30+02:00",
        "classificationTimestamp": "2026-06-01T13:00:00Z", "classificationProbability": "",
    }  # fmt: skip
    assert {name: lynx[name] for name in wanted} == wanted
    assert (blank["observationType"], blank["observationComments"]) == ("blank", "wind")
    assert (whole["scientificName"], whole["count"]) == ("Lynx lynx", "5")
    by_media = {row["observationID"]: row for row in package.observed()}
    assert by_media[f"{images[2].id}-blank"]["classificationMethod"] == "human"
    assert by_media[str(UUID(int=10_005))]["observationType"] == "human"
    assert [row["filePublic"] for row in package.tables["media"]][3] == "false"
    assert package.descriptor["project"]["observationLevel"] == ["media", "event"]


def test_what_people_took_away_says_nothing_of_the_rest(tmp_path: Path) -> None:
    wrong = found(1, "deer", said=said("blank"))
    package = _export(
        tmp_path, [image(1, wrong, found(2, "deer", (150, 10, 190, 60)), reviewed=True)]
    )
    assert package.observed("event") == []
    assert package.descriptor["project"]["observationLevel"] == ["media"]
    [blank] = _export(tmp_path, [image(1, wrong, reviewed=True)]).observed("event")
    assert (blank["observationType"], blank["classificationMethod"]) == ("blank", "human")


def test_a_part_of_a_sequence_is_no_verified_event(tmp_path: Path) -> None:
    lynx = found(1, "lynx", taxon=LYNX.id, said=said())
    part = image(1, lynx, reviewed=True, sequence_images=2)
    assert _export(tmp_path, [part]).observed("event") == []
    rows = _export(
        tmp_path, [part, image(2, said=said("blank"), reviewed=True, sequence_images=2)]
    ).observed("event")
    assert [row["scientificName"] for row in rows] == ["Lynx lynx"]


def test_a_confirmed_image_is_counted_once(tmp_path: Path) -> None:
    each = said(of_image=True)
    boxes = [found(number, "deer", (number, 0, 90, 50), said=each) for number in range(3)]
    whole = said(count=5, sex="female")
    package = _export(tmp_path, [image(1, *boxes, said=whole, reviewed=True)])
    counted = [("3", "female"), ("1", "female"), ("1", "female")]
    assert [(row["count"], row["sex"]) for row in package.observed()] == counted
    assert [(row["count"], row["sex"]) for row in package.observed("event")] == [("5", "female")]
    fox = found(4, "fox", said=each)
    package = _export(tmp_path, [image(1, boxes[0], fox, said=whole, reviewed=True)])
    assert [(row["count"], row["sex"]) for row in package.tables["observations"]] == [("1", "")] * 4
    package = _export(tmp_path, [image(1, boxes[0], said=whole, reviewed=True)])
    assert [(row["count"], row["sex"]) for row in package.tables["observations"]] == [
        ("5", "female")
    ] * 2


def test_what_only_a_model_named_adds_nothing_to_the_count_of_a_person(tmp_path: Path) -> None:
    places = [(number * 40, 0, number * 40 + 30, 50) for number in range(4)]
    boxes = [found(number, "lynx", place, taxon=LYNX.id) for number, place in enumerate(places)]
    one = found(1, "lynx", places[1], taxon=LYNX.id, said=said())
    two = found(5, "lynx", places[3], taxon=LYNX.id, said=said(), analysis_id=UUID(int=5001))
    package = _export(tmp_path, [image(1, *boxes[2:], one, reviewed=True)])
    assert [row["count"] for row in package.observed("event")] == ["1"]
    package = _export(tmp_path, [image(1, one, two, reviewed=True)])
    assert [row["count"] for row in package.observed("event")] == ["2"], (
        "people named animals of two models"
    )
    package = _export(tmp_path, [image(1, *boxes, reviewed=True)])
    assert package.observed("event") == []


def test_what_visitors_are_not_shown_is_not_public(tmp_path: Path) -> None:
    images = [image(1, found(1)), image(2, found(2), shown=False), image(3, found(3, "person"))]
    images[0].media_type = images[1].media_type = "image/png"
    rows = _export(tmp_path, images).tables["media"]
    # Visitors are given a JPEG, whatever the original is.
    assert [(row["filePublic"], row["filePath"][:6], row["fileMediatype"]) for row in rows] == [
        ("true", "https:", "image/jpeg"), ("false", "media/", "image/png"), ("false", "media/", "image/jpeg"),
    ]  # fmt: skip
    spool = make_spool(tmp_path, images, **ABOUT)
    spool.about.public = False
    out = io.BytesIO()
    package = Package(write_package(spool, out)[0], out.getvalue())
    assert {(row["filePublic"], row["filePath"][:6]) for row in package.tables["media"]} == {
        ("false", "media/")
    }
    assert any("not public" in one.what for one in package.report.left_out)


def test_events_keep_the_ids_of_what_is_seen(tmp_path: Path) -> None:
    lynx = image(1, found(1, "lynx", taxon=LYNX.id, said=said()), reviewed=True)
    [before] = _export(tmp_path, [lynx]).observed("event")
    man = image(0, found(2, "x", said=said("correct", taxon=MAN.id)), reviewed=True)
    _, after = _export(tmp_path, [man, lynx]).observed("event")
    assert (before["observationID"], before["scientificName"]) == (
        after["observationID"],
        after["scientificName"],
    )


def test_an_unknown_sex_stays_empty(tmp_path: Path) -> None:
    odd = said(sex="unknown", life_stage="unknown")
    package = _export(
        tmp_path, [image(1, found(1, "lynx", taxon=LYNX.id, said=odd), reviewed=True)]
    )
    assert package.report.problems == []
    assert {(row["sex"], row["lifeStage"]) for row in package.tables["observations"]} == {("", "")}


def test_a_deployment_without_a_place_is_a_problem_in_words(tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(PLACE, latitude=None, longitude=None)
    package = _export(tmp_path, [image(1)], deployments=[nowhere])
    [problem] = package.report.problems
    assert problem.deployment == PLACE.id
    assert "“Ridge north” has no coordinates" in problem.what
    assert "latitude" in problem.what


def test_no_images_are_a_problem(tmp_path: Path) -> None:
    assert "no images" in _export(tmp_path, []).report.problems[0].what


def test_what_is_known_of_clocks_is_told(tmp_path: Path) -> None:
    fast = msgspec.structs.replace(PLACE, id=UUID(int=2), name="Fast", clock_offset_s=-60)
    odd = msgspec.structs.replace(PLACE, id=UUID(int=3), name="Odd")
    flagged = image(3, deployment_id=odd.id, flags=["clock_reset"])
    images = [image(1, captured_at_source="filename"), image(2, deployment_id=fast.id), flagged]
    package = _export(tmp_path, images, deployments=[PLACE, fast, odd])
    assert [row["timestampIssues"] for row in package.tables["deployments"]] == [
        "true",
        "true",
        "true",
    ]
    assert "-60 s" in package.tables["deployments"][1]["deploymentComments"]
    assert len([one for one in package.report.fixed if "timestampIssues" in one.what]) == 3


def test_a_deployment_spans_its_images(tmp_path: Path) -> None:
    short = msgspec.structs.replace(
        PLACE, started_at=NOON + timedelta(seconds=20), ended_at=NOON + timedelta(seconds=30)
    )
    package = _export(tmp_path, [image(1), image(5)], deployments=[short])
    [row] = package.tables["deployments"]
    assert (row["deploymentStart"], row["deploymentEnd"]) == (
        "2026-06-01T14:00:10+02:00",
        "2026-06-01T14:00:50+02:00",
    )
    [told] = [one.what for one in package.report.fixed if one.deployment == short.id]
    assert "images from before its start" in told
    assert "images from after its end" in told
    long = msgspec.structs.replace(
        PLACE, started_at=NOON - timedelta(days=1), ended_at=NOON + timedelta(days=1)
    )
    [row] = _export(tmp_path, [image(1)], deployments=[long]).tables["deployments"]
    assert (row["deploymentStart"][:10], row["deploymentEnd"][:10]) == ("2026-05-31", "2026-06-02")


def test_what_was_set_right_is_told_of_every_deployment(tmp_path: Path) -> None:
    places = [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=f"Ridge {number}")
        for number in range(1, 151)
    ]
    images = [image(one.id.int, deployment_id=one.id, flags=["clock_reset"]) for one in places]
    fixed = [
        one
        for one in _export(tmp_path, images, deployments=places).report.fixed
        if one.deployment is not None
    ]
    assert [one.deployment for one in fixed] == [one.id for one in places]
    for word in ("“Ridge 150”", "no start", "no end", "timestampIssues"):
        assert word in fixed[-1].what


def test_what_is_not_listed_is_counted() -> None:
    few = [ExportIssue("odd")] * MOST_LISTED
    assert truncate_list(few) == few
    *listed, last = truncate_list([*few, ExportIssue("wrong", 5), ExportIssue("wrong")])
    assert listed == few[:-1]
    assert (last.what, last.count, last.deployment) == (
        "And 7 more, which are not listed.",
        7,
        None,
    )


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    places = [
        msgspec.structs.replace(
            PLACE,
            id=UUID(int=100 + number),
            name=text or "x",
            notes=text,
            habitat=text,
            camera=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    images = [
        image(
            number, found(number, text or "x", said=said("correct", label=text or "x", comment=text, behaviour=text)),
            deployment_id=UUID(int=100 + number), filename=text, path=text, tags=[text],
            exif={"Make": text, "Model": text}, sequence_id=UUID(int=7000 + number), reviewed=True, time_zone=text,
        )
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
    for url, writer in (
        ("https://traps.example.org", write_export),
        ("", lambda *given: write_package(*given)[0]),
    ):
        spool = make_spool(tmp_path, images, deployments=places, **ABOUT)
        spool.about.public_url = url
        out = io.BytesIO()
        package = Package(writer(spool, out), out.getvalue())
        assert package.report.problems == []
        assert [len(package.tables[table]) for table in ("deployments", "media")] == [
            len(HOSTILE)
        ] * 2
        for rows in package.tables.values():
            assert not [
                cell
                for row in rows
                for cell in row.values()
                if cell.startswith(("=", "+", "-", "@", "\t"))
            ]
        assert not [
            row
            for row in package.tables["media"]
            if ".." in row["filePath"] or row["filePath"].startswith("/")
        ]


@pytest.mark.parametrize(
    ("table", "cell", "wrong"),
    [
        ("media", "true", "yes"), ("media", "image/jpeg", "jpeg"), ("media", "+02:00", ""),
        ("media", "https://", "../"), ("observations", ",media,", ",,"),
        ("observations", ",animal,", ",deer,"), ("observations", "0.500000", "1.500000"),
        ("observations", "0.500000", "0.000000"), ("observations", "0.9,", "2,"), ("observations", "machine", "both"),
    ],
)  # fmt: skip
def test_a_row_that_the_standard_forbids_is_found(
    tmp_path: Path, table: str, cell: str, wrong: str
) -> None:
    rows = _export(tmp_path, [image(1, found(1))]).texts[f"{table}.csv"].split("\n", 1)[1]
    assert cell in rows
    assert find_invalid_row(table, rows) is None
    bad = rows.replace(cell, wrong)
    assert find_invalid_row(table, rows + bad) == bad


def test_the_fields_own_validator_is_asked(tmp_path: Path) -> None:
    package = _export(tmp_path, [image(1, found(1))])
    tables = {table: package.texts[f"{table}.csv"].splitlines(keepends=True) for table in TABLES}
    tables["media"].append(tables["media"][-1])
    assert any("mediaID" in one for one in validate_package(package.descriptor, tables, tmp_path))
    del package.descriptor["contributors"]
    assert "contributors" in validate_package(package.descriptor, tables, tmp_path)[0]
