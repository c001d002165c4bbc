"""A project that is filled through the API: images, taxa, findings, exports, imports."""

import csv
import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import frictionless

from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.image_factory import make_jpeg
from trapline.server.exports.actions.export_build import build_export
from trapline.server.exports.formats import camtrap_dp_validation
from trapline.server.imports.actions.result_import import run_import
from trapline.server.platform.app_context import AppContext

# Frictionless raises this limit for the whole process when its parser is loaded; other tests are
# about Python's own.
import_module("frictionless.formats.csv.parser")
csv.field_size_limit(131_072)
SIZE = (200, 100)
SCHEMAS = Path(camtrap_dp_validation.__file__).parent / "camtrap_dp_schemas"


@dataclasses.dataclass
class ExchangeProject:
    """A project with the IDs of its images by their paths."""

    field: Field
    images: dict[str, str] = dataclasses.field(default_factory=dict)

    async def send(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        """Call the API as the owner, expect a status and return the JSON of the response."""
        answer = await self.field.call(method, path, body)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def create_deployment(self, name: str, **more: Any) -> str:
        """Create a deployment with coordinates and return its ID."""
        body = {
            "project": self.field.project,
            "name": name,
            "latitude": 47.5,
            "longitude": 11.25,
        } | more
        return str((await self.send("POST", "/deployments", body, 201))["id"])

    async def upload(self, deployment: str, *paths: str) -> None:
        """Upload an image with different content for each path."""
        for path in paths:
            picture = make_jpeg(len(self.images) + 1, size=SIZE)
            answer = await self.field.client.post(
                "/api/v2/images",
                data={"project": str(self.field.project), "deployment": deployment},
                files=[("files", (path, picture, "image/jpeg"))],
                headers={"Authorization": f"Token {self.field.owner}"},
            )
            assert answer.status_code == 200, answer.text
            [file] = answer.json()["files"]
            assert file["outcome"] == "imported", file
            self.images[path] = file["image_id"]

    async def create_taxon(self, name: str, *labels: str, **more: Any) -> str:
        """Create a taxon, map labels of models to it and return its ID."""
        body = {"project": self.field.project, "scientific_name": name} | more
        taxon = str((await self.send("POST", "/taxa", body, 201))["id"])
        meanings = [{"label": label, "taxon": taxon} for label in labels]
        await self.send("PUT", "/taxa/labels", {"project": self.field.project, "labels": meanings})
        return taxon

    async def import_file(self, kind: str, content: bytes, **query: Any) -> dict[str, Any]:
        """Import a file as the background process does and return the import with its faults.

        `lost_values` are those faults that name values without a place in a project.
        """
        answer = await self.field.client.post(
            "/api/v2/imports",
            params=dict[str, Any](project=self.field.project, format=kind, filename="file") | query,
            content=content,
            headers={"Authorization": f"Token {self.field.owner}"},
        )
        assert answer.status_code == 202, answer.text
        key = answer.json()["id"]
        await run_import(self.field.system, SYSTEM, UUID(key))
        made = dict(await self.send("GET", f"/imports/{key}"))
        faults = await self.send("GET", f"/imports/{key}/faults?limit=1000")
        listed = [one["message"] for one in faults["results"]]
        lost = [one for one in listed if "has no place here" in one]
        return made | {"listed_faults": listed, "lost_values": lost}

    async def detect(
        self, boxes: Mapping[str, Sequence[tuple[Any, ...]]], model: str = "detector"
    ) -> None:
        """Import MegaDetector results: for each path its boxes, with labels."""
        labels = sorted({box[0] for found in boxes.values() for box in found})
        numbers = {label: str(number) for number, label in enumerate(labels, 1)}
        images = [
            {
                "file": path,
                "detections": [
                    {"category": numbers[label], "conf": 0.9, "bbox": list(place)}
                    for label, place in found
                ],
            }
            for path, found in boxes.items()
        ]
        content = {
            "images": images,
            "detection_categories": {key: name for name, key in numbers.items()},
        }
        made = await self.import_file(
            "megadetector", json.dumps(content).encode(), model_name=model, model_version="1"
        )
        assert (made["state"], made["faults"]) == ("completed", 0), made

    async def identify(self, kind: str, path: str, **more: Any) -> None:
        """Identify a whole image."""
        body = {"identifications": [{"kind": kind, "images": [self.images[path]]} | more]}
        await self.send("POST", "/identifications", body, 201)

    async def export(
        self, form: str, expect: str = "ready", content: str | None = None, **options: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Make an export as the background process does and download it."""
        body = {"project": self.field.project, "format": form, "options": options}
        if content is not None:
            body["content"] = content
        key = (await self.send("POST", "/exports", body, 202))["id"]
        await build_export(self.field.system, SYSTEM, UUID(key))
        made = await self.send("GET", f"/exports/{key}")
        assert (made["state"], made["error"]) == (expect, None), (
            form,
            made["state"],
            made["error"],
            made["problems"],
        )
        answer = await self.field.client.get(
            f"/api/v2/exports/{key}/download",
            headers={"Authorization": f"Token {self.field.owner}"},
        )
        return made, answer.content


async def make_exchange_project(system: AppContext, name: str = "exchange") -> ExchangeProject:
    """Make a project without images."""
    return ExchangeProject(await make_field(system, 0, name))


def open_package(content: bytes, folder: Path) -> frictionless.Package:
    """Unpack a Camtrap DP, with its profile and schemas from this repository."""
    for name, data in unpack(content).items():
        (folder / name).write_bytes(data)
    descriptor = json.loads((folder / "datapackage.json").read_bytes())
    descriptor.pop("profile")
    for resource in descriptor["resources"]:
        resource["schema"] = json.loads(
            (SCHEMAS / resource["schema"].rpartition("/")[2]).read_bytes()
        )
    return frictionless.Package(descriptor, basepath=str(folder))


def read_resource(package: frictionless.Package, name: str) -> list[Any]:
    """Read all rows of a table of a package, as Frictionless types them."""
    return list(cast("Any", package.get_resource(name)).read_rows())


def validate_package(package: frictionless.Package) -> list[Any]:
    """Validate all rows of a package and return the errors."""
    return list(package.validate().flatten(["rowNumber", "fieldName", "message"]))


def unpack(content: bytes) -> dict[str, bytes]:
    """Unpack a zip and return its files by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}
