"""Reading Camtrap DP: deployments, results of machines and identifications by people."""

from pathlib import Path
from typing import Any
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
    DeploymentReference,
    EntryContent,
    EntryFault,
    ImportEntry,
    ImportEvent,
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
        "line 4 of media: its deploymentID is not the ID of a deployment that the project has",
        "line 5 of media: another line has the same mediaID",
        "line 6 of media: line 7 of observations: count is not a number: many",
        "line 6 of observations: its mediaID m9 is not in the media",
        "line 5 of observations: is of an event, but has neither eventID nor eventStart",
    ]


def test_rows_of_an_event_are_one_statement(tmp_path: Path) -> None:
    """Media belong to the event that their observations name, otherwise to that of their time."""
    columns = (
        "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,"
        "observationType,scientificName,count,classificationMethod,classificationTimestamp\n"
    )
    start, end = "2026-05-01T00:00:00Z", "2026-05-01T00:00:09Z"
    rows = (
        f"o1,d1,,e1,{start},{end},event,animal,Meles meles,2,human,2026-05-02T10:00:00Z\n"
        f"o2,d1,m1,e2,{start},{start},media,animal,Vulpes vulpes,1,human,\n"
        f"o3,d1,,e1,{start},{end},event,animal,Lynx lynx,,human,2026-05-02T11:00:00Z\n"
        f"o4,d1,,e1,{start},{end},event,blank,,,human,\n"
        f"o5,d1,,e1,{start},{end},event,animal,Ursus arctos,,machine,\n"
        f"o6,d1,,e2,2026-06-01T00:00:00Z,2026-06-01T00:00:09Z,event,unknown,,,human,\n"
        f"o7,d1,,e3,{start},{end},event,animal,Meles meles,many,human,\n"
        f"o8,d1,,,{start},{end},event,blank,,,human,\n"
        f"o9,d1,,,,,media,blank,,,human,\n"
    )
    reader = open_content(
        tmp_path, "camtrap-dp", build_package("") | {"set/observations.csv": columns + rows}
    )
    reader.place_deployments({"d1": UUID(int=1)})
    entries = [one for one in reader.entries(0) if isinstance(one, ImportEntry)]
    events = [one.content for one in entries if isinstance(one.content, ImportEvent)]
    assert len(list(reader.paths())) == len(list(reader.entries(0)))
    first, second, third, nameless, last = events
    assert [(one.kind, one.name, one.count) for one in first.statements] == [
        ("correct", "Meles meles", 2), ("correct", "Lynx lynx", None),
    ]  # fmt: skip
    assert [one[:5] for one in first.ids] == [
        ["o1", "e1", "", "", "2026-05-02T10:00:00Z"], ["o3", "e1", "", "", "2026-05-02T11:00:00Z"],
    ]  # fmt: skip
    assert [(one.event_id, [media.path for media in one.media]) for one in events[:2]] == [
        ("e1", ["DCIM/IMG_2.JPG"]), ("e2", ["IMG_1.JPG"]),
    ]  # fmt: skip
    (place, by_machine, *_), (_, contradicts, *_) = first.faults
    assert place == "line 6 of observations (event e1)"
    assert by_machine.startswith("is of a whole event by a machine, and is left out")
    assert contradicts == "is left out, because other observations of its event name a taxon"
    assert [one.kind for one in second.statements] == ["unsure"]
    assert [one.message for one in third.faults] == ["count is not a number: many"]
    assert [one.kind for one in nameless.statements] == ["blank"]
    assert (last.statements, [one.message for one in last.faults]) == (
        [], ["has no mediaID, and is not of the level event"],
    )  # fmt: skip
    reader.close()


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
        ("2026-05-01T00:00:00+05:30", None),
        ("2026-05-01T00:00:00-13:00", None),
    ],
)
def test_deployment_has_the_time_zone_of_its_times(
    tmp_path: Path, start: str, zone: str | None
) -> None:
    tables = {
        "set/deployments.csv": f"deploymentID,locationName,deploymentStart\nd1,Old oak,{start}\n"
    }
    reader = open_content(tmp_path, "camtrap-dp", build_package("") | tables)
    [told] = reader.deployments()
    assert not isinstance(told, EntryFault)
    assert TypeAdapter(TimeZone | None).validate_python(told.values["time_zone"]) == zone
    reader.close()


def read_deployment(
    folder: Path, **cells: str
) -> tuple[dict[str, Any], list[DeploymentReference | EntryFault]]:
    """Read a package with one deployment; return its values and the faults."""
    names, texts = ",".join(cells), ",".join(cells.values())
    table = f"deploymentID,locationName,{names}\nd1,Old oak,{texts}\n"
    reader = open_content(folder, "camtrap-dp", build_package("") | {"set/deployments.csv": table})
    read = list(reader.deployments())
    reader.close()
    [known] = [one for one in read if isinstance(one, DeploymentReference)]
    read.remove(known)
    return known.values, read


@pytest.mark.parametrize(
    ("cells", "empty", "message"),
    [
        ({"latitude": "51"}, ["latitude", "longitude"], "latitude and longitude are left out"),
        (
            {"cameraHeight": "1", "cameraDepth": "2"},
            ["camera_depth_m"],
            "its cameraDepth is left out",
        ),
        (
            {"deploymentTags": "inactivePeriod:2026-05-01 stolen"},
            ["tags", "inactive_periods"],
            "its inactivePeriod is left out: must be START/END REASON",
        ),
        (
            {"deploymentTags": "inactivePeriod:2026-05-03T00:00:00Z/2026-05-01T00:00:00Z"},
            ["tags", "inactive_periods"],
            "its inactivePeriod is left out: is before the start",
        ),
        (
            {"deploymentTags": "|".join(f"tag {number}" for number in range(101))},
            ["tags"],
            "its deploymentTags is left out: List should have at most 100",
        ),
        (
            {"deploymentTags": "derived:habitat"},
            ["tags"],
            "its deploymentTags is left out: must not start with derived:",
        ),
        (
            {"deploymentTags": f"pickupBy:{'a' * 256}"},
            ["pickup_by"],
            "its pickupBy is left out",
        ),
    ],
)
def test_invalid_value_of_a_deployment_is_left_out(
    tmp_path: Path, cells: dict[str, str], empty: list[str], message: str
) -> None:
    values, faults = read_deployment(tmp_path, habitat="beech", **cells)
    [fault] = faults
    assert isinstance(fault, EntryFault)
    assert message in fault.message
    assert [values[name] for name in empty if values[name]] == []
    assert values["habitat"] == "beech"


def test_derived_values_of_a_deployment_are_not_stored(tmp_path: Path) -> None:
    given = {"cameraModel": "Reconyx", "timestampIssues": "false"}
    stated, faults = read_deployment(tmp_path, **given, deploymentTags="wet")
    assert (stated["camera_model"], stated["timestamp_issues"]) == ("Reconyx", False)
    tags = "wet | derived:cameraModel | derived:timestampIssues"
    derived, more = read_deployment(tmp_path, **given, deploymentTags=tags)
    assert (derived["camera_model"], derived["timestamp_issues"]) == ("", None)
    assert (stated["tags"], derived["tags"], faults, more) == (["wet"], ["wet"], [], [])
