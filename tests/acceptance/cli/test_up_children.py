"""Secrets of the child processes of `trapline up`, read from /proc as another user could."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.camera_images import fill
from tests.support.running_server import RunningServer, list_children, read_environment, wait_for
from tests.support.s3_server import BUCKET, WRITER, S3Server

from trapline.wire.deployments import NewDeployment
from trapline.wire.projects import NewProject

KEY = "canary of the secret key with more than 32 characters"
SECRETS = {
    "TRAPLINE_SECRET_KEY": KEY,
    "TRAPLINE_SMTP_URL": "smtps://ada:canary-of-mail@mail.example.org",
    "TRAPLINE_NATS_URL": "nats://ada:canary-of-nats@127.0.0.1:9",
    "TRAPLINE_METRICS_TOKEN": "canary of the metrics",
    "TRAPLINE_OIDC_CLIENT_SECRET": "canary of the sign-in",
    "ML_CALLBACK_HMAC_SECRET": "canary of the callbacks",
    "TRAPLINE_SOURCE_PASSWORD": "canary of a source",
    "TRAPLINE_TOKEN": "canary of a person",
    "AWS_SECRET_ACCESS_KEY": "canary of another program",
    "GITHUB_TOKEN": "canary of another tool",
}
FOR_WORKERS = {
    "TRAPLINE_BATCH_SIZE": "3",
    "TRAPLINE_DEVICE": "cpu",
    "TRAPLINE_THREADS": "1",
    "TRAPLINE_MAX_IMAGE_PIXELS": "2000000",
    "OMP_NUM_THREADS": "1",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture
def known_by(own_server: RunningServer, s3: S3Server) -> Callable[[str], dict[str, str]]:
    """Start `trapline up` with a worker and with secrets everywhere; the environment of a child."""
    stored = {
        "S3_ENDPOINT": s3.endpoint,
        "S3_BUCKET": BUCKET,
        "S3_ACCESS_KEY_ID": WRITER.access_key_id,
        "S3_SECRET_ACCESS_KEY": WRITER.secret_access_key,
    }
    own_server.arguments = ()
    own_server.settings = {**SECRETS, **stored, **FOR_WORKERS}
    own_server.start()
    return lambda part: read_environment(own_server.find(part))


def test_each_child_knows_only_what_it_needs(
    own_server: RunningServer, known_by: Callable[[str], dict[str, str]]
) -> None:
    worker, api = known_by("worker"), known_by("api")
    password = (own_server.data / "database-password").read_text(encoding="utf-8").strip()
    for canary in (*SECRETS.values(), WRITER.secret_access_key, password):
        assert canary not in str(worker)
    assert not [name for name in worker if name.startswith(("S3_", "ML_", "DATABASE_", "PG"))]
    assert {name: worker[name] for name in FOR_WORKERS} == FOR_WORKERS
    assert (
        worker["TRAPLINE_TOKEN"]
        == (own_server.data / "worker-token").read_text(encoding="utf-8").strip()
    )
    for environment in (api, known_by("background")):
        assert environment["TRAPLINE_SECRET_KEY"] == KEY
        assert "TRAPLINE_TOKEN" not in environment
        for canary in ("another program", "another tool", "a person", "a source"):
            assert canary not in str(environment)
    database = known_by("database")
    assert set(database) <= {"PATH", "LC_ALL", "TZ", "PGDATA", "PG_GRANDPARENT_PID"}


def read_status(pid: int) -> dict[str, str]:
    """The lines of a process's status by their names."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_decoders_know_nothing_and_may_do_nothing(
    own_server: RunningServer, tmp_path: Path
) -> None:
    own_server.settings = SECRETS
    own_server.start()
    with own_server.open() as server:
        project = server.create_project(NewProject(name="Decoded")).id
        deployment = server.create_deployment(NewDeployment(project=project, name="camera")).id
        uploaded = server.upload_images(fill(tmp_path / "DCIM", 3), deployment=deployment)
        assert uploaded.imported == 3
        images = server.list_images(project=project).results
        wait_for(
            "a thumbnail",
            lambda: bool(server.list_images(project=project).results[0].thumbnail_url),
            30,
        )
    assert len(images) == 3
    decoders = find_decoders(own_server)
    assert decoders
    for pid in decoders:
        assert read_environment(pid) == {"LANG": "C.UTF-8"}
        status = read_status(pid)
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2", "a filter of system calls"
        assert set(status["Uid"].split()) == {"65533" if os.geteuid() == 0 else str(os.geteuid())}
        if os.geteuid() == 0:
            assert status["Groups"] == ""
            assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
            database = read_status(own_server.find("database"))
            assert database["Uid"] != status["Uid"], "a decoder could read the files of PostgreSQL"
    wait_for("the state of decoders", lambda: "Limited" in read_ready(own_server), 20)
    state = read_ready(own_server)
    for given_up in ("no new privileges", "no network", "no writing", "seccomp"):
        assert given_up in state.partition("Not available")[0]


def read_ready(server: RunningServer) -> str:
    return str(json.loads(server.get_text(f"{server.base_url}/readyz"))["parts"]["decoders"])


def find_decoders(server: RunningServer) -> list[int]:
    """The decoders of the API and background processes."""
    parents = [server.find("api"), server.find("background")]
    children = [child for parent in parents for child in list_children(parent)]
    return [
        pid
        for pid in children
        if "imaging.decoder_process" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    ]
