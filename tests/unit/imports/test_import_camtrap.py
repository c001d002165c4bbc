"""Reading Camtrap DP: deployments, results of machines and identifications by people."""

from pathlib import Path
from uuid import UUID

import pytest
from pydantic import TypeAdapter
from tests.support.import_files import (
    COLUMNS,
    build_package,
    list_findings,
    open_content,
    read_entries,
)

from trapline.server.imports.formats.import_records import (
    EntryContent,
    EntryFault,
    ImportEntry,
)
from trapline.wire.deployments import TimeZone


def test_package(tmp_path: Path) -> None:
    reader = open_content(
        tmp_path,
        "camtrap-dp",
        build_package(
            "o1,d1,m1,media,animal,Vulpes vulpes,,,,,0.1,0.2,0.3,0.4,machine,Detector 2.0,,0.9,\n"
            "o2,d1,m1,media,animal,Meles meles,2,female,adult,foraging,,,,,human,Anna,"
            "2026-05-02T10:00:00Z,,seen well\n"
            "o3,d1,m2,media,blank,,,,,,,,,,human,Anna,,,\n"
            "o4,d1,,event,animal,Meles meles,3,,,,,,,,human,Anna,,,\n"
            "o5,d1,m9,media,animal,Meles meles,,,,,,,,,human,Anna,,,\n"
            "o6,d1,m5,media,animal,Lynx lynx,many,,,,,,,,human,Anna,,,\n"
        ),
    )
    known, *others = reader.deployments()
    assert not isinstance(known, EntryFault)
    assert (known.key, known.name, known.values["latitude"]) == ("d1", "Old oak", 51.5)
    assert [one if isinstance(one, EntryFault) else one.name for one in others] == [
        EntryFault("line 3 of deployments", "latitude is not a number: north"),
        "Ash (d3)",
        "Ash (d4)",
    ]
    reader.place_deployments({"d1": UUID(int=1)})
    assert reader.left_out == 1
    assert list(reader.paths())[:2] == [("IMG_1.JPG", "d1"), ("DCIM/IMG_2.JPG", "d1")]
    [entry, *_] = reader.entries(0)
    assert isinstance(entry, ImportEntry)
    assert entry.deployment_id == UUID(int=1)
    seen, blank, *faults = read_entries(reader)
    assert list_findings(seen) == [("bounding_box", "Vulpes vulpes", 0.9)]
    assert isinstance(seen, EntryContent)
    assert isinstance(blank, EntryContent)
    assert seen.results[0].model == ("Detector", "2.0")
    [said] = seen.statements
    assert (said.kind, said.name, said.count, said.sex) == ("correct", "Meles meles", 2, "female")
    assert (said.life_stage, said.behaviour, said.comment) == (
        "adult",
        "foraging",
        "seen well. By Anna",
    )
    assert str(said.at) == "2026-05-02 10:00:00+00:00"
    assert ([one.kind for one in blank.statements], blank.results) == (["blank"], [])
    assert faults == [
        "line 4 of media: its deploymentID is not the ID of an imported deployment",
        "line 5 of media: another line has the same mediaID",
        "line 6 of media: line 7 of observations: count is not a number: many",
        "line 6 of observations: its mediaID m9 is not in the media",
    ]


def test_several_identifications_of_one_image_refer_to_findings(tmp_path: Path) -> None:
    reader = open_content(
        tmp_path,
        "camtrap-dp",
        build_package(
            "o1,d1,m1,media,animal,Vulpes vulpes,,,,,,,,,human,Anna,,,\n"
            "o2,d1,m1,media,human,,,,,,0.1,0.2,0.3,0.4,human,Anna,,,\n"
        ),
    )
    reader.place_deployments({"d1": UUID(int=1)})
    seen = read_entries(reader)[0]
    assert list_findings(seen) == [
        ("classification", "Vulpes vulpes", None),
        ("bounding_box", "human", None),
    ]
    assert isinstance(seen, EntryContent)
    assert [one.finding for one in seen.statements] == [0, 1]


def test_labels_in_tags_of_exported_packages_are_restored(tmp_path: Path) -> None:
    columns = COLUMNS.replace("observationComments", "observationTags,observationComments")
    rows = (
        "o1,d1,m1,media,animal,,,,,,0.1,0.2,0.3,0.4,machine,Detector 2.0,,0.9,label:deer,\n"
        "o2,d1,m1,media,animal,,2,,,,,,,,human,anna@example.org,2026-05-02T10:00:00Z,,"
        "seen | label:roe deer,well\n"
        "o3,d1,m2,media,animal,Lynx lynx,,,,,,,,,human,Anna,,,label:lynx,\n"
    )
    reader = open_content(
        tmp_path, "camtrap-dp", build_package("") | {"set/observations.csv": columns + rows}
    )
    reader.place_deployments({"d1": UUID(int=1)})
    first, second, *_ = read_entries(reader)
    assert list_findings(first) == [("bounding_box", "deer", 0.9)]
    assert isinstance(first, EntryContent)
    assert isinstance(second, EntryContent)
    assert [(one.name, one.comment) for one in first.statements] == [("roe deer", "well")]
    assert [(one.name, one.comment) for one in second.statements] == [("Lynx lynx", "By Anna")]


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        ("2026-05-01T00:00:00+02:00", "Etc/GMT-2"),
        ("2026-05-01T00:00:00-11:00", "Etc/GMT+11"),
        ("2026-05-01T00:00:00Z", "UTC"),
        ("2026-05-01T00:00:00+05:30", "UTC"),
        ("2026-05-01T00:00:00-13:00", "UTC"),
    ],
)
def test_deployment_has_the_time_zone_of_its_times(tmp_path: Path, start: str, zone: str) -> None:
    tables = {
        "set/deployments.csv": f"deploymentID,locationName,deploymentStart\nd1,Old oak,{start}\n"
    }
    reader = open_content(tmp_path, "camtrap-dp", build_package("") | tables)
    [told] = reader.deployments()
    assert not isinstance(told, EntryFault)
    assert TypeAdapter(TimeZone).validate_python(told.values["time_zone"]) == zone
    reader.close()
