"""Camtrap DP: invalid content is found, and hostile texts are escaped."""

import io
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from tests.support.camtrap_packages import ABOUT, Package, export_package
from tests.support.format_spools import (
    HOSTILE,
    PLACE,
    found,
    image,
    make_spool,
    said,
)

from trapline.server.exports.formats.camtrap_dp import write_export, write_package
from trapline.server.exports.formats.camtrap_dp_validation import (
    TABLES,
    find_invalid_row,
    validate_package,
)


def test_export_without_images_is_a_problem(tmp_path: Path) -> None:
    assert "no images" in export_package(tmp_path, []).report.problems[0].what


def test_hostile_texts_are_escaped(tmp_path: Path) -> None:
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
            number,
            found(
                number,
                text or "x",
                said=said("correct", label=text or "x", comment=text, behaviour=text),
            ),
            deployment_id=UUID(int=100 + number),
            filename=text,
            path=text,
            tags=[text],
            exif={"Make": text, "Model": text},
            sequence_id=UUID(int=7000 + number),
            reviewed=True,
            time_zone=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
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
        ("media", "true", "yes"),
        ("media", "image/jpeg", "jpeg"),
        ("media", "+02:00", ""),
        ("media", "https://", "../"),
        ("observations", ",media,", ",,"),
        ("observations", ",animal,", ",deer,"),
        ("observations", "0.500000", "1.500000"),
        ("observations", "0.500000", "0.000000"),
        ("observations", "0.9,", "2,"),
        ("observations", "machine", "both"),
    ],
)
def test_invalid_row_is_found(tmp_path: Path, table: str, cell: str, wrong: str) -> None:
    rows = export_package(tmp_path, [image(1, found(1))]).texts[f"{table}.csv"].split("\n", 1)[1]
    assert cell in rows
    assert find_invalid_row(table, rows) is None
    bad = rows.replace(cell, wrong)
    assert find_invalid_row(table, rows + bad) == bad


def test_frictionless_and_the_profile_are_applied(tmp_path: Path) -> None:
    package = export_package(tmp_path, [image(1, found(1))])
    tables = {table: package.texts[f"{table}.csv"].splitlines(keepends=True) for table in TABLES}
    tables["media"].append(tables["media"][-1])
    assert any("mediaID" in one for one in validate_package(package.descriptor, tables, tmp_path))
    del package.descriptor["contributors"]
    assert "contributors" in validate_package(package.descriptor, tables, tmp_path)[0]
