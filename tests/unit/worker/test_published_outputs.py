"""Read the output files of MegaDetector and SpeciesNet in each format, without these programs."""

from pathlib import Path
from typing import Any

import pytest

from trapline.worker.model_files import ModelFile, ModelFileMissing
from trapline.worker.pipeline import (
    Device,
    MissingExtra,
    UnknownPipeline,
    build_definition,
    build_pipeline,
    list_default_slugs,
    list_optional_slugs,
    require_extra,
)
from trapline.worker.pipelines.megadetector import parse_detections
from trapline.worker.pipelines.normalised_boxes import scale_box
from trapline.worker.pipelines.parameters import parse_code
from trapline.worker.pipelines.speciesnet import SpeciesNetCrops, load_labels, unpack
from trapline.worker.pipelines.speciesnet_output import (
    CLASSIFIER,
    DETECTOR,
    ENSEMBLE,
    build_speciesnet_category_map,
    parse_class,
    parse_prediction,
)

HARE = "a0;mammalia;lagomorpha;leporidae;lepus;europaeus;european hare"
DEER = "a1;mammalia;artiodactyla;cervidae;odocoileus;virginianus;white-tailed deer"
FAMILY = "a2;mammalia;lagomorpha;leporidae;;;"
BLANK = "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank"
NOTHING = "f2efdae9-efb8-48fb-8a91-eccf79ab4ffb;" + ";".join(["no cv result"] * 6)
PLACES = {
    HARE: (0, "european hare"),
    DEER: (1, "white-tailed deer"),
    FAMILY: (2, "Leporidae"),
    BLANK: (3, "blank"),
}


@pytest.mark.parametrize(
    ("bbox", "box"),
    [
        ([0.25, 0.5, 0.5, 0.25], (100, 150, 300, 225)),
        ([0, 0, 1, 1], (0, 0, 400, 300)),
        ([-0.1, 0.9, 0.3, 0.3], (0, 270, 80, 300)),
        ([0.5, 0.5, 0, 0.1], None),
        ([1.2, 0.1, 0.2, 0.2], None),
    ],
)
def test_parts_of_the_picture_become_pixels_of_it(
    bbox: list[float], box: tuple[float, ...] | None
) -> None:
    placed = scale_box(bbox, 400, 300)
    assert placed == (pytest.approx(box) if box else None)


def test_invalid_boxes_are_refused() -> None:
    for wrong in ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3, float("nan")]):
        with pytest.raises(ValueError, match="is not a box"):
            scale_box(wrong, 400, 300)


def test_megadetectors_categories_are_named() -> None:
    rows = [
        {"category": "2", "conf": 0.4, "bbox": [0.5, 0.5, 0.1, 0.1]},
        {"category": "1", "conf": 0.93, "bbox": [0.25, 0.5, 0.5, 0.25]},
        {"category": "3", "conf": 0.1, "bbox": [0, 0, 0.1, 0.1]},
    ]
    animal, person = parse_detections({"file": "p", "detections": rows}, "md", 400, 300, 0.2)
    assert (animal.box, animal.score, animal.names[-1].name) == (
        (100, 150, 300, 225),
        0.93,
        "animal",
    )
    assert person.names[-1].name == "person"
    assert list(person.names[-1].scores) == [0, 0.4, 0]
    assert parse_detections({"file": "p", "detections": []}, "md", 400, 300, 0.2) == []


@pytest.mark.parametrize(
    "answer", [{"failure": "inference failure", "detections": None}, {"detections": None}, {}]
)
def test_megadetectors_failures_are_failures(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="MegaDetector failed on the image"):
        parse_detections(answer, "md", 400, 300, 0.2)
    with pytest.raises(ValueError, match="unknown category '7'"):
        parse_detections(
            {"detections": [{"category": "7", "conf": 1, "bbox": [0, 0, 1, 1]}]}, "md", 4, 3, 0.2
        )


def test_a_class_string_is_a_taxon_with_a_rank() -> None:
    hare, family, vehicle = (
        parse_class(HARE),
        parse_class(FAMILY),
        parse_class("e2895ed5;;;;;;vehicle"),
    )
    assert (hare.name, hare.scientific, hare.rank) == (
        "european hare",
        "Lepus europaeus",
        "species",
    )
    assert (family.name, family.scientific, family.rank) == ("Leporidae", "Leporidae", "family")
    assert (vehicle.name, vehicle.scientific, vehicle.rank) == ("vehicle", None, None)
    with pytest.raises(ValueError, match="3 parts, not 7"):
        parse_class("a;b;c")


def test_the_class_list_keeps_the_taxa_and_names_each_class_once() -> None:
    twin = "a9;mammalia;lagomorpha;leporidae;lepus;capensis;european hare"
    made = build_speciesnet_category_map([HARE, twin, DEER, "b1;;;;;;blank", "b2;;;;;;blank"])
    assert len(set(made.labels)) == 5
    assert made.labels[:3] == [
        "european hare (Lepus europaeus)",
        "european hare (Lepus capensis)",
        "white-tailed deer",
    ]
    assert made.data[2] == {
        "index": 2, "label": "white-tailed deer", "uuid": "a1", "taxon": "Odocoileus virginianus",
        "rank": "species",
        "class": "mammalia", "order": "artiodactyla", "family": "cervidae", "genus": "odocoileus",
        "species": "virginianus",
    }  # fmt: skip


def row(conf: float, category: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "category": category,
        "label": "animal",
        "conf": conf,
        "bbox": [0.25, 0.5, 0.5, 0.25],
        **more,
    }


