"""The external pipeline of the docs with a real model detects the same as the built-in worker."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from tests.conformance.worker.test_pipelines import MACHINE, fetch, overlap
from tests.support.running_server import RunningServer, quiet_environment

from trapline.client import Trapline
from trapline.wire.annotations import Annotation
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.callback_keys import NewCallbackKey
from trapline.wire.projects import NewProject
from trapline.worker.images import decode_image
from trapline.worker.pipeline import InputImage
from trapline.worker.pipelines.yolox_nano import MODEL, YoloxNano

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "external_pipeline.py"
PICTURES = ("sn_domestic_dog.jpg", "sn_african_elephants_with_exif_orientation.jpg", "sn_blank.jpg")


@pytest.fixture(scope="module")
def model() -> Path:
    """The file of the model; skipped with words where it cannot be had."""
    return fetch(MODEL)


def upload(owner: Trapline, samples: Path) -> tuple[int, dict[str, UUID]]:
    """Upload the images to a new project; return their IDs."""
    project = owner.create_project(NewProject(name="outside example")).id
    sent = owner.upload_images(
        [samples / "images" / name for name in PICTURES], project=project
    ).files
    return project, {one.filename: one.image_id for one in sent if one.image_id is not None}


def run_example(server: RunningServer, model: Path, *arguments: str, **environment: str) -> str:
    """Run the example unchanged, with only its environment; return its output."""
    done = subprocess.run(
        [sys.executable, "-I", str(EXAMPLE), *arguments],
        env=quiet_environment(
            API_BASE_URL=server.base_url,
            YOLOX_MODEL=str(model),
            NO_PROXY="127.0.0.1",
            **environment,
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def corners(box: Annotation) -> tuple[float, ...]:
    return tuple(box.data[side] for side in ("x_min", "y_min", "x_max", "y_max"))


@pytest.mark.parametrize("signed_by", ["service key", "analysis secret"])
def test_it_finds_outside_what_our_worker_finds(
    server: RunningServer, samples: Path, model: Path, signed_by: str
) -> None:
    ours = YoloxNano()
    ours.load(MACHINE)
    with server.open() as owner:
        project, images = upload(owner, samples)
        token = owner.create_token(
            NewToken(name="outside", kind=TokenKind.PIPELINE, projects=[project])
        ).token
        key = owner.create_callback_key(NewCallbackKey(projects=[project], service="yolox"))
        secrets = {"CALLBACK_KEY_ID": key.key_id, "CALLBACK_KEY_SECRET": key.secret}
        environment = {
            "TRAPLINE_TOKEN": token,
            "RUN_ID": "first",
            **(secrets if signed_by == "service key" else {}),
        }
        told = run_example(server, model, *map(str, images.values()), **environment).splitlines()
        assert len(told) == len(PICTURES)
        counts = {}
        for name, image_id in images.items():
            [analysis] = owner.list_analyses(image_id).results
            assert f"{analysis.id} completed {analysis.annotation_count}" in told
            content = httpx2.get(owner.get_image(image_id).file_url, trust_env=False).content
            (expected,) = ours.run([InputImage(name, decode_image(content))])
            found = owner.list_annotations(analysis.id, limit=1000).results
            boxes = [one for one in found if one.annotation_type == "bounding_box"]
            names = {
                one.parent_id: one.class_name
                for one in found
                if one.annotation_type == "classification"
            }
            counts[name] = len(boxes)
            assert not any(box.scaled for box in boxes)
            assert len(boxes) == len(names) == len(expected)
            for thing in expected:
                same = max(boxes, key=lambda box: overlap(thing.box, corners(box)))
                assert overlap(thing.box, corners(same)) > 0.95
                assert same.class_name == thing.names[-1].name
                assert names[same.id] == thing.names[0].name
        # The rotated elephants are detected too, and the blank image is recognised.
        assert counts["sn_domestic_dog.jpg"] == 1
        assert counts["sn_african_elephants_with_exif_orientation.jpg"] >= 2
        assert counts["sn_blank.jpg"] == 0
        again = run_example(server, model, *map(str, images.values()), **environment)
        assert again.count("completed already") == len(PICTURES)
        assert all(owner.list_analyses(image_id).count == 1 for image_id in images.values())


def test_a_picture_that_it_cannot_work_on_is_told_as_failed(
    server: RunningServer, samples: Path, model: Path
) -> None:
    with server.open() as owner:
        project, images = upload(owner, samples)
        image_id = images[PICTURES[0]]
        for file in (server.data / "store" / "originals" / str(project)).rglob(
            owner.get_image(image_id).sha256
        ):
            file.unlink()
        with pytest.raises(AssertionError, match="404"):
            run_example(server, model, str(image_id), TRAPLINE_TOKEN=server.token)
        [analysis] = owner.list_analyses(image_id).results
    assert analysis.status == "failed"
    assert analysis.error_message is not None
    assert "404" in analysis.error_message
