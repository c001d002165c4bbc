"""The how-to guides of pull sources work: their settings and commands run unchanged."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.camera_images import fill
from tests.support.running_server import RunningServer, quiet_environment
from tests.support.web_servers import nginx

GUIDES = Path(__file__).parents[3] / "docs" / "how-to"
BLOCK = re.compile(r"^```(\w+) feed\n(.*?)^```", re.MULTILINE | re.DOTALL)
PASSWORD = "correct horse"


def find_blocks(guide: str) -> dict[str, str]:
    """Return the code blocks of a guide that set up a source, by language."""
    return {
        match.group(1): match.group(2)
        for match in BLOCK.finditer((GUIDES / guide).read_text(encoding="utf-8"))
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve the web folder of the guide with nginx and its settings; yields the URL."""
    fill(tmp_path / "site" / "DCIM", 3)
    users = tmp_path / "images.users"
    told = (GUIDES / "pull-from-a-web-folder.md").read_text(encoding="utf-8")
    [command] = re.findall(r"`(printf [^`]*openssl[^`]*)`", told)
    line = subprocess.run(
        ["sh", "-euc", command.replace("openssl passwd", "openssl passwd -stdin")],
        input=PASSWORD, capture_output=True, text=True, check=True, timeout=10,
    ).stdout  # fmt: skip
    users.write_text(line, encoding="utf-8")
    settings = find_blocks("pull-from-a-web-folder.md")["nginx"].replace(
        "/etc/nginx/images.users", str(users)
    )
    (tmp_path / "work").mkdir()
    with nginx(tmp_path / "site", tmp_path / "work", more=settings) as address:
        yield address


@pytest.fixture
def follow(own_server: RunningServer, site: str, tmp_path: Path) -> Callable[[str, str, str], str]:
    """Return a function that runs the commands of a guide with a test URL, and their output."""
    origin = site.removeprefix("http://").rstrip("/")
    own_server.settings = {
        **own_server.settings,
        "TRAPLINE_ALLOWED_NETWORKS": origin,
        "TRAPLINE_SOURCE_FOLDERS": str(tmp_path),
    }
    own_server.start()
    own_server.call("project", "create", "Forest")
    (tmp_path / "password.txt").write_text(f"{PASSWORD}\n", encoding="utf-8")

    def run(guide: str, theirs: str, ours: str) -> str:
        commands = find_blocks(guide)["sh"]
        assert theirs in commands
        environment = quiet_environment(
            TRAPLINE_SERVER=own_server.base_url, TRAPLINE_TOKEN=own_server.token
        )
        done = subprocess.run(
            ["sh", "-euc", commands.replace(theirs, ours)],
            env={**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"},
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_web_folder_with_a_password_and_a_card_are_pulled_as_told(
    follow: Callable[[str, str, str], str], own_server: RunningServer, site: str, tmp_path: Path
) -> None:
    told = follow("pull-from-a-web-folder.md", "https://camera.example/DCIM/", f"{site}DCIM/")
    assert "160 × 120" in told
    assert "3 imported" in told
    fill(tmp_path / "card" / "DCIM", 5)
    told = follow("pull-from-a-folder.md", "/media/card/DCIM", f"{tmp_path}/card/DCIM")
    assert "5 listed, 5 imported" in told
    sources = json.loads(own_server.call("source", "list", "--json").stdout)
    assert [(it["gateway"], it["auth_username"]) for it in sources] == [
        ("folder", None),
        ("http", "ranger"),
    ]
    assert PASSWORD not in json.dumps(sources)
