"""The command line for people and scripts: help texts, and an error message with an exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.camera_images import fill
from tests.support.command_line import call_command
from tests.support.running_server import RunningServer, quiet_environment

from trapline.cli.main import NOUNS


def run_alone(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command without any server."""
    return subprocess.run(
        [sys.executable, "-m", "trapline.cli.main", *arguments],
        env=quiet_environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_teaches_every_noun() -> None:
    told = run_alone("--help", COLUMNS="160")
    assert told.returncode == 0
    assert not [noun for noun in NOUNS if f" {noun} " not in told.stdout]
    for example in (
        "trapline demo",
        "trapline images upload",
        "trapline job run",
        "TRAPLINE_SERVER=",
    ):
        assert example in told.stdout


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_every_noun_explains_itself(noun: str) -> None:
    told = call_command({}, noun, "--help")
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.split()) > 15


def test_a_command_loads_no_server_that_needs_none() -> None:
    program = (
        "import sys; sys.argv = ['trapline', 'version']\n"
        "from trapline.cli.main import main\n"
        "code = main(['version'])\n"
        "print(sorted({'fastapi', 'sqlalchemy', 'onnxruntime', 'numpy'} & set(sys.modules)))\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({}, 2, "TRAPLINE_TOKEN is not set"),
        ({"TRAPLINE_TOKEN": "x", "TRAPLINE_SERVER": "nonsense"}, 2, "TRAPLINE_SERVER"),
        ({"TRAPLINE_TOKEN": "x", "TRAPLINE_SERVER": "http://127.0.0.1:9"}, 3, "no answer"),
    ],
)
def test_errors_are_one_sentence_and_an_exit_code(
    settings: dict[str, str], code: int, words: str
) -> None:
    done = run_alone("project", "list", **settings)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["s3://feeds/", "--option", "secret=pw4711"], "--option-file secret=FILE"),
        (["sftp://nas.example/", "--option", "key=pw4711"], "--option-file key=FILE"),
        (["https://a.example/", "--gateway", "rest", "--option", "mapping={"], "is not JSON"),
        (["https://a.example/", "--option", "mapping"], "NAME=VALUE"),
        (["https://a.example/", "--option-file", "mapping=/nowhere"], "/nowhere cannot be read"),
        (["https://a.example/", "--username", "ranger"], "--password-file"),
        (["https://a.example/", "--auth", "digest"], "basic, bearer, header"),
    ],
)
def test_invalid_source_options_are_refused_before_any_request(
    arguments: list[str], words: str
) -> None:
    done = call_command({}, "source", "add", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "pw4711" not in done.stderr


def test_a_private_key_needs_no_password_prompt(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key")
    away = {"TRAPLINE_TOKEN": "x", "TRAPLINE_SERVER": "http://127.0.0.1:9"}
    address = ("sftp://nas.example/", "--username", "ranger")
    assert "--password-file" in run_alone("source", "add", *address, **away).stderr
    assert (
        "no answer"
        in run_alone(
            "source", "add", *address, "--option-file", f"key={tmp_path}/key", **away
        ).stderr
    )


def test_a_refused_token_is_exit_code_4(server: RunningServer) -> None:
    done = run_alone(
        "project", "list", TRAPLINE_SERVER=server.base_url, TRAPLINE_TOKEN="tl_user_wrong"
    )
    assert done.returncode == 4
    assert "token" in done.stderr


def test_up_refuses_a_misspelt_setting(tmp_path: Path) -> None:
    done = run_alone("up", "--data", str(tmp_path), TRAPLINE_LEASES="5")
    assert done.returncode == 2
    assert "Did you mean TRAPLINE_LEASE_S" in done.stderr


def test_projects_deployments_and_pictures(server: RunningServer, tmp_path: Path) -> None:
    made = json.loads(server.call("project", "create", "Forest edge", "--json").stdout)
    assert made["name"] == "Forest edge"
    assert "Forest edge" in server.call("project", "list").stdout
    server.call(
        "deployment",
        "create",
        "Old oak",
        "--project",
        "Forest edge",
        "--lat",
        "52.5",
        "--lon",
        "13.4",
    )
    listed = json.loads(
        server.call("deployment", "list", "--project", str(made["id"]), "--json").stdout
    )
    assert ("Old oak", 52.5) in [(it["name"], it["latitude"]) for it in listed]
    fill(tmp_path / "DCIM", 3)
    server.call("images", "upload", str(tmp_path / "DCIM"), "--project", "Forest edge")
    with server.open() as client:
        assert client.list_images(project=made["id"]).count == 3
    first, second, _ = (
        it["id"]
        for it in json.loads(
            server.call("images", "list", "--project", "Forest edge", "--json").stdout
        )
    )
    assert (
        server.call("images", "update", first, second, "--tag", "fox", "--star").stdout
        == "2 changed\n"
    )
    wrong = server.call("images", "update", first, "--shift", "1", "--as-read", check=False)
    assert (wrong.returncode, "only one of" in wrong.stderr) == (2, True)
    server.call("images", "delete", first, "--reason", "a person is on it")
    found = ("--project", "Forest edge", "--tag", "fox", "--starred", "--json")
    assert [it["id"] for it in json.loads(server.call("images", "list", *found).stdout)] == [second]
    [gone] = json.loads(server.call("images", "list", *found, "--deleted").stdout)
    assert (gone["id"], gone["deleted"]["reason"]) == (first, "a person is on it")
    assert (
        server.call("images", "restore", first, second).stdout == "1 restored, 1 were not deleted\n"
    )
    missing = server.call("deployment", "list", "--project", "Nowhere", check=False)
    assert missing.returncode == 1
    assert "Forest edge" in missing.stderr


def test_tokens_are_made_listed_and_revoked(server: RunningServer) -> None:
    made = json.loads(
        server.call("token", "create", "--name", "gpu-2", "--kind", "worker", "--json").stdout
    )
    assert made["token"].startswith("tl_worker_")
    kind = ("--kind", "worker", "--nats")
    refused = server.call("token", "create", "--name", "gpu-3", *kind, check=False)
    assert refused.returncode == 4
    assert "TRAPLINE_NATS_ACCOUNT_SEED is not set. No token was created." in refused.stderr
    assert "gpu-2" in server.call("token", "list").stdout
    server.call("token", "revoke", made["id"])
    refused = run_alone(
        "project", "list", TRAPLINE_SERVER=server.base_url, TRAPLINE_TOKEN=made["token"]
    )
    assert refused.returncode == 4


def test_the_first_token_needs_only_the_data_folder(server: RunningServer) -> None:
    assert server.token
    made = run_alone("token", "create", "--data", str(server.data), "--name", "me")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert (
        run_alone(
            "project", "list", TRAPLINE_SERVER=server.base_url, TRAPLINE_TOKEN=token
        ).returncode
        == 0
    )


def test_a_one_time_link_is_made_on_the_servers_machine(server: RunningServer) -> None:
    assert server.token
    made = run_alone("link", "--data", str(server.data))
    assert made.returncode == 0, made.stderr
    assert "/welcome#" in made.stdout
