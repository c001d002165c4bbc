"""`trapline simulate` plays a whole external pipeline on a real server, and explains each error."""

import io
import re
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest
from PIL import Image
from tests.support.camera_images import make_picture
from tests.support.running_server import SHARED_SECRET, RunningServer

from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.projects import NewProject


@pytest.fixture
def image(server: RunningServer, tmp_path: Path) -> UUID:
    """Upload an image of 320 x 240 pixels to a new project."""
    file = tmp_path / "IMG_0001.JPG"
    file.write_bytes(make_picture(7, (320, 240)))
    with server.open() as owner:
        project = owner.create_project(NewProject(name="simulated")).id
        [sent] = owner.upload_images([file], project=project).files
    assert sent.image_id is not None
    return sent.image_id


@pytest.mark.parametrize(
    ("secret", "whose"),
    [("", "its own secret"), (f"{SHARED_SECRET}, older", "the secret of ML_CALLBACK_HMAC_SECRET")],
)
def test_a_whole_pipeline_is_played(
    server: RunningServer, image: UUID, secret: str, whose: str
) -> None:
    # The address may come from where the pipelines of others read it.
    done = server.call(
        "simulate", "--image-id", str(image), ML_CALLBACK_HMAC_SECRET=secret,
        TRAPLINE_SERVER="http://127.0.0.1:9", API_BASE_URL=f"{server.base_url}/api",
    )  # fmt: skip
    assert f"signed with {whose} ... done" in done.stdout
    page = re.search(rf"See it: ({server.base_url}/projects/\d+/images/{image})\n", done.stdout)
    assert page is not None, done.stdout
    assert (
        httpx2.get(page.group(1), headers={"Accept": "text/html"}, trust_env=False).status_code
        == 200
    )
    with server.open() as owner:
        [analysis] = owner.list_analyses(image).results
        assert (analysis.status, analysis.model_name, analysis.model_version) == (
            "completed", "simulated-detector", "1.0",
        )  # fmt: skip
        assert analysis.simulated
        assert owner.get_image(image).classes == [], "invented animals are not found"
        found = owner.list_annotations(analysis.id).results
        [artifact] = owner.list_artifacts(analysis.id).results
    kinds = [one.annotation_type for one in found]
    listed = server.call("analysis", "list", str(image)).stdout
    assert "completed, simulated" in listed
    assert (
        f"completed, simulated: {len(found)} found"
        in server.call("analysis", "show", str(analysis.id)).stdout
    )
    assert sorted(kinds) == [
        "bounding_box",
        "bounding_box",
        "classification",
        "classification",
        "heatmap",
    ]
    boxes = {one.id: one for one in found if one.annotation_type == "bounding_box"}
    assert {one.parent_id for one in found if one.annotation_type == "classification"} == set(boxes)
    assert not any(one.scaled for one in boxes.values())
    assert (artifact.state, artifact.media_type) == ("cited", "image/png")
    [heatmap] = [one for one in found if one.download_url is not None]
    assert heatmap.download_url is not None
    picture = Image.open(io.BytesIO(httpx2.get(heatmap.download_url, trust_env=False).content))
    picture.load()
    assert picture.size == (heatmap.data["width"], heatmap.data["height"]) == (160, 120)
    assert picture.getextrema() == (0, 255)


def test_an_outside_pipelines_own_token_is_enough(server: RunningServer, image: UUID) -> None:
    with server.open() as owner:
        project = owner.get_image(image).project_id
        token = owner.create_token(
            NewToken(name="outside", kind=TokenKind.PIPELINE, projects=[project])
        ).token
    named = ("--model-name", "deer-net", "--model-version", "2", "--base-url", server.base_url)
    server.call(
        "simulate",
        "--image-id",
        str(image),
        *named,
        TRAPLINE_TOKEN=token,
        API_BASE_URL="http://127.0.0.1:9",
    )
    with server.open() as owner:
        [analysis] = owner.list_analyses(image).results
    assert (analysis.status, analysis.model_name, analysis.model_version) == (
        "completed",
        "deer-net",
        "2",
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "words"),
    [
        ((), {"ML_CALLBACK_HMAC_SECRET": "not it"}, 4, "must be the same as on the server"),
        (("--model-name", "two words"), {}, 2, "model_name"),
        (("--base-url", "nonsense"), {}, 2, "'nonsense' is not the URL of a server"),
        (("--base-url", "http://127.0.0.1:9"), {}, 3, "no answer"),
        ((), {"TRAPLINE_TOKEN": ""}, 2, "TRAPLINE_TOKEN is not set"),
        ((), {"TRAPLINE_TOKEN": "tl_user_wrong"}, 4, "token"),
        (("--image-id", str(uuid4())), {}, 4, "does not exist"),
        (("--image-id", "7"), {}, 2, "valid UUID"),
    ],
)
def test_errors_are_reported_as_sentences(
    server: RunningServer,
    image: UUID,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    code: int,
    words: str,
) -> None:
    done = server.call("simulate", "--image-id", str(image), *arguments, check=False, **settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert ("remains unfinished" in done.stdout) == ("ML_CALLBACK_HMAC_SECRET" in settings)


@pytest.mark.long
def test_a_server_without_outside_pipelines_is_told(
    own_server: RunningServer, tmp_path: Path
) -> None:
    own_server.settings = {**own_server.settings, "ML_ANALYSIS_ENABLED": "false"}
    own_server.start()
    file = tmp_path / "IMG_0001.JPG"
    file.write_bytes(make_picture(1))
    with own_server.open() as owner:
        project = owner.create_project(NewProject(name="closed")).id
        [sent] = owner.upload_images([file], project=project).files
    done = own_server.call("simulate", "--image-id", str(sent.image_id), check=False)
    assert done.returncode == 4
    assert "ML_ANALYSIS_ENABLED" in done.stderr