def said(final: str, score: float, *raw: tuple[str, float]) -> dict[str, Any]:
    return {
        "raw_classifications": {
            "classes": [name for name, _ in raw],
            "scores": [value for _, value in raw],
        },
        "processed_classification": {"class": final, "score": score, "source": "classifier"},
    }


def test_the_new_form_names_each_box() -> None:
    prediction = {
        "filepath": "p",
        "detections": [
            row(0.6, **said(FAMILY, 0.9, (HARE, 0.5), (FAMILY, 0.4))),
            row(0.9, **said(DEER, 0.97, (DEER, 0.97))),
            row(0.5, **said(BLANK, 0.999, (BLANK, 0.999))),
            row(0.4, **said(NOTHING, 0.3, (HARE, 0.3))),
            row(0.05, **said(DEER, 0.99, (DEER, 0.99))),
            row(0.3, "2"),
        ],
    }
    found = parse_prediction(prediction, PLACES, 400, 300, 0.2)
    assert [(thing.score, [named.name for named in thing.names]) for thing in found] == [
        (0.9, ["animal", "white-tailed deer", "white-tailed deer"]),
        (0.6, ["animal", "european hare", "Leporidae"]),
        (0.4, ["animal", "european hare"]),
        (0.3, ["human"]),
    ]
    deer, family, unknown, human = found
    assert deer.box == (100, 150, 300, 225)
    assert [named.algorithm for named in deer.names] == [DETECTOR, CLASSIFIER, ENSEMBLE]
    assert list(family.names[1].scores) == [0.5, 0, 0.4, 0]
    assert list(family.names[2].scores) == [0.9]
    assert [[named.terminal for named in thing.names] for thing in (deer, unknown, human)] == [
        [False, False, True],
        [True, False],
        [True],
    ]


@pytest.mark.parametrize("form", ["old", "whole"])
def test_a_classification_of_the_image_names_the_surest_box(form: str) -> None:
    boxes = [row(0.4), row(0.8)]
    about = said(HARE, 0.9, (HARE, 0.9), (DEER, 0.1))
    if form == "old":
        prediction: dict[str, Any] = {
            "detections": boxes, "classifications": about["raw_classifications"],
            "prediction": HARE, "prediction_score": 0.9, "prediction_source": "classifier",
        }  # fmt: skip
    else:
        whole = {
            "category": "0",
            "label": "whole_image_classification",
            "conf": 1.0,
            "bbox": [0, 0, 1, 1],
        }
        prediction = {"detections": [whole | about, *boxes]}
    first, second = parse_prediction(prediction, PLACES, 400, 300, 0.2)
    assert (first.score, first.names[-1].name, first.names[-1].algorithm) == (
        0.8,
        "european hare",
        ENSEMBLE,
    )
    assert [named.name for named in second.names] == ["animal"]


def test_speciesnets_failures_are_failures() -> None:
    with pytest.raises(ValueError, match="failed on the image: DETECTOR, CLASSIFIER"):
        parse_prediction({"failures": ["DETECTOR", "CLASSIFIER"]}, PLACES, 4, 3, 0.2)


def test_a_country_is_three_letters() -> None:
    assert parse_code({"country": "usa"}, "country", 3) == "USA"
    assert parse_code({}, "country", 3) is None
    for wrong in ("US", "U5A", 3, "états"):
        with pytest.raises(ValueError, match="country must be a code of 3 letters"):
            parse_code({"country": wrong}, "country", 3)


def test_speciesnets_class_list_comes_with_its_model(tmp_path: Path) -> None:
    import json
    import tarfile

    (tmp_path / "labels.txt").write_text(f"{HARE}\n{DEER}\n")
    (tmp_path / "info.json").write_text(json.dumps({"classifier_labels": "labels.txt"}))
    archive = tmp_path / "speciesnet.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for name in ("labels.txt", "info.json"):
            packed.add(tmp_path / name, f"model/{name}")

    def fetch(_: ModelFile) -> Path:
        return archive

    pipeline = SpeciesNetCrops()
    pipeline.fetch(Device("cpu", 1, fetch))
    classes = build_definition(pipeline).algorithms[1].category_map
    assert classes is not None
    assert classes.labels == ["european hare", "white-tailed deer"]
    assert load_labels(unpack(archive)) == [HARE, DEER]
    archive.with_name("speciesnet").joinpath("info.json").unlink()
    with pytest.raises(ModelFileMissing, match="is not a SpeciesNet"):
        pipeline.fetch(Device("cpu", 1, fetch))
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"<html>sign in</html>")
    with pytest.raises(ModelFileMissing, match="not an archive of SpeciesNet"):
        unpack(broken)


def test_named_pipelines_run_only_when_they_are_named() -> None:
    named = list_optional_slugs()
    assert {"megadetector-v5a", "megadetector-v1000-redwood", "speciesnet-v4.0.3a"} <= set(named)
    assert not set(named) & set(list_default_slugs())
    for slug in named:
        pipeline = build_pipeline(slug)
        assert build_definition(pipeline).slug == slug
        assert all(
            model.sha256 or model.md5 or "kaggle" in model.source for model in pipeline.models
        )
    with pytest.raises(UnknownPipeline, match=r"megadetector-v5a, .*speciesnet"):
        build_pipeline("megadetector-v6")


def test_a_missing_extra_says_how_to_install_it() -> None:
    pipeline = build_pipeline("megadetector-v5a")
    type(pipeline).needs = ("json", "no_such_module")
    try:
        with pytest.raises(
            MissingExtra, match=r"needs no_such_module: pip install '\.\[worker-cpu,megadetector\]'"
        ):
            require_extra(pipeline)
    finally:
        del type(pipeline).needs
    require_extra(build_pipeline("insect-sheet"))
