"""Validate a Camtrap DP export against its standard, without network access.

Frictionless, the field's reference validator, reads about two thousand rows per second and keeps
every ID in memory. A million rows would take ten minutes and exceed the memory limit of an export.
Therefore the schema of each table is compiled to one regular expression, which every row must
match while it is written. Frictionless validates the deployments and the first images with their
references; this covers all of a small export. The schemas and the profile are those of TDWG
(github.com/tdwg/camtrap-dp, release 1.0.2, MIT), in the folder `camtrap_dp_schemas`.

Frictionless runs in a separate process, `python -m
trapline.server.exports.formats.camtrap_dp_validation FOLDER`: it changes the maximum cell length
of `csv` for the whole process, and loads 80 MB that Python would never return to the system.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TABLES = ("deployments", "media", "observations")
MOST_ROWS = 1000
"""The number of rows per table that Frictionless reads, in addition to all deployments."""
MOST_ERRORS = 20
LONGEST_S = 600

DESCRIPTOR = "datapackage.json"
_FOLDER = "camtrap_dp_schemas"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"
_TEXT = r'[^",\n]++|"(?:[^"\n]|"")++"'
_PATH = r"(?![./~])(?:(?!\.\.)[^\",\n])++"
_FRACTION = r"0(?:\.\d++)?|1(?:\.0++)?"
_MORE_THAN_NONE = r"0?\.0*[1-9]\d*|1(?:\.0++)?"


@cache
def load_standard_file(name: str) -> Any:
    """Load a file of the standard."""
    return json.loads(files(__package__).joinpath(_FOLDER, name).read_bytes())


def load_schema(table: str) -> Any:
    """Load the schema of a table."""
    return load_standard_file(f"{table}-table-schema.json")


@cache
def compile_table(table: str) -> re.Pattern[str]:
    """Compile the schema of a table to a regular expression that matches any number of rows."""
    cells = (_compile_field(field) for field in load_schema(table)["fields"])
    return re.compile(f"(?>{','.join(cells)}\n)*+")


def find_invalid_row(table: str, rows: str) -> str | None:
    """Return the first row that does not match the schema of its table, or None."""
    pattern = compile_table(table)
    if pattern.fullmatch(rows):
        return None
    return next((row for row in rows.splitlines(keepends=True) if not pattern.fullmatch(row)), rows)


def _compile_field(field: dict[str, Any]) -> str:
    constraints = field.get("constraints", {})
    pattern = _compile_value(field, constraints)
    return f"(?:{pattern})" if constraints.get("required") else f"(?:{pattern})?+"


def _compile_value(field: dict[str, Any], constraints: dict[str, Any]) -> str:
    if "enum" in constraints:
        return "|".join(map(re.escape, constraints["enum"]))
    least, most = constraints.get("minimum"), constraints.get("maximum")
    match field["type"]:
        case "datetime":
            return _TIME
        case "boolean":
            return "true|false"
        case "integer":
            return r"[1-9]\d*+" if least == 1 else r"-?\d++"
        case "number" if most == 1:
            return _MORE_THAN_NONE if least else _FRACTION
        case "number":
            return r"-?\d++(?:\.\d++)?"
    if field["name"] == "filePath":
        return _PATH
    if field["name"] == "fileMediatype":
        return r"(?:image|video|audio)/[^\",\n]*+"
    return _TEXT


def validate_package(
    descriptor: dict[str, Any], tables: Mapping[str, Sequence[str]], folder: Path
) -> list[str]:
    """Validate rows and descriptor with the standard tools; return each error with its position."""
    with TemporaryDirectory(dir=folder) as package:
        for table, rows in tables.items():
            (Path(package) / f"{table}.csv").write_text("".join(rows), "utf-8", newline="")
        (Path(package) / DESCRIPTOR).write_text(json.dumps(descriptor), "utf-8")
        done = subprocess.run(
            [sys.executable, "-I", "-m", __spec__.name, package],
            cwd="/", env={"LANG": "C.UTF-8"}, capture_output=True, check=True, timeout=LONGEST_S,
        )  # fmt: skip
    return list(json.loads(done.stdout))


def main(folder: Path) -> None:
    """Validate the package in a folder, and print a JSON list of the errors."""
    descriptor = json.loads((folder / DESCRIPTOR).read_text("utf-8"))
    wrong = [f"{DESCRIPTOR}, {where}: {what}" for where, what in _check_descriptor(descriptor)]
    sys.stdout.write(json.dumps(wrong or list(_check_tables(folder))))


def _check_descriptor(descriptor: dict[str, Any]) -> Iterable[tuple[str, str]]:
    from jsonschema import Draft4Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT4

    # Schemas that the profile refers to, by their URLs.
    shapes = {"type": "object", "required": ["type", "coordinates"]}
    known = {
        "https://specs.frictionlessdata.io/schemas/data-package.json": load_standard_file(
            "data-package.json"
        ),
        "http://json.schemastore.org/geojson.json": shapes,
    }
    registry: Any = Registry().with_resources(
        (address, Resource.from_contents(content, default_specification=DRAFT4))
        for address, content in known.items()
    )
    validator = Draft4Validator(load_standard_file("camtrap-dp-profile.json"), registry=registry)
    for count, error in enumerate(validator.iter_errors(descriptor)):
        if count == MOST_ERRORS:
            return
        yield ".".join(map(str, error.absolute_path)) or "the whole", error.message[:300]


def _check_tables(folder: Path) -> Iterable[str]:
    from frictionless import Package

    resources = [
        {
            "name": table, "path": f"{table}.csv", "schema": load_schema(table), "format": "csv",
            "encoding": "utf-8", "type": "table", "mediatype": "text/csv",
        }
        for table in TABLES
    ]  # fmt: skip
    package = Package.from_descriptor(
        {"name": "export", "resources": resources}, basepath=str(folder)
    )
    report = package.validate(limit_errors=MOST_ERRORS)
    for error in report.flatten(["title", "note", "fieldName", "rowNumber"])[:MOST_ERRORS]:
        title, note, field, row = error
        where = ", ".join(
            f"{what} {which}" for what, which in (("row", row), ("column", field)) if which
        )
        yield f"{title}{' in ' + where if where else ''}: {str(note)[:300]}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
