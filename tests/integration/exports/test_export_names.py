"""Common names of taxa in every export format, set by the API and read from the files."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import parquet
from pycocotools.coco import COCO
from tests.support.api_project import SYSTEM
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
)

from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.app_context import AppContext

FOX_NAMES = {
    "en": ["red fox", "fox"],
    "de": ["Rotfuchs", "Fuchs"],
    "fr": ["renard roux"],
    "pt-br": ["raposa"],
}
BOX = (0.1, 0.1, 0.5, 0.5)


@pytest.fixture
async def project(system: AppContext) -> ExchangeProject:
    """A fox with common names, named by a model and a person, and a badger named by a synonym."""
    made = await make_exchange_project(system)
    place = await made.create_deployment("Old oak")
    await made.upload(place, "IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG")
    ranks = {"kingdom": "Animalia", "class": "Mammalia", "family": "Canidae", "genus": "Vulpes"}
    fox = await made.create_taxon(
        "Vulpes vulpes",
        "fox",
        rank="species",
        higher_ranks=ranks,
        common_names=FOX_NAMES,
        gbif_key=5219243,
    )
    badger = await made.create_taxon(
        "Meles meles", rank="species", common_names={"en": ["badger", "brock"]}
    )
    synonym = await made.create_taxon(
        "Ursus meles", accepted=badger, common_names={"en": ["bear badger"]}
    )
    await made.detect(
        {
            "IMG_1.JPG": [("fox", BOX)],
            "IMG_2.JPG": [("animal", BOX)],
            "IMG_3.JPG": [("animal", BOX)],
        }
    )
    await made.identify("correct", "IMG_2.JPG", taxon=fox)
    await made.identify("correct", "IMG_3.JPG", taxon=synonym)
    return made


def read_table(content: bytes, **dialect: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), **dialect))


async def test_tables_have_the_english_names_of_a_taxon(project: ExchangeProject) -> None:
    named = {"Vulpes vulpes": "red fox; fox", "Meles meles": "badger; brock"}
    _, content = await project.export("csv")
    rows = read_table(content)
    assert {
        row["scientific_name"]: row["common_name_en"] for row in rows if row["scientific_name"]
    } == named
    for form in ("parquet", "geoparquet"):
        _, content = await project.export(form)
        table = parquet.read_table(io.BytesIO(content)).to_pylist()
        assert {
            row["scientific_name"]: row["common_name_en"] for row in table if row["scientific_name"]
        } == named


async def test_camtrap_dp_has_a_vernacular_name_for_each_language(
    project: ExchangeProject, tmp_path: Path
) -> None:
    _, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    descriptor = json.loads((tmp_path / "datapackage.json").read_bytes())
    taxa = {one["scientificName"]: one for one in descriptor["taxonomic"]}
    assert taxa["Vulpes vulpes"]["vernacularNames"] == {
        "eng": "red fox", "deu": "Rotfuchs", "fra": "renard roux", "por": "raposa",
    }  # fmt: skip
    assert taxa["Vulpes vulpes"]["taxonID"] == "https://www.gbif.org/species/5219243"
    assert taxa["Meles meles"]["vernacularNames"] == {"eng": "badger"}
    assert package.validate().valid
    rows = {name: read_resource(package, name) for name in ("deployments", "media", "observations")}
    assert {name: len(of_it) for name, of_it in rows.items()} == {
        "deployments": 1,
        "media": 3,
        "observations": 3 + 2,
    }
    assert {row["scientificName"] for row in rows["observations"]} == {
        "Vulpes vulpes",
        "Meles meles",
    }


async def test_darwin_core_and_speciesnet_have_one_common_name(project: ExchangeProject) -> None:
    _, content = await project.export("darwin-core")
    rows = read_table(unpack(content)["occurrence.txt"], delimiter="\t", quoting=csv.QUOTE_NONE)
    assert {row["scientificName"]: row["vernacularName"] for row in rows} == {
        "Vulpes vulpes": "red fox", "Meles meles": "badger",
    }  # fmt: skip
    _, content = await project.export("speciesnet")
    classes = {
        one["processed_classification"]["class"].rpartition(";")[2]
        for image in json.loads(content)["predictions"] for one in image["detections"]
    }  # fmt: skip
    assert classes == {"red fox", "badger"}


async def test_formats_with_classes_name_them_by_their_taxa(
    project: ExchangeProject, tmp_path: Path
) -> None:
    _, content = await project.export("coco")
    (tmp_path / "coco.json").write_bytes(content)
    coco = COCO(tmp_path / "coco.json")
    assert {one["name"] for one in coco.loadCats(coco.getCatIds())} == {
        "Vulpes vulpes",
        "Meles meles",
    }
    _, content = await project.export("coco-camera-traps")
    names = {one["name"] for one in json.loads(content)["categories"]}
    assert names == {"empty", "Vulpes vulpes", "Meles meles"}
    _, content = await project.export("yolo")
    names = yaml.safe_load(unpack(content)["data.yaml"])["names"].values()
    assert set(names) == {"Vulpes vulpes", "Meles meles"}
    _, content = await project.export("crops")
    table = read_table(unpack(content)["crops.csv"])
    assert {row["scientific_name"] for row in table} == {"Vulpes vulpes", "Meles meles"}
    _, content = await project.export("megadetector")
    assert len(json.loads(content)["images"]) == 3


async def test_exports_of_one_analysis_do_not_depend_on_common_names(
    project: ExchangeProject,
) -> None:
    listed = await project.send("GET", f"/images/{project.images['IMG_1.JPG']}/analyses")
    [analysis] = listed["results"]
    for form in ("json", "csv", "coco"):
        answer = await project.field.client.get(
            f"/api/v2/analyses/{analysis['id']}/export",
            params={"format": form},
            headers={"Authorization": f"Token {project.field.owner}"},
        )
        assert (answer.status_code, b"fox" in answer.content) == (200, True), form


async def test_a_common_name_that_names_people_withholds_the_image(
    project: ExchangeProject,
) -> None:
    await project.create_taxon("Homo neanderthalensis", common_names={"de": ["Urmensch", "Mensch"]})
    hunter = await project.create_taxon(
        "Venator venator", common_names={"en": ["stalker", "hunter"]}
    )
    await project.identify("correct", "IMG_1.JPG", taxon=hunter)
    await generate_thumbnails(project.field.system, SYSTEM)
    await project.send("PATCH", f"/projects/{project.field.project}", {"public": True})
    _, content = await project.export("camtrap-dp")
    media = {row["mediaID"]: row for row in read_table(unpack(content)["media.csv"])}
    assert media[project.images["IMG_1.JPG"]]["filePublic"] == "false"
    assert media[project.images["IMG_2.JPG"]]["filePublic"] == "true"
