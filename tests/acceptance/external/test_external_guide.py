"""The guide for external pipelines is true: its examples run unchanged against a real server."""

import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import playwright
import pytest
from tests.support.camera_images import make_picture
from tests.support.running_server import SHARED_SECRET, RunningServer, quiet_environment
from tests.support.s3_server import BUCKET, WRITER, S3Server

from trapline.client import CallbackSession, Trapline
from trapline.client.signing import build_message_v1, build_message_v2, build_secret_signer
from trapline.server.app.settings import list_known_variables
from trapline.server.platform.postgres.postgres import find_free_port
from trapline.wire.analyses import NewAnalysis
from trapline.wire.artifacts import ArtifactType
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.callback_keys import CreatedCallbackKey, NewCallbackKey
from trapline.wire.projects import NewProject

GUIDE = Path(__file__).parents[3] / "docs" / "external-pipelines"
BLOCK = re.compile(r"^```(\w+) ([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
WIDTH, HEIGHT = 1920, 1080


def find_blocks(page: str) -> list[tuple[str, str]]:
    """List the fence options and the content of the blocks of a page that have such options."""
    text = (GUIDE / page).read_text(encoding="utf-8")
    return [(match.group(2), match.group(3)) for match in BLOCK.finditer(text)]


def write_files(folder: Path) -> Path:
    """Save every block that has a file name, as a reader of the guide would."""
    for page in ("signing.md", "errors.md"):
        for told, content in find_blocks(page):
            if told.startswith("file="):
                (folder / told.removeprefix("file=")).write_text(content, encoding="utf-8")
    return folder


def read_file(name: str, page: str) -> Any:
    """A JSON block of a page by its file name."""
    return json.loads(dict(find_blocks(page))[f"file={name}"])


def get_node() -> str:
    """Return this machine's node if it is as new as the guide requires, otherwise Playwright's."""
    found = shutil.which("node")
    if found is not None:
        said = subprocess.run(
            [found, "--version"], capture_output=True, text=True, check=True
        ).stdout
        if int(said.lstrip("v").split(".")[0]) >= 20:
            return found
    return str(Path(playwright.__file__).parent / "driver" / "node")


def get_or_skip(program: str) -> str:
    """Find a program of this machine.

    If it is missing, the test is skipped, or fails on a CI machine.
    """
    found = shutil.which(program)
    if found is None:
        words = f"{program} is not installed, so this example of the guide was not run"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found


@dataclass
class Study:
    """An image in a new project, and everything that an external pipeline can receive."""

    server: RunningServer
    owner: Trapline
    project: int
    image: UUID
    token: str
    key: CreatedCallbackKey

    def run(
        self, folder: Path, *command: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the guide with nothing but its environment."""
        return subprocess.run(
            command,
            cwd=folder,
            env=quiet_environment(
                API_BASE_URL=self.server.base_url,
                IMAGE_ID=str(self.image),
                TRAPLINE_TOKEN=self.token,
                NO_PROXY="127.0.0.1",
                **environment,
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@contextmanager
def open_study(server: RunningServer, folder: Path) -> Iterator[Study]:
    """Create a study on a server; the image is created in the folder."""
    file = folder / "IMG_0001.JPG"
    file.write_bytes(make_picture(1, (WIDTH, HEIGHT)))
    with server.open() as owner:
        project = owner.create_project(NewProject(name="studied")).id
        [sent] = owner.upload_images([file], project=project).files
        assert sent.image_id is not None
        token = owner.create_token(
            NewToken(name="outside", kind=TokenKind.PIPELINE, projects=[project])
        ).token
        key = owner.create_callback_key(NewCallbackKey(projects=[project], service="deer-net"))
        yield Study(server, owner, project, sent.image_id, token, key)


@pytest.fixture
def study(server: RunningServer, tmp_path: Path) -> Iterator[Study]:
    with open_study(server, tmp_path) as made:
        yield made


PROGRAMS = ["requests", "httpx", "trapline", "node", "curl"]
SECRETS = ["service key", "analysis secret", "shared secret"]


def command_of(program: str) -> list[str]:
    if program == "node":
        return [get_node(), "pipeline.mjs"]
    if program == "curl":
        get_or_skip("curl")
        get_or_skip("openssl")
        return ["sh", "pipeline.sh"]
    return [sys.executable, f"with_{program}.py"]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_program_of_the_guide_goes_the_whole_way(
    study: Study, tmp_path: Path, program: str, secret: str
) -> None:
    environment = {
        "service key": {
            "CALLBACK_KEY_ID": study.key.key_id,
            "CALLBACK_KEY_SECRET": study.key.secret,
        },
        "analysis secret": {},
        "shared secret": {"ML_CALLBACK_HMAC_SECRET": SHARED_SECRET},
    }[secret]
    done = study.run(write_files(tmp_path), *command_of(program), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    [analysis] = study.owner.list_analyses(study.image).results
    assert done.stdout.split() == [str(analysis.id), "completed", "3"]
    assert (analysis.status, analysis.model_name, analysis.model_version) == (
        "completed",
        "deer-net",
        "1.0",
    )
    assert analysis.started_at is not None
    found = {
        one.annotation_type.value: one for one in study.owner.list_annotations(analysis.id).results
    }
    assert set(found) == {"bounding_box", "classification", "heatmap"}
    assert (found["bounding_box"].class_name, found["bounding_box"].scaled) == ("deer", False)
    assert found["classification"].parent_id == found["bounding_box"].id
    address = found["heatmap"].download_url
    assert address is not None
    assert httpx2.get(address, trust_env=False).content.startswith(b"\x89PNG")
    [key] = study.owner.list_callback_keys(study.project)
    assert (key.last_used_at is not None) == (secret == "service key")


@pytest.mark.long
def test_the_programs_of_the_guide_upload_to_s3(
    make_prepared: Callable[[], Path], s3: S3Server, tmp_path: Path
) -> None:
    settings = {
        "S3_ENDPOINT": s3.endpoint,
        "S3_BUCKET": BUCKET,
        "S3_ACCESS_KEY_ID": WRITER.access_key_id,
        "S3_SECRET_ACCESS_KEY": WRITER.secret_access_key,
    }
    running = RunningServer(make_prepared(), find_free_port(), settings=settings)
    try:
        running.start()
        with open_study(running, tmp_path) as study:
            for program in PROGRAMS:
                done = study.run(write_files(tmp_path), *command_of(program))
                assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
                analysis = UUID(done.stdout.split()[0])
                [file] = study.owner.list_artifacts(analysis).results
                assert (file.state, file.size) == ("cited", 67)
                [heatmap] = study.owner.list_annotations(analysis, type="heatmap").results
                assert heatmap.download_url is not None
                assert len(httpx2.get(heatmap.download_url, trust_env=False).content) == 67
            assert [path for path in (running.data / "store").rglob("*") if path.is_file()] == []
    finally:
        running.end()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("secret", ["service key", "shared secret"])
def test_a_program_of_the_guide_ends_with_what_the_server_said(
    study: Study, tmp_path: Path, program: str, secret: str
) -> None:
    environment = {
        "service key": {"CALLBACK_KEY_ID": study.key.key_id, "CALLBACK_KEY_SECRET": "of another"},
        "shared secret": {"ML_CALLBACK_HMAC_SECRET": "of another"},
    }[secret]
    done = study.run(write_files(tmp_path), *command_of(program), **environment)
    assert done.returncode != 0
    assert "401" in done.stdout + done.stderr
    [analysis] = study.owner.list_analyses(study.image).results
    assert analysis.status == "queued"


def begin(study: Study) -> tuple[UUID, str]:
    made = study.owner.create_analysis(
        NewAnalysis(image_id=study.image, model_name="deer-net", model_version="1")
    )
    return made.id, made.callback_secret


def post(study: Study, analysis: UUID, secret: str, body: Any) -> httpx2.Response:
    content = json.dumps(body).encode()
    headers = build_secret_signer(secret)("POST", "", content)
    address = f"{study.server.base_url}/api/v2/analyses/{analysis}/annotations:bulk"
    return httpx2.post(address, content=content, headers=headers, trust_env=False)


def test_every_format_is_taken_as_it_is_written(study: Study) -> None:
    analysis, secret = begin(study)
    blocks = [content for told, content in find_blocks("annotations.md") if told == "annotation"]
    annotations = [json.loads(block.replace("ANALYSIS_ID", str(analysis))) for block in blocks]
    assert {one["annotation_type"] for one in annotations} == {
        "bounding_box", "classification", "heatmap", "segmentation", "mask", "keypoint", "custom",
    }  # fmt: skip
    with CallbackSession(study.server.base_url, build_secret_signer(secret)) as outside:
        for kind in (ArtifactType.HEATMAP, ArtifactType.MASK):
            outside.add_artifact(analysis, kind, f"{kind}.png", b"\x89PNG\r\n\x1a\n and more")
    answer = post(study, analysis, secret, {"annotations": annotations})
    assert answer.status_code == 200, answer.text
    stored = answer.json()["annotations"]
    assert answer.json()["created"] == len(annotations)
    for given, kept in zip(annotations, stored, strict=True):
        # Coordinates converted to the original are stored in addition to the given ones.
        told = kept["data"] | kept["data"].get("given", {})
        assert all(told[name] == value for name, value in given["data"].items())
        assert kept["class_name"] == given.get("class_name")
        # Images are only scaled; no other conversion was necessary.
        assert kept["scaled"] == (
            given["annotation_type"] in ("heatmap", "mask") or "size" in given["data"]
        )
    assert stored[1]["parent_id"] == stored[0]["id"]


def test_errors_are_answered_as_the_guide_states(study: Study) -> None:
    analysis, secret = begin(study)
    answer = post(study, analysis, secret, read_file("bad_request.json", "errors.md"))
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {name: value for name, value in told.items() if name != "request_id"} == read_file(
        "bad_request_answer.json", "errors.md"
    )
    assert study.owner.get_analysis(analysis).annotation_count == 0


def test_the_calls_by_hand_work(study: Study, tmp_path: Path) -> None:
    get_or_skip("curl")
    get_or_skip("openssl")
    analysis, secret = begin(study)
    folder = write_files(tmp_path)
    done = study.run(folder, "sh", "by_hand.sh", ANALYSIS_ID=str(analysis), CALLBACK_SECRET=secret)
    assert done.returncode == 0, done.stdout + done.stderr
    assert study.owner.get_analysis(analysis).status == "processing"
    owner = study.server.token
    checked = study.run(
        folder, "sh", "-c", 'TRAPLINE_TOKEN=$OWNER; . '
                            './check.sh', OWNER=owner, ANALYSIS_ID=str(analysis),
        PROJECT=str(study.project), SIGNATURE="0" * 64,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    told = json.loads(checked.stdout)
    assert told["valid"] is False
    assert told["parts"][-1]["component"] == "signature"


def test_the_signatures_to_try_are_those_of_the_messages() -> None:
    told = dict(find_blocks("signing.md"))
    messages = [told["message=v1"].removesuffix("\n"), told["message=v2"].removesuffix("\n")]
    secret, body = b"an example secret, 32 bytes long", messages[0].partition(".")[2].encode()
    v1, v2 = (hmac.digest(secret, message.encode(), "sha256").hex() for message in messages)
    assert told["signatures"].split() == [f"sha256={v1}", f"v2={v2}"]
    stamp, nonce, method, path, query = (line.encode() for line in messages[1].splitlines()[1:6])
    assert build_message_v1(stamp, body).decode() == messages[0]
    assert build_message_v2(stamp, nonce, method, path, query, body).decode() == messages[1]


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]


def test_retries_are_those_of_the_guide(tmp_path: Path) -> None:
    known: dict[str, Any] = {}
    exec((write_files(tmp_path) / "retrying.py").read_text(encoding="utf-8"), known)
    waits: list[float] = []
    left: list[Any] = [Answer(503, {"Retry-After": "7"}), ConnectionError("cut"), Answer(200, {})]

    def attempt() -> Any:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert known["retry"](attempt, sleep=waits.append).status_code == 200
    assert waits[0] == 7
    assert 2 <= waits[1] <= 2.5
    left += [Answer(409, {}), Answer(503, {}), Answer(503, {}), ConnectionError("cut")]
    assert known["retry"](attempt, sleep=waits.append).status_code == 409
    assert known["retry"](attempt, tries=2, sleep=waits.append).status_code == 503
    with pytest.raises(ConnectionError):
        known["retry"](attempt, tries=1)


def test_every_setting_that_the_guide_names_is_one() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in GUIDE.glob("*.md"))
    named = set(re.findall(r"\b((?:ML|S3|TRAPLINE)_[A-Z0-9_]*[A-Z0-9])\b", pages))
    assert {"ML_CALLBACK_HMAC_SECRET", "S3_PUBLIC_ENDPOINT"} <= named
    assert not named - list_known_variables()
    limits = {name for name in list_known_variables() if name.startswith(("ML_", "S3_"))}
    assert not limits - named
