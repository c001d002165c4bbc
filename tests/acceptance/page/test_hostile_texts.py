"""Injected texts in every field of people and programs: a real browser shows them as text."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psycopg
import pytest
from playwright.sync_api import Dialog, Error
from tests.support.camera_images import make_picture
from tests.support.hostile_texts import SHOWN, STRIKES, STRUCK, TEXT, Typist
from tests.support.populated_project import NOBODY, Furnished, furnish, write_results
from tests.support.running_server import RunningServer, wait_for
from tests.support.signed_in_browser import Seat

from trapline.client import CallbackSession
from trapline.client.signing import build_secret_signer
from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.annotations import AnnotationType
from trapline.wire.artifacts import ArtifactType
from trapline.wire.bulk_annotations import BulkAnnotation

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

EACH = [
    pytest.param(turn, marks=[pytest.mark.long] if turn else []) for turn in range(len(STRIKES))
]
"""Each text is in some fields; in the soak it is in every field once."""
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture(scope="module")
def furnished(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Something on every screen."""
    return furnish(seat.server, seat.scene, tmp_path_factory.mktemp("furniture"))


@pytest.mark.parametrize("turn", EACH)
def test_typed_text_stays_text_on_every_screen(
    seat: Seat, furnished: Furnished, tmp_path: Path, turn: int
) -> None:
    dialogs: list[str] = []
    struck: list[str] = []
    shown: set[str] = set()

    def refuse(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with typing(seat.server, turn) as typist, seat.tab() as tab:
        tab.page.on("dialog", refuse)
        screens, files = type_everywhere(typist, seat.server, furnished, tmp_path)
        assert not typist.find_unfilled()
        for path in [*furnished.screens(), *screens]:
            page = tab.open_whole(path)
            struck += [f"{path}: {one}" for one in page.evaluate(STRUCK)]
            told = page.evaluate(SHOWN)
            shown |= {bare for text, bare in typist.typed.items() if text in told}
        tab.expect_nothing_wrong()
        for address in files:
            with suppress(Error):  # an attachment does not open a page
                tab.page.goto(address)
    assert not dialogs
    assert not struck, "\n".join(struck)
    assert shown == set(STRIKES), "a text that is on no screen proves nothing"


@contextmanager
def typing(server: RunningServer, turn: int) -> Iterator[Typist]:
    """Return the owner who enters the texts.

    Texts that would disturb other tests are removed at the end.
    """
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx2.Client(
        base_url=server.base_url, headers=headers, trust_env=False, timeout=30
    ) as session:
        name = session.get("/api/v2/auth/me").json()["name"]
        typist = Typist(session, turn)
        other = typist.send("POST", "/api/v2/projects", {"name": TEXT, "description": TEXT})
        try:
            yield typist
        finally:
            session.patch("/api/v2/auth/me", json={"name": name})
            session.patch(f"/api/v2/projects/{other['id']}", json={"name": "Struck"})


def type_everywhere(
    typist: Typist, server: RunningServer, furnished: Furnished, folder: Path
) -> tuple[list[str], list[str]]:
    """Fill every field of every kind of object.

    Return the screens of the objects and the URLs of files.
    """
    project, turn, scene = furnished.scene.project, typist.turn, furnished.scene
    here, image = f"/projects/{project}", str(scene.images["wide.jpg"].id)
    send = typist.send
    send("PATCH", "/api/v2/auth/me", {"name": TEXT})
    conditions = dict.fromkeys(("class_name", "individual", "model_class", "tag"), TEXT)
    send("POST", "/api/v2/saved-views", {"project": project, "name": TEXT, "filter": conditions})
    sets = "/api/v2/projects/{project_id}/review-sets"
    made = send("POST", sets, {"name": TEXT}, project_id=project)
    control = sets + "/{set_id}/controls/{image_id}"
    known = {"project_id": project, "set_id": made["id"], "image_id": image}
    send("PUT", control, {"label": TEXT}, **known)
    palette = {"keys": [{"key": 1, "label": TEXT}]}
    send("PUT", "/api/v2/projects/{project_id}/palette", palette, project_id=project)
    send(
        "PATCH",
        "/api/v2/projects/{project_id}",
        {"name": TEXT, "description": TEXT, "public": True},
        project_id=project,
    )
    place = send(
        "POST",
        "/api/v2/deployments",
        {
            "project": project,
            "groups": [TEXT],
            "tags": [TEXT],
            "inactive_periods": [
                {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z", "reason": TEXT}
            ],
        }
        | dict.fromkeys(
            ("name", "camera", "camera_model", "habitat", "notes", "setup_by", "pickup_by"), TEXT
        ),
    )
    send("POST", "/api/v2/auth/tokens", {"name": TEXT})
    send("POST", "/api/v2/callback_keys", {"projects": [project], "service": TEXT, "name": TEXT})
    send(
        "POST",
        "/api/v2/users",
        {
            "email": f"struck{turn}@example.org",
            "name": TEXT,
            "memberships": [{"project": project, "role": "viewer"}],
        },
    )
    # An image has at most 50 tags, so those of earlier turns are removed.
    stored = typist.session.get(f"/api/v2/images/{image}").json()["tags"]
    if earlier := [tag for tag in stored if any(bare in tag for bare in STRIKES)]:
        send("PATCH", "/api/v2/images", {"images": [image], "remove_tags": earlier})
    # Shown for certain: two images have each of the texts among their tags.
    tags = len(STRIKES) // 2
    send("PATCH", "/api/v2/images", {"images": [image], "add_tags": [TEXT] * tags})
    taxon = send(
        "POST",
        "/api/v2/taxa",
        {
            "project": project,
            **dict.fromkeys(("scientific_name", "authorship", "rank", "external_id"), TEXT),
            "higher_ranks": {"family": TEXT},
            "common_names": {"en": [TEXT]},
        },
    )
    send(
        "PUT",
        "/api/v2/taxa/labels",
        {"project": project, "labels": [{"label": TEXT, "taxon": taxon["id"]}]},
    )
    send(
        "PATCH",
        "/api/v2/projects/{project_id}/observation-settings",
        {"blank_labels": [TEXT], "class_thresholds": {typist.type(): 0.3}},
        project_id=project,
    )
    said: list[dict[str, object]] = [
        {"kind": "comment", "comment": TEXT},
        {"kind": "correct", "label": TEXT, "behaviour": TEXT, "individual_id": TEXT},
        {
            "kind": "correct",
            "taxa": [dict.fromkeys(("label", "behaviour", "individual_id"), TEXT)],
        },
    ]
    for one in said:
        body = {"identifications": [one | {"images": [image]}]}
        send("POST", "/api/v2/identifications", body)
    drawn: dict[str, object] = {
        "image": image,
        "box": {"x_min": 5, "y_min": 5, "x_max": 25, "y_max": 25},
    }
    drawn |= dict.fromkeys(("label", "behaviour", "individual_id"), TEXT)
    send("POST", "/api/v2/annotations", {"annotations": [drawn]})
    send(
        "POST",
        "/api/v2/presets",
        {"project": project, "name": f"struck-{turn}", "pipeline": "known", "description": TEXT},
    )
    send(
        "POST",
        "/api/v2/notification-subscriptions",
        {"project": project, "kind": "class_seen", "class_name": TEXT},
    )
    webhook = send(
        "POST", "/api/v2/webhooks", {"project": project, "url": f"{NOBODY}/told", "name": TEXT}
    )
    source = send("POST", "/image-pull-sources", {
        "name": TEXT, "base_url": f"{NOBODY}/DCIM/", "deployment": place["id"],
        "auth_type": "basic",
        "auth_username": typist.type(without=":"), "auth_password": "secret", "include": [TEXT],
        "exclude": [TEXT],
    })  # fmt: skip
    about = dict.fromkeys(("title", "description", "data_licence", "media_licence"), TEXT)
    named = [dict.fromkeys(("title", "organization", "path"), TEXT)]
    export = send("POST", "/api/v2/exports", {
        "project": project, "format": "camtrap-dp",
        "selection": dict.fromkeys(("class_name", "tag", "individual", "model_class"), TEXT),
        "options": about | {"contributors": named, "sampling_design": "opportunistic"},
    })  # fmt: skip
    job = _work(typist, server, furnished)
    addresses = _call_back(typist, server, image)
    with server.open() as owner:
        files = [folder / typist.type(without="/") for _ in range(2)]
        for number, file in enumerate(files):
            file.write_bytes(
                make_picture(1000 * turn + number) + b"<script>alert(1)</script>" + SVG
            )
        shown, gone = (
            one.image_id for one in owner.upload_images(files, deployment=place["id"]).files
        )
        send("POST", "/api/v2/images/delete", {"images": [str(gone)], "reason": TEXT})
        assert shown is not None
        send("PATCH", "/api/v2/images", {"images": [str(shown)], "add_tags": [TEXT] * tags})
        addresses.append(owner.get_image(shown).file_url)
        results = folder / "results <img data-struck src=x onerror=alert(1)>.json"
        told = write_results("wide.jpg", typist.type())
        told["info"]["detector"], told["detection_categories"]["1"] = typist.type(), typist.type()
        results.write_text(json.dumps(told))
        imported = owner.import_results(results, "megadetector", project=project)
        owner.wait_for_import(imported.id, timeout_s=60)
        owner.wait_for_export(export["id"], timeout_s=60)
    with psycopg.connect(find_running_url(server.data) or "") as connection:
        # Names of files, and words of servers, that no server of a test says.
        connection.execute(
            "insert into pulled_files (source_id, project_id, path, state, attempts, fingerprint, "
            "error)"
            " values (%s, %s, %s, 'failed', 1, '', %s)",
            (source["id"], project, typist.type(), typist.type()),
        )
    screens = (
        f"images/{shown}", f"jobs/{job}", f"sources/{source['id']}", f"deployments/{place['id']}",
        f"integrations/webhooks/{webhook['id']}", f"exports/{export['id']}",
        f"imports/{imported.id}",
    )  # fmt: skip
    return [f"{here}/{screen}" for screen in screens] + [f"/public/{project}"], addresses


def _work(typist: Typist, server: RunningServer, furnished: Furnished) -> int:
    """Do a job as a worker of a hostile maker; answers its number."""
    project, slug = furnished.scene.project, f"struck-{typist.turn}"
    owner = typist.session.headers["Authorization"]
    typist.session.headers["Authorization"] = f"Bearer {furnished.scene.worker_token}"
    service, name, key = typist.type(), typist.type(), typist.type()
    words = dict.fromkeys(("description", "task_type", "version_name"), TEXT)
    classes = {"labels": [TEXT, TEXT], "version": TEXT, "description": TEXT}
    stage = {
        "key": TEXT,
        "name": TEXT,
        "description": TEXT,
        "params": [dict.fromkeys(("name", "key", "category"), TEXT)],
    }
    algorithm = {"name": name, "key": key, "category_map": classes} | words
    pipeline = {
        "slug": slug,
        "name": TEXT,
        "description": TEXT,
        "stages": [stage],
        "algorithms": [algorithm],
    }
    body = {"processing_service_name": service, "pipelines": [pipeline]}
    typist.send("POST", "/api/v2/projects/{project_id}/pipelines", body, project_id=project)
    hello = {"service": service, "pid": 1, "pipelines": [slug], "devices": [TEXT]}
    typist.send(
        "POST", "/api/v2/workers/hello", hello | dict.fromkeys(("name", "host", "version"), TEXT)
    )
    typist.session.headers["Authorization"] = owner
    images = [str(image.id) for image in furnished.scene.images.values()][:2]
    job: int = typist.send(
        "POST",
        "/api/v2/jobs",
        {"project": project, "pipeline": slug, "name": TEXT, "selection": {"images": images}},
    )["id"]
    typist.session.headers["Authorization"] = f"Bearer {furnished.scene.worker_token}"
    tasks: list[dict[str, str]] = []

    def lease() -> bool:
        tasks.extend(
            typist.send("POST", "/api/v2/jobs/{job_id}/tasks", {"batch_size": 2}, job_id=job)[
                "tasks"
            ]
        )
        return len(tasks) == 2

    wait_for("the tasks", lease)
    good, bad = tasks
    made_by, guess = (
        {"name": name, "key": key},
        {"classification": TEXT, "labels": [TEXT, TEXT], "scores": [0.9, 0.1]},
    )
    found = {
        "source_image_id": good["image_id"], "bbox": {"x1": 10, "y1": 10, "x2": 90, "y2": 90},
        "score": 0.9,
        "algorithm": made_by, "classifications": [guess | {"algorithm": made_by}],
    }  # fmt: skip
    success = {
        "pipeline": slug,
        "source_images": [{"id": good["image_id"], "url": ""}],
        "detections": [found],
    }
    results = [
        {"reply_subject": good["reply_subject"], "result": success},
        {
            "reply_subject": bad["reply_subject"],
            "result": {"error": TEXT, "image_id": bad["image_id"]},
        },
    ]
    told = typist.send("POST", "/api/v2/jobs/{job_id}/result", {"results": results}, job_id=job)
    assert [one["status"] for one in told["tasks"]] == ["accepted", "accepted"]
    typist.session.headers["Authorization"] = owner
    return job


def _call_back(typist: Typist, server: RunningServer, image: str) -> list[str]:
    """Run an analysis of a hostile external pipeline; return the URLs of its files."""
    new = {
        "image_id": image,
        "model_name": "struck",
        "model_version": TEXT,
        "external_job_id": TEXT,
    }
    made = typist.send("POST", "/api/v2/images/{image_id}/analyses", new, image_id=image)
    addresses = []
    with CallbackSession(server.base_url, build_secret_signer(made["callback_secret"])) as outside:
        for name in ("struck.svg", "struck.html", "struck.png"):
            outside.add_artifact(made["id"], ArtifactType.METADATA, name, SVG)
        posted = BulkAnnotation(
            annotation_type=AnnotationType.CLASSIFICATION,
            class_name=typist.type(),
            data={"score": 0.5},
        )
        outside.post_annotations(made["id"], [posted])
        typist.note(
            "POST",
            "/api/v2/analyses/{analysis_id}/annotations:bulk",
            {"annotations": [posted.model_dump(mode="json")]},
        )
        why = typist.type()
        outside.finalize(made["id"], error_message=why)
        typist.note("POST", "/api/v2/analyses/{analysis_id}/finalize", {"error_message": why})
    with server.open() as owner:
        for artifact in owner.list_artifacts(made["id"]).results:
            addresses.append(f"{server.base_url}/api/v2/artifacts/{artifact.id}/download")
    return addresses
