"""Reading predictions of SpeciesNet in both versions of the format."""

from pathlib import Path

from tests.support.import_files import (
    list_findings,
    open_content,
    read_entries,
)

from trapline.server.imports.formats.import_records import (
    EntryContent,
)

FOX = "aa;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
CANIDS = "bb;mammalia;carnivora;canidae;;;"
BLANK = "cc;;;;;;blank"
BOX = {"category": "1", "label": "animal", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}


def test_predictions_with_one_classification_per_image(tmp_path: Path) -> None:
    classes = {"classes": [FOX, CANIDS], "scores": [0.8, 0.1]}
    fox = {
        "filepath": "a.jpg",
        "detections": [BOX],
        "classifications": classes,
        "model_version": "4.0.1a",
    }
    told = read_entries(
        open_content(
            tmp_path,
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
    assert list_findings(told[0]) == [
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
    assert (list_findings(blank), blank.left_out) == ([], 1)
    assert failed.results[0].error == "SpeciesNet failed: DETECTOR, CLASSIFIER"
    assert isinstance(wrong, str)
    assert wrong.startswith("predictions 4: ")


def test_predictions_with_one_classification_per_detection(tmp_path: Path) -> None:
    said = {
        "raw_classifications": {"classes": [CANIDS, FOX], "scores": [0.6, 0.3]},
        "processed_classification": {"class": FOX, "score": 0.9, "source": "classifier"},
    }
    blank = {"processed_classification": {"class": BLANK, "score": 0.9, "source": "classifier"}}
    whole = {"category": "0", "conf": 1.0, "bbox": [0, 0, 1, 1]} | said
    told = read_entries(
        open_content(
            tmp_path,
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
    assert list_findings(told[0]) == [
        ("bounding_box", "animal", 0.9),
        ("classification", "red fox", 0.9),
    ]
    assert isinstance(told[0], EntryContent)
    assert told[0].results[0].findings[1].parent == 0
    assert (told[0].left_out, told[0].results[0].model.version) == (1, "5")
    assert list_findings(told[1]) == [("classification", "red fox", 0.9)]
    assert list_findings(told[2]) == []
