"""A project in which every screen has something to show, and one in which none has."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.known_image_project import Scene, draw
from tests.support.running_server import RunningServer
from trapline.wire.auth import Role
from trapline.wire.callback_keys import NewCallbackKey
from trapline.wire.deployments import NewDeployment
from trapline.wire.exports import ExportFormat, NewExport
from trapline.wire.identifications import IdentificationKind, NewIdentification
from trapline.wire.jobs import NewJob
from trapline.wire.presets import NewPreset
from trapline.wire.projects import NewProject, ProjectUpdate
from trapline.wire.sources import NewSource
from trapline.wire.users import NewMembership, NewUser
from trapline.wire.webhooks import NewWebhook

NOBODY = "http://localhost:8999"
"""Where the server may not connect to: what is asked of it fails at once, with a reason."""
PLACES = {
    "Kaltenbach ford": (48.1131, 8.2042),
    "Kaltenbach bridge": (48.1134, 8.2049),
    "Upper clearing": (48.1702, 8.1517),
    "Old quarry": (48.0875, 8.3104),
    "Ridge path by the storm-thrown firs, second camera": (48.2011, 8.2733),
}
"""Latitude and longitude by deployment; two lie so near each other that a map shows them as one."""


@dataclass
class Furnished:
    """Data created in addition to the scene; `empty` is a project without data."""

    scene: Scene
    empty: int
    source: str
    webhook: str
    places: dict[str, str]
    exported: str
    imported: str

    def screens(self) -> list[str]:
        """List the URLs of all screens of a signed-in user, with forms and public pages."""
        project, scene = f"/projects/{self.scene.project}", self.scene
        return [
            project,
            *(
                f"{project}/{name}"
                for name in (
                    "images",
                    "review",
                    "sequences",
                    "disagreement",
                    "jobs",
                    "sources",
                    "sources/new",
                    "deployments",
                    "insights",
                )
            ),
            *(
                f"{project}/{name}"
                for name in ("deployments/new", "workers", "integrations", "settings")
            ),
            *(f"{project}/{name}" for name in ("exports", "exports/new", "imports", "imports/new")),
            f"{project}/exports/{self.exported}",
            f"{project}/imports/{self.imported}",
            *(f"{project}/integrations/{name}" for name in ("check", "webhooks", "presets")),
            *(
                f"{project}/settings/{name}"
                for name in (
                    "observations",
                    "taxa",
                    "sensitive-taxa",
                    "members",
                    "account",
                    "people",
                    "notices",
                    "audit",
                )
            ),
            f"{project}/images/{scene.images['wide.jpg'].id}",
            f"{project}/jobs/{scene.job}",
            f"{project}/sources/{self.source}",
            f"{project}/deployments/{self.places['Kaltenbach ford']}",
            f"{project}/integrations/webhooks/{self.webhook}",
            f"{project}/nowhere",
            "/projects/new",
            *(f"/public/{scene.project}{part}" for part in ("", "/images", "/cameras", "/nowhere")),
            f"/public/{scene.project}/images/{scene.images['turned.jpg'].id}",
        ]

    def empty_screens(self) -> list[str]:
        """The screens of the project without anything that show a list."""
        lists = (
            "images",
            "sequences",
            "disagreement",
            "jobs",
            "sources",
            "deployments",
            "workers",
            "integrations",
            "exports",
            "imports",
            "insights",
        )
        parts = (
            "integrations/webhooks",
            "integrations/presets",
            "settings/notices",
            "settings/taxa",
            "settings/sensitive-taxa",
            "settings/observations",
        )
        return [
            f"/projects/{self.empty}",
            *(f"/projects/{self.empty}/{name}" for name in (*lists, *parts)),
        ]


def furnish(server: RunningServer, scene: Scene, folder: Path) -> Furnished:
    """Add deployments, a failing source, a failing webhook, keys and a queued job."""
    project = scene.project
    with server.open() as owner:
        places = {}
        for number, (name, (latitude, longitude)) in enumerate(PLACES.items()):
            place = owner.create_deployment(
                NewDeployment(
                    project=project,
                    name=name,
                    latitude=latitude,
                    longitude=longitude,
                    time_zone="Europe/Berlin",
                )
            )
            places[name] = str(place.id)
            file = folder / f"place{number}.jpg"
            # One camera is silent: its last image is a week old.
            file.write_bytes(
                _taken(
                    number,
                    datetime.now(UTC) - timedelta(days=7 if number == 2 else 0, hours=number + 3),
                )
            )
            owner.upload_images([file], deployment=place.id)
        places["Not measured yet"] = str(
            owner.create_deployment(NewDeployment(project=project, name="Not measured yet")).id
        )
        source = owner.create_source(
            NewSource(
                project=project,
                name="Hut camera",
                base_url=f"{NOBODY}/DCIM/",
                deployment=places["Old quarry"],
                schedule="0 6 * * *",
            )
        )
        owner.run_source(source.id)
        webhook = owner.create_webhook(
            NewWebhook(project=project, url=f"{NOBODY}/told", name="station")
        )
        owner.create_preset(
            NewPreset(
                project=project, name="night", pipeline="known", description="Only what is sure"
            )
        )
        owner.import_taxa(
            project,
            b"scientific_name,synonym_of,common_name_en\nVulpes vulpes,,fox\nCanis vulpes,Vulpes "
            b"vulpes,\n",
        )
        owner.create_callback_key(
            NewCallbackKey(projects=[project], service="deer-net", name="rack 2")
        )
        owner.create_job(NewJob(project=project, pipeline="known", name="In the line"))
        remark = NewIdentification(
            kind=IdentificationKind.COMMENT,
            images=[scene.images["wide.jpg"].id],
            comment="look at the ears",
        )
        _, taken_back = owner.create_identifications(remark, remark)
        owner.withdraw_identifications([taken_back.id])
        owner.invite_user(
            NewUser(
                email=f"viewer{project}@example.org",
                name="Ben Ode",
                memberships=[NewMembership(project=project, role=Role.VIEWER)],
            )
        )
        exported = owner.create_export(NewExport(project=project, format=ExportFormat.CSV))
        owner.wait_for_export(exported.id, timeout_s=60)
        results = folder / "results.json"
        results.write_text(json.dumps(write_results("wide.jpg", "nowhere.jpg")))
        imported = owner.import_results(results, "megadetector", project=project)
        owner.wait_for_import(imported.id, timeout_s=60)
        empty = owner.create_project(NewProject(name="Nothing yet")).id
        owner.update_project(project, ProjectUpdate(public=True))
    return Furnished(
        scene, empty, str(source.id), str(webhook.id), places, str(exported.id), str(imported.id)
    )


def write_results(*names: str) -> dict[str, Any]:
    """Write a MegaDetector file for images with one animal each."""
    found = [{"category": "1", "conf": 0.8, "bbox": [0.375, 0.25, 0.15, 0.18]}]
    return {
        "info": {"format_version": "1.4", "detector": "a detector of the field"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "images": [{"file": name, "detections": found} for name in names],
    }


def _taken(number: int, moment: datetime) -> bytes:
    """Draw an image that differs for each number, with a capture time."""
    picture = Image.open(io.BytesIO(draw("wide.jpg")))
    picture.putpixel((5, 5), (number, 0, 0))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = moment.strftime("%Y:%m:%d %H:%M:%S")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()
