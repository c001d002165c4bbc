"""The table of observations: rows, boxes in fractions and pixels, and escaped formulas."""

import csv
import io
from pathlib import Path
from uuid import UUID

from tests.support.export_spools import (
    DEPLOYMENT,
    LYNX,
    make_box,
    make_image,
    make_name,
    make_said,
    make_spool,
    observe,
)

from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ImageRecord,
    ObservationRecord,
)
from trapline.server.exports.formats.observation_table import COLUMNS, write


def read(folder: Path, *images: ImageRecord, **more: object) -> list[dict[str, str]]:
    out = io.BytesIO()
    report = write(make_spool(folder, *images, **more), out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
    assert report.written == len(rows)
    assert all(set(row) == set(COLUMNS) for row in rows)
    return rows


def test_box_and_its_name_are_one_row(tmp_path: Path) -> None:
    names = make_name(2, 1, "fox", confidence=0.1), make_name(3, 1, taxon=LYNX)
    [row] = read(tmp_path, make_image(1, make_box(1), *names))
    expected = {
        "observation_id": str(UUID(int=1)),
        "type": "bounding_box",
        "detected_class": "animal",
        "detected_confidence": "0.9",
        "class_name": "lynx",
        "confidence": "0.8",
        "model_name": "namer",
        "scientific_name": "Lynx lynx",
        "x_min": "0.1",
        "y_min": "0.1",
        "width": "0.5",
        "height": "0.5",
        "x_min_px": "20.0",
        "width_px": "100.0",
        "captured_at": "2026-03-01T13:00:00+01:00",
        "deployment": "Old oak",
        "latitude": "52.5",
        "said": "",
    }
    assert {name: row[name] for name in expected} == expected


def test_each_observation_is_a_row(tmp_path: Path) -> None:
    boxes = [make_box(1), make_box(3), make_box(5)]
    lynx = make_name(6, 5, taxon=LYNX)
    brown = make_said("correct", label="something brown", count=2, individual_id="=B1")
    observed = [
        observe(boxes[0], "animal", brown, label="something brown"),
        observe(boxes[1], "animal", needs_review=True),
        observe(boxes[2], "animal", make_said("confirm"), taxon=LYNX, named_by=lynx.id),
        ObservationRecord(
            UUID(int=9), "animal", "Lynx lynx", LYNX,
            said=make_said("correct", taxon=LYNX, label="Lynx lynx"),
        ),
    ]  # fmt: skip
    rows = read(tmp_path, make_image(1, *boxes, lynx, observed=observed))
    assert [
        (row["type"], row["said"], row["said_label"], row["scientific_name"], row["source"])
        for row in rows
    ] == [
        ("bounding_box", "correct", "something brown", "", "human"),
        ("bounding_box", "", "", "", "model"),
        ("bounding_box", "confirm", "", "Lynx lynx", "human"),
        ("image", "correct", "Lynx lynx", "Lynx lynx", "human"),
    ]
    assert (rows[0]["count"], rows[0]["said_by"]) == ("2", "Anna")
    assert [row["individual_id"] for row in rows] == ["'=B1", "", "", ""]
    assert [row["needs_review"] for row in rows] == ["False", "True", "False", "False"]
    assert (rows[2]["class_name"], rows[2]["model_name"]) == ("lynx", "namer")


def test_blank_image_and_finding_without_box_are_rows(tmp_path: Path) -> None:
    rows = read(
        tmp_path, make_image(1, blank=True, analysed=True), make_image(2, make_name(2, None))
    )
    assert [(row["type"], row["class_name"], row["blank"], row["x_min"]) for row in rows] == [
        ("image", "", "True", ""),
        ("classification", "lynx", "", ""),
    ]


def test_formulas_and_line_breaks_are_escaped(tmp_path: Path) -> None:
    hostile = ["=1+1", "+1", "-1", "@a", "\ta", "a\nb", 'a"b', "a,b", "\r=1", "ü€𝒳"]
    images = [
        make_image(
            n,
            make_box(1, text, data={"x_min": "no"}),
            filename=text,
            tags=[text],
            time_zone="No/where",
        )
        for n, text in enumerate(hostile)
    ]
    places = [
        DeploymentRecord(id=DEPLOYMENT, name="=cmd()", time_zone="UTC", latitude=-1.5, longitude=0)
    ]
    rows = read(tmp_path, *images, deployments=places)
    assert [row["filename"].removeprefix("'") for row in rows] == hostile
    assert all(
        not cell.startswith(("=", "+", "@", "\t", "\r")) for row in rows for cell in row.values()
    )
    assert {row["deployment"] for row in rows} == {"'=cmd()"}
    assert {row["latitude"] for row in rows} == {"-1.5"}
