"""SpeciesNet predictions, Darwin Core occurrences and Parquet, read back."""

import csv
import io
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import msgspec
import pytest
from pyarrow import parquet
from tests.support.format_spools import (
    HOSTILE,
    LYNX,
    MAN,
    PLACE,
    found,
    image,
    make_spool,
    said,
    write_twice,
)

from trapline.server.exports.formats import (
    darwin_core_export,
    observation_parquet,
    observation_table,
    speciesnet_export,
)
from trapline.server.exports.formats.export_records import DeploymentRecord, ImageRecord
from trapline.server.platform.errors import Unprocessable

SPACE = "{http://rs.tdwg.org/dwc/text/}"


def _hostile() -> tuple[list[ImageRecord], list[DeploymentRecord]]:
    places = [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=text, habitat=text, notes=text)
        for number, text in enumerate(HOSTILE)
    ]
    words = [
        said(
            "correct",
            taxon=LYNX.id,
            label=text or "x",
            comment=text or None,
            behaviour=text or None,
        )
        for text in HOSTILE
    ]
    images = [
        image(
            number,
            found(number, text or "x", said=words[number]),
            deployment_id=UUID(int=number),
            filename=text,
            path=text,
            tags=[text],
            sequence_id=UUID(int=500 + number),
            reviewed=True,
            time_zone=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    return images, places


def test_speciesnet_has_a_classification_for_each_detection(tmp_path: Path) -> None:
    top = {
        "topk": [{"class": "lynx", "confidence": 0.75}, {"class": "cat; wild", "confidence": 0.2}]
    }
    of_box: dict[str, Any] = {
        "parent_id": UUID(int=10_001),
        "taxon": LYNX.id,
        "model_name": "namer",
    }
    child = found(2, "lynx", None, type="classification", data=top, **of_box)
    images = [
        image(1, found(3, "person", (0, 0, 20, 10), confidence=0.95), found(1), child),
        image(2),
        image(3, found(4, "deer", said=said("correct", taxon=LYNX.id))),
        image(4, analysed=False, blank=None),
        image(5, found(5, "lynx", None, taxon=LYNX.id)),
    ]
    report, content = write_twice(speciesnet_export.write, make_spool(tmp_path, images))
    told = json.loads(content)
    assert told["info"] == {"format_version": "20261015"}
    first, empty, corrected, whole = told["predictions"]
    human, lynx = first["detections"]
    name = f"{LYNX.id};mammalia;carnivora;felidae;lynx;lynx;eurasian lynx"
    assert (human["category"], human["label"], human["conf"], human["bbox"]) == (
        "2",
        "human",
        0.95,
        [0, 0, 0.1, 0.1],
    )
    assert human["processed_classification"]["class"].endswith(
        ";mammalia;primates;hominidae;homo;sapiens;human"
    )
    assert (lynx["category"], lynx["bbox"]) == ("1", [0.1, 0.1, 0.5, 0.5])
    assert lynx["processed_classification"] == {"class": name, "score": 0.9, "source": "namer 1.2"}
    raw = lynx["raw_classifications"]
    assert (raw["classes"][0], raw["scores"]) == (name, [0.9, 0.2])
    assert raw["classes"][1].endswith(";;;;;;cat, wild")
    assert (first["filepath"], first["latitude"], first["longitude"]) == (
        "100RECNX/IMG_0001.JPG",
        47.5,
        11.25,
    )
    assert first["model_version"] == "detector 1.2, namer 1.2"
    assert empty["detections"] == []
    assert corrected["detections"][0]["processed_classification"] == {
        "class": name,
        "score": 1.0,
        "source": "human",
    }
    assert (whole["detections"][0]["category"], whole["detections"][0]["bbox"]) == (
        "0",
        [0, 0, 1, 1],
    )
    assert (report.written, [one.count for one in report.left_out]) == (4, [1])


def test_speciesnet_class_strings_have_seven_parts(tmp_path: Path) -> None:
    images, places = _hostile()
    _, content = write_twice(
        speciesnet_export.write, make_spool(tmp_path, images, deployments=places)
    )
    for prediction in json.loads(content)["predictions"]:
        for one in prediction["detections"]:
            names = [
                one["processed_classification"]["class"],
                *one.get("raw_classifications", {}).get("classes", []),
            ]
            assert {name.count(";") for name in names} == {6}


def _read_archive(content: bytes) -> tuple[list[dict[str, str]], ET.Element, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["eml.xml", "meta.xml", "occurrence.txt"]
        meta = ET.fromstring(archive.read("meta.xml"))
        eml = ET.fromstring(archive.read("eml.xml"))
        text = archive.read("occurrence.txt")
    core = meta.find(f"{SPACE}core")
    assert core is not None
    terms = [field.get("term", "").rpartition("/")[2] for field in core.findall(f"{SPACE}field")]
    rows = list(
        csv.DictReader(
            io.StringIO(text.decode(), newline=""), delimiter="\t", quoting=csv.QUOTE_NONE
        )
    )
    assert text.decode().split("\n", 1)[0].split("\t") == terms
    assert not [row for row in rows if None in row or None in row.values()]
    return rows, eml, text


def test_darwin_core_has_occurrences_of_sequences(tmp_path: Path) -> None:
    right = said(sex="female", behaviour="resting")
    images = [
        image(1, found(1, "lynx", taxon=LYNX.id, said=right), reviewed=True),
        image(2, *(found(n, "lynx", taxon=LYNX.id, said=right) for n in (2, 3)), reviewed=True),
        image(3, found(4, "lynx", taxon=LYNX.id, confidence=0.6), sequence_id=UUID(int=9001)),
        image(
            4,
            found(5, "person", taxon=MAN.id),
            found(6, "lynx", taxon=LYNX.id),
            sequence_id=UUID(int=9002),
        ),
        image(5, found(7, "deer"), sequence_id=UUID(int=9003)),
        image(6, sequence_id=UUID(int=9004)),
    ]
    ada = {"title": "Ada", "role": "contact", "email": "a@example.org", "organization": "Org"}
    options: dict[str, Any] = {
        "title": "Lynx & <co>",
        "data_licence": "CC0-1.0",
        "contributors": [ada],
    }
    report, content = write_twice(
        darwin_core_export.write, make_spool(tmp_path, images, **options), tells_when=True
    )
    rows, eml, _ = _read_archive(content)
    by_people, by_model, beside_people = rows
    wanted: dict[str, Any] = {
        "scientificName": "Lynx lynx",
        "scientificNameAuthorship": "(Linnaeus, 1758)",
        "individualCount": "2",
        "sex": "female",
        "behavior": "resting",
        "identifiedBy": "Ada",
        "family": "Felidae",
        "kingdom": "Animalia",
        "basisOfRecord": "MachineObservation",
        "eventDate": "2026-06-01T14:00:10+02:00/2026-06-01T14:00:20+02:00",
        "decimalLatitude": "47.5000000",
        "geodeticDatum": "EPSG:4326",
        "taxonID": "https://www.gbif.org/species/2435240",
        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "occurrenceStatus": "present",
        "identificationVerificationStatus": "verified by human",
        "coordinateUncertaintyInMeters": "12.5",
    }
    assert {name: by_people[name] for name in wanted} == wanted
    assert (
        by_people["associatedMedia"].count(
            "https://traps.example.org/api/v2/public/projects/7/images/"
        )
        == 2
    )
    assert (by_model["identifiedBy"], by_model["individualCount"]) == ("detector 1.2", "1")
    assert by_model["identificationVerificationStatus"] == "predicted by machine"
    assert beside_people["associatedMedia"] == ""
    assert len({row["occurrenceID"] for row in rows}) == report.written == 3
    assert eml.findtext("dataset/title") == "Lynx & <co>"
    assert eml.findtext("dataset/contact/electronicMailAddress") == "a@example.org"
    assert [one.count for one in report.left_out] == [1, 1]


def test_labels_of_one_taxon_are_one_occurrence(tmp_path: Path) -> None:
    images = [
        image(1, found(1, "lynx", taxon=LYNX.id), found(2, "Luchs", (0, 0, 20, 20), taxon=LYNX.id)),
        image(
            2, found(3, "deer", said=said("correct", taxon=LYNX.id, sex="female")), reviewed=True
        ),
        image(
            3,
            found(4, "lynx", taxon=LYNX.id, said=said("blank")),
            found(5, "lynx", taxon=LYNX.id),
            sequence_id=UUID(int=9001),
            reviewed=True,
        ),
        image(
            4,
            found(6, "x", aside=True, taxon=LYNX.id),
            found(7, "lynx", taxon=LYNX.id),
            found(8, "Luchs", (0, 0, 20, 20), taxon=LYNX.id),
            shown=False,
            sequence_id=UUID(int=9002),
        ),
    ]
    _, content = write_twice(
        darwin_core_export.write, make_spool(tmp_path, images), tells_when=True
    )
    said_so, beside_blank, not_shown = _read_archive(content)[0]
    assert (said_so["sex"], said_so["individualCount"], said_so["identifiedBy"]) == (
        "female",
        "1",
        "Ada",
    )
    assert beside_blank["identificationVerificationStatus"] == "predicted by machine"
    assert (not_shown["individualCount"], not_shown["associatedMedia"]) == ("2", "")
    _, again = write_twice(
        darwin_core_export.write, make_spool(tmp_path, images[3:]), tells_when=True
    )
    [alone] = _read_archive(again)[0]
    assert alone["occurrenceID"] == not_shown["occurrenceID"]
    private = make_spool(tmp_path, images)
    private.about.public = False
    _, content = write_twice(darwin_core_export.write, private, tells_when=True)
    assert {row["associatedMedia"] for row in _read_archive(content)[0]} == {""}


def test_speciesnet_paths_include_the_deployment(tmp_path: Path) -> None:
    other = msgspec.structs.replace(PLACE, id=UUID(int=2), name="Ridge: north")
    images = [image(1), image(1, deployment_id=other.id)]
    _, content = write_twice(
        speciesnet_export.write, make_spool(tmp_path, images, deployments=[PLACE, other])
    )
    paths = [one["filepath"] for one in json.loads(content)["predictions"]]
    assert paths[0] == "Ridge-north/100RECNX/IMG_0001.JPG"
    assert len(set(paths)) == 2


def test_hostile_texts_do_not_break_cells(tmp_path: Path) -> None:
    images, places = _hostile()
    south = msgspec.structs.replace(places[0], latitude=-33.5, longitude=None)
    west = msgspec.structs.replace(places[1], latitude=-33.5, longitude=-70.25)
    spool = make_spool(
        tmp_path,
        images,
        deployments=[south, west, *places[2:]],
        title=HOSTILE[-2],
        description=HOSTILE[9],
    )
    report, content = write_twice(darwin_core_export.write, spool, tells_when=True)
    rows, _, _ = _read_archive(content)
    assert len(rows) == report.written == len(HOSTILE)
    assert (rows[0]["decimalLatitude"], rows[1]["decimalLongitude"]) == ("", "-70.2500000")
    for row in rows:
        cells = [cell for name, cell in row.items() if not name.startswith("decimal")]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert any("no coordinates" in one.what for one in report.left_out)


def test_parquet_has_the_rows_of_the_table_with_types(tmp_path: Path) -> None:
    images = [
        image(1, found(1, "lynx", taxon=LYNX.id), found(2)),
        image(2),
        image(3, said=said(count=2), reviewed=True),
    ]
    spool = make_spool(tmp_path, images)
    report, content = write_twice(observation_parquet.write, spool)
    rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    table = [
        dict(zip(observation_table.COLUMNS, cells, strict=True))
        for cells in observation_table.list_observations(spool)
    ]
    assert len(rows) == len(table) == report.written == 4
    assert [row["observation_id"] for row in rows] == [str(row["observation_id"]) for row in table]
    assert (rows[0]["confidence"], rows[0]["x_min_px"], rows[0]["starred"]) == (0.9, 20.0, False)
    assert rows[0]["captured_at"].isoformat() == "2026-06-01T12:00:10+00:00"


def test_geoparquet_has_locations(tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(PLACE, id=UUID(int=2), latitude=None, longitude=None)
    spool = make_spool(
        tmp_path, [image(1), image(2, deployment_id=nowhere.id)], deployments=[PLACE, nowhere]
    )
    table = parquet.read_table(io.BytesIO(write_twice(observation_parquet.write_geo, spool)[1]))
    told = json.loads(table.schema.metadata[b"geo"])
    assert (told["version"], told["primary_column"]) == ("1.1.0", "geometry")
    assert told["columns"]["geometry"] == {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "bbox": [11.25, 47.5] * 2,
    }
    assert table["geometry"].to_pylist() == [struct.pack("<BIdd", 1, 1, 11.25, 47.5), None]


def test_parquet_accepts_any_text_and_empty_exports(tmp_path: Path) -> None:
    images, places = _hostile()
    _, content = write_twice(
        observation_parquet.write, make_spool(tmp_path, images, deployments=places)
    )
    rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    assert [row["filename"] or "" for row in rows] == list(HOSTILE)
    report, content = write_twice(observation_parquet.write_geo, make_spool(tmp_path, []))
    assert (report.written, parquet.read_table(io.BytesIO(content)).num_rows) == (0, 0)


def test_parquet_without_pyarrow_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unprocessable, match=r"\.\[server,parquet\]"):
        observation_parquet.write(make_spool(tmp_path, [image(1)]), io.BytesIO())
