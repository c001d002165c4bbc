"""Files of results as readers of their formats give them: findings in pixels, statements, and faults in words."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from trapline.server.findings.rules.annotation_data import InvalidAnnotationData
from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_formats import open_reader
from trapline.server.imports.formats.import_records import (
    EntryContent,
    EntryFault,
    FormatReader,
    ImportEntry,
    InvalidEntry,
    UnreadableFile,
)
from trapline.server.imports.formats.imported_rows import build_result
from trapline.server.imports.queries.imported_results import NewImportedAnalysis
from trapline.wire.deployments import TimeZone
from trapline.wire.imports import ImportFormat, ImportOptions

FRAME = Frame(200, 100)
Opened = Callable[..., FormatReader]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def put(kind: str, content: Any, **options: Any) -> FormatReader:
        path = tmp_path / "file"
        if kind == "camtrap-dp":
            with zipfile.ZipFile(path, "w") as archive:
                for name, text in content.items():
                    archive.writestr(name, text)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")
        return open_reader(ImportFormat(kind), path, ImportOptions(**options))

    return put


def read_all(reader: FormatReader) -> list[EntryContent | str]:
    """Everything that a file says; of what cannot be taken the words."""
    told: list[EntryContent | str] = []
    entries = list(reader.entries(0))
    assert len(list(reader.paths())) == len(entries)
    assert [one[0] for one in reader.entries(1)] == [one[0] for one in entries[1:]]
    for entry in entries:
        if isinstance(entry, EntryFault):
            told.append(f"{entry.place}: {entry.message}")
            continue
        try:
            told.append(reader.read(entry, FRAME))
        except (InvalidEntry, InvalidAnnotationData) as error:
            told.append(f"{entry.place}: {error}")
    reader.close()
    return told


def make_rows(reader: FormatReader, entry: ImportEntry) -> list[NewImportedAnalysis]:
    return [build_result(UUID(int=1), result) for result in reader.read(entry, FRAME).results]


def findings(
    reading: EntryContent | str, place: int = 0
) -> list[tuple[str, str | None, float | None]]:
    assert isinstance(reading, EntryContent), reading
    return [(one.kind, one.class_name, one.confidence) for one in reading.results[place].findings]


FOX = "aa;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
CANIDS = "bb;mammalia;carnivora;canidae;;;"
BLANK = "cc;;;;;;blank"
BOX = {"category": "1", "label": "animal", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}


def test_predictions_of_speciesnet_of_the_old_form(opened: Opened) -> None:
    classes = {"classes": [FOX, CANIDS], "scores": [0.8, 0.1]}
    fox = {
        "filepath": "a.jpg",
        "detections": [BOX],
        "classifications": classes,
        "model_version": "4.0.1a",
    }
    told = read_all(
        opened(
            "speciesnet",
            {
                "predictions": [
                    fox | {"prediction": FOX, "prediction_score": 0.81},
                    fox | {"prediction": BLANK, "prediction_score": 0.7},
                    {"filepath": "c.jpg", "failures": ["DETECTOR", "CLASSIFIER"]},
                    fox | {"detections": [BOX | {"conf": "much"}]},
                ]
            },
        )
    )
    assert findings(told[0]) == [
        ("bounding_box", "animal", 0.9),
        ("classification", "red fox", 0.81),
    ]
    first, blank, failed, wrong = told
    assert isinstance(first, EntryContent)
    assert isinstance(blank, EntryContent)
    assert isinstance(failed, EntryContent)
    assert first.results[0].model == ("SpeciesNet", "4.0.1a")
    [box, named] = first.results[0].findings
    assert [box.data[side] for side in ("x_min", "y_min", "x_max", "y_max")] == [20, 20, 80, 60]
    assert [one["class"] for one in named.data["topk"]] == ["red fox", "Canidae"]
    assert (findings(blank), blank.left_out) == ([], 1)
    assert failed.results[0].error == "SpeciesNet failed: DETECTOR, CLASSIFIER"
    assert isinstance(wrong, str)
    assert wrong.startswith("predictions 4: ")


def test_predictions_of_speciesnet_of_the_new_form(opened: Opened) -> None:
    said = {
        "raw_classifications": {"classes": [CANIDS, FOX], "scores": [0.6, 0.3]},
        "processed_classification": {"class": FOX, "score": 0.9, "source": "classifier"},
    }
    blank = {"processed_classification": {"class": BLANK, "score": 0.9, "source": "classifier"}}
    whole = {"category": "0", "conf": 1.0, "bbox": [0, 0, 1, 1]} | said
    told = read_all(
        opened(
            "speciesnet",
            {
                "info": {"format_version": "20261015", "model_version": "5"},
                "predictions": [
                    {"filepath": "a.jpg", "detections": [BOX | said, BOX | blank]},
                    {"filepath": "b.jpg", "detections": [whole]},
                    {"filepath": "c.jpg", "detections": []},
                ],
            },
        )
    )
    assert findings(told[0]) == [
        ("bounding_box", "animal", 0.9),
        ("classification", "red fox", 0.9),
    ]
    assert isinstance(told[0], EntryContent)
    assert told[0].results[0].findings[1].parent == 0
    assert (told[0].left_out, told[0].results[0].model.version) == (1, "5")
    assert findings(told[1]) == [("classification", "red fox", 0.9)]
    assert findings(told[2]) == []


def coco(*annotations: Any, images: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "images": images or [{"id": 1, "file_name": "a.jpg", "width": 400, "height": 200}],
        "annotations": [
            {"id": number, "image_id": 1} | one for number, one in enumerate(annotations)
        ],
        "categories": [
            {"id": 0, "name": "empty"},
            {"id": 1, "name": "fox", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
        ],
    } | more


def test_instances_of_coco(opened: Opened) -> None:
    runs = {"counts": [0, 5, 19_995], "size": [100, 200]}
    fox = {"category_id": 1}
    [told] = read_all(
        opened(
            "coco",
            coco(
                fox | {"bbox": [40, 20, 100, 60], "score": 0.5},
                fox
                | {
                    "segmentation": [[10, 10, 110, 10, 60, 90]],
                    "bbox": [10, 10, 100, 80],
                    "area": 4000.0,
                },
                fox | {"segmentation": runs},
                fox | {"keypoints": [10, 10, 2, 0, 0, 0], "num_keypoints": 1},
                fox | {"bbox_relative": [0.1, 0.2, 0.3, 0.4], "score": 0.1},
                {"category_id": 0},
                fox | {"segmentation": runs, "keypoints": [10, 10, 2, 0, 0, 0]},
                fox | {"segmentation": runs, "keypoints": [0, 0, 0, 0, 0, 0]},
            ),
            confidence_min=0.2,
        )
    )
    kinds = [
        ("bounding_box", 0.5),
        ("segmentation", None),
        ("segmentation", None),
        ("keypoint", None),
    ]
    kinds += [("segmentation", None), ("keypoint", None), ("segmentation", None)]
    assert findings(told) == [(kind, "fox", confidence) for kind, confidence in kinds]
    assert isinstance(told, EntryContent)
    assert told.left_out == 1
    box, polygon, mask, points = (one.data for one in told.results[0].findings[:4])
    assert [one.parent for one in told.results[0].findings] == [None] * 5 + [4, None]
    assert [box[side] for side in ("x_min", "y_min", "x_max", "y_max")] == [20, 10, 70, 40]
    assert polygon["points"] == [[5, 5], [55, 5], [30, 45]]
    assert polygon["bbox"] == [5, 5, 50, 40]
    assert mask["counts"] == runs["counts"]
    assert points["keypoints"] == [
        {"name": "nose", "x": 5, "y": 5, "visibility": 2},
        {"name": "tail"},
    ]
    assert points["skeleton"] == [[0, 1]]


def test_images_of_coco_without_boxes(opened: Opened) -> None:
    images = [{"id": name, "file_name": f"{name}.jpg"} for name in "abc"]
    said = ({"image_id": "a", "category_id": 0}, {"image_id": "b", "category_id": 1})
    empty, fox, silent = read_all(opened("coco", coco(*said, images=images)))
    assert (findings(empty), findings(fox)) == ([], [("classification", "fox", None)])
    assert silent == EntryContent(left_out=1)
    asked = read_all(opened("coco", coco(*said, images=images), nothing_is_blank=True))
    assert findings(asked[2]) == []


def test_what_is_wrong_in_coco(opened: Opened) -> None:
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100},
        {"id": 1, "file_name": "b.jpg"},
        {"id": 2, "file_name": "c.jpg", "width": 100, "height": 200},
        {"id": 3, "file_name": "d.jpg"},
        {"file_name": "e.jpg"},
    ]
    told = read_all(
        opened(
            "coco",
            coco(
                {"category_id": 1, "bbox": [1, 2, 3, 4], "bbox_relative": [0, 0, 1, 1]},
                {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]},
                {"image_id": 3, "category_id": 9},
                {"image_id": 77, "category_id": 1},
                images=images,
            ),
        )
    )
    assert told[0] == "images 1: annotations 1: it has both `bbox` and `bbox_relative`"
    assert told[1] == "images 2: its id is that of images 1 too"
    assert "another shape" in str(told[2])
    assert told[3] == "images 4: annotations 3: the category 9 is not among `categories`"
    assert "id" in str(told[4])
    assert told[5] == "annotations 4: its image_id 77 is that of no image"


@pytest.mark.parametrize(
    "one",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": [1, 2, 10**400, 4]},
        {"bbox": [1, 2, -3, 4]},
        {"bbox": [1, 2, 3000, 4]},
        {"bbox": "all"},
        {"bbox": [1, 2, 3, 4], "score": 2},
        {"bbox": [1, 2, 3, 4], "score": True},
        {"segmentation": [[1, 2, 3]]},
        {"segmentation": [[1, 2, 3, 4]]},
        {"segmentation": {"counts": "@@", "size": [100, 200]}},
        {"segmentation": {"counts": [5], "size": [10**30, 1]}},
        {"segmentation": {"counts": [5], "size": [1, 2]}},
        {"keypoints": [1, 2]},
        {"keypoints": [1000, 2, 1]},
        {"category_id": None},
        {"category_id": 2, "bbox": [1, 2, 3, 4]},
        {"category_id": 3, "keypoints": [1, 2, 2]},
    ],
)
def test_hostile_annotations_are_faults(opened: Opened, one: dict[str, Any]) -> None:
    image = [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}]
    categories = [
        {"id": 1, "name": "fox"},
        {"id": 2, "name": "f\0x"},
        {"id": 3, "name": "fox", "keypoints": ["\0"]},
    ]
    reader = opened("coco", coco({"category_id": 1} | one, images=image, categories=categories))
    [entry] = reader.entries(0)
    assert isinstance(entry, ImportEntry)
    with pytest.raises((InvalidEntry, InvalidAnnotationData)):
        make_rows(reader, entry)
    reader.close()


PACKAGE = json.dumps(
    {
        "resources": [
            {"name": name, "path": f"{name}.csv"}
            for name in ("deployments", "media", "observations")
        ]
    }
)
DEPLOYMENTS = (
    "deploymentID,locationName,latitude,longitude,deploymentStart,cameraModel\n"
    "d1,Old oak,51.5,4.7,2026-05-01T00:00:00Z,Reconyx\nd2,Beech,north,4.7,,\nd3,Ash,,,,\nd4,Ash,,,,\n"
)
MEDIA = (
    "mediaID,deploymentID,timestamp,filePath,fileName\n"
    "m1,d1,2026-05-01T00:00:00Z,https://media.example/m1/file,IMG_1.JPG\n"
    "m2,d1,2026-05-01T00:00:00Z,DCIM/IMG_2.JPG,IMG_2.JPG\nm3,d2,,IMG_3.JPG,\nm2,d1,,IMG_4.JPG,\nm5,d1,,IMG_5.JPG,\n"
)
COLUMNS = (
    "observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,count,sex,lifeStage,behavior,"
    "bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classifiedBy,classificationTimestamp,"
    "classificationProbability,observationComments\n"
)


def camtrap(observations: str, **more: str) -> dict[str, str]:
    tables = {
        "deployments.csv": DEPLOYMENTS,
        "media.csv": MEDIA,
        "observations.csv": COLUMNS + observations,
    }
    return {
        f"set/{name}": text
        for name, text in ({"datapackage.json": PACKAGE} | tables | more).items()
    }


def test_camtrap_dp(opened: Opened) -> None:
    reader = opened(
        "camtrap-dp",
        camtrap(
            "o1,d1,m1,media,animal,Vulpes vulpes,,,,,0.1,0.2,0.3,0.4,machine,Detector 2.0,,0.9,\n"
            "o2,d1,m1,media,animal,Meles meles,2,female,adult,foraging,,,,,human,Anna,2026-05-02T10:00:00Z,,seen well\n"
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
        EntryFault("line 3 of deployments", "latitude is no number: north"),
        "Ash (d3)",
        "Ash (d4)",
    ]
    reader.place_deployments({"d1": UUID(int=1)})
    assert reader.left_out == 1
    assert list(reader.paths())[:2] == [("IMG_1.JPG", "d1"), ("DCIM/IMG_2.JPG", "d1")]
    [entry, *_] = reader.entries(0)
    assert isinstance(entry, ImportEntry)
    assert entry.deployment_id == UUID(int=1)
    seen, blank, *faults = read_all(reader)
    assert findings(seen) == [("bounding_box", "Vulpes vulpes", 0.9)]
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
        "line 4 of media: its deploymentID is that of no deployment that could be taken",
        "line 5 of media: its mediaID stands at another line too",
        "line 6 of media: line 7 of observations: count is no number: many",
        "line 6 of observations: its mediaID m9 is that of no media",
    ]


def test_several_things_that_people_said_of_one_picture_stand_on_findings(opened: Opened) -> None:
    reader = opened(
        "camtrap-dp",
        camtrap(
            "o1,d1,m1,media,animal,Vulpes vulpes,,,,,,,,,human,Anna,,,\n"
            "o2,d1,m1,media,human,,,,,,0.1,0.2,0.3,0.4,human,Anna,,,\n"
        ),
    )
    reader.place_deployments({"d1": UUID(int=1)})
    seen = read_all(reader)[0]
    assert findings(seen) == [
        ("classification", "Vulpes vulpes", None),
        ("bounding_box", "human", None),
    ]
    assert isinstance(seen, EntryContent)
    assert [one.finding for one in seen.statements] == [0, 1]


def test_what_our_own_package_tells_in_tags_comes_back(opened: Opened) -> None:
    columns = COLUMNS.replace("observationComments", "observationTags,observationComments")
    rows = (
        "o1,d1,m1,media,animal,,,,,,0.1,0.2,0.3,0.4,machine,Detector 2.0,,0.9,label:deer,\n"
        "o2,d1,m1,media,animal,,2,,,,,,,,human,anna@example.org,2026-05-02T10:00:00Z,,seen | label:roe deer,well\n"
        "o3,d1,m2,media,animal,Lynx lynx,,,,,,,,,human,Anna,,,label:lynx,\n"
    )
    reader = opened("camtrap-dp", camtrap("") | {"set/observations.csv": columns + rows})
    reader.place_deployments({"d1": UUID(int=1)})
    first, second, *_ = read_all(reader)
    assert findings(first) == [("bounding_box", "deer", 0.9)]
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
def test_a_deployment_is_in_the_zone_of_its_times(opened: Opened, start: str, zone: str) -> None:
    tables = {
        "set/deployments.csv": f"deploymentID,locationName,deploymentStart\nd1,Old oak,{start}\n"
    }
    reader = opened("camtrap-dp", camtrap("") | tables)
    [told] = reader.deployments()
    assert not isinstance(told, EntryFault)
    assert TypeAdapter(TimeZone).validate_python(told.values["time_zone"]) == zone
    reader.close()


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        (
            "coco",
            coco() | {"categories": [{"id": 1, "name": "fox", "skeleton": [[1, 2, 3]]}]},
            "`categories` cannot",
        ),
        ("speciesnet", {"images": []}, "no `predictions`"),
        ("speciesnet", [], "not a JSON object"),
        ("coco", {"images": []}, "no COCO"),
        ("coco", {"images": {}, "annotations": []}, "a list was expected"),
        ("coco", coco() | {"categories": [{"id": []}]}, "`categories` cannot be read"),
        ("megadetector", {"images": [], "detection_categories": ["animal"]}, "no object of names"),
        ("camtrap-dp", {"media.csv": ""}, "no data package"),
        ("camtrap-dp", {"datapackage.json": "[", "media.csv": ""}, "cannot be read"),
        (
            "camtrap-dp",
            {"datapackage.json": PACKAGE, "media.csv": ""},
            "which datapackage.json names",
        ),
    ],
)
def test_another_file_is_refused_as_a_whole(
    opened: Opened, kind: str, content: Any, words: str
) -> None:
    with pytest.raises(UnreadableFile, match=words):
        list(opened(kind, content).paths())
