"""`trapline up`: start, stop, restart, kill at any point, and a refused second start."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx2
import psycopg
import pytest
from tests.support.running_server import (
    EMAIL,
    METRICS_TOKEN,
    RunningServer,
    is_alive,
    quiet_environment,
    wait_for,
)

from trapline.client import ApiStatusError, Trapline
from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.projects import NewProject


def test_the_first_start_prints_a_link_that_makes_the_owner_once(
    own_server: RunningServer, make_folder: Callable[[], Path]
) -> None:
    own_server.data = make_folder()  # nothing is in it, not even a database
    own_server.start()
    link = own_server.read_link()
    with own_server.open() as server:
        assert server.get_caller().email == EMAIL
    with httpx2.Client(base_url=f"{own_server.base_url}/api/v2", trust_env=False) as session:
        again = session.post(
            "/auth/link",
            json={"link": link, "email": "b@example.org", "password": "long enough pw"},
        )
        assert again.status_code == 404
    said_before = own_server.log.stat().st_size
    expect_clean_stop(own_server, signal.SIGTERM)
    own_server.start()
    assert "welcome#" not in own_server.log.read_text(encoding="utf-8")[said_before:]


def expect_clean_stop(server: RunningServer, wish: signal.Signals) -> None:
    """Stop a server: the exit code is 0, and no process remains."""
    parts = [server.find(part) for part in ("api", "database")]
    assert server.stop(wish) == 0
    assert not any(is_alive(pid) for pid in parts)
    assert not (server.data / "database" / "postmaster.pid").exists()


def test_ctrl_c_ends_every_process_with_exit_code_0(own_server: RunningServer) -> None:
    own_server.start()
    expect_clean_stop(own_server, signal.SIGINT)


def test_a_second_one_on_the_same_folder_is_refused_politely(server: RunningServer) -> None:
    second = _try_to_start(server.data, 0)
    assert second.returncode == 1
    assert f"process {server.find('up')}" in second.stderr
    assert "--data" in second.stderr
    assert "Traceback" not in second.stderr
    with server.open() as client:
        assert client.get_caller().email == EMAIL


def test_a_taken_port_is_said_in_words(make_folder: Callable[[], Path]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = _try_to_start(make_folder(), port)
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_kill_9_of_up_takes_its_processes_along_and_the_next_start_recovers(
    own_server: RunningServer,
) -> None:
    own_server.start()
    with own_server.open() as server:
        project = server.create_project(NewProject(name="kept"))
    children = [own_server.find(part) for part in ("api", "background")]
    database = own_server.find("database")
    own_server.kill("up")
    assert own_server.process is not None
    own_server.process.wait()
    wait_for("the end of the children", lambda: not any(is_alive(pid) for pid in children), 5)
    assert is_alive(database), (
        "the postmaster outlives a killed supervisor; the next start has to deal with it"
    )
    own_server.start()
    assert not is_alive(database)
    with own_server.open() as server:
        assert server.get_project(project.id).name == "kept"


@pytest.mark.long
def test_a_part_that_is_killed_starts_again_by_itself(own_server: RunningServer) -> None:
    own_server.start()
    with own_server.open() as server:
        project = server.create_project(NewProject(name="kept"))
    for part in ("api", "background", "database"):
        wait_for("a background process", lambda: own_server.find("background") > 0, 10)
        killed = own_server.kill(part)
        if part == "api":
            # The socket is the supervisor's: the connection is taken and answered by the next
            # process.
            with httpx2.Client(trust_env=False, timeout=30) as session:
                assert session.get(f"{own_server.base_url}/healthz").status_code == 200
        wait_for(f"a new {part} process", partial(_is_another, own_server, part, killed), 20)
        own_server.wait_until_ready()
        with own_server.open() as server:
            assert server.get_project(project.id).name == "kept"
    assert own_server.stop() == 0


def _is_another(server: RunningServer, part: str, killed: int) -> bool:
    try:
        return server.find(part) != killed and is_alive(server.find(part))
    except (AssertionError, FileNotFoundError):
        return False


def test_no_secret_is_in_what_it_says(server: RunningServer) -> None:
    with server.open() as client:
        client.create_project(NewProject(name="quiet"))
    said = server.log.read_text(encoding="utf-8")
    for name in ("database-password", "secret-key", "worker-token"):
        secret = (server.data / name).read_text(encoding="utf-8").strip()
        assert secret not in said
        assert (server.data / name).stat().st_mode & 0o077 == 0


def test_one_process_tells_what_all_have_counted(server: RunningServer) -> None:
    def read() -> str:
        asked = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        answer = httpx2.get(f"{server.base_url}/metrics", headers=asked, trust_env=False)
        assert answer.status_code == 200
        return answer.text

    wait_for(
        "a step of the background",
        lambda: 'trapline_background_tasks_total{outcome="done"' in read(),
        20,
    )
    assert 'trapline_http_requests_total{method="GET",route="/metrics",status="200"}' in read()
    assert "trapline_database_up 1.0" in read()
    beside = f"http://127.0.0.1:{server.settings['TRAPLINE_METRICS_LISTEN']}"
    told = httpx2.get(f"{beside}/metrics", trust_env=False).text
    assert "trapline_database_up 1.0" in told
    assert 'trapline_background_tasks_total{outcome="done"' in told
    assert httpx2.get(f"{beside}/api/v2/docs", trust_env=False).status_code == 404


def test_the_token_of_the_local_worker_is_no_person(server: RunningServer) -> None:
    with server.open() as client:
        project = client.create_project(NewProject(name="forest"))
    token = (server.data / "worker-token").read_text(encoding="utf-8").strip()
    with Trapline(server.base_url, token) as worker:
        assert project.id in [it.id for it in worker.list_worker_projects()]
        with pytest.raises(ApiStatusError) as refused:
            worker.create_project(NewProject(name="not mine to make"))
        assert refused.value.status in (403, 404)


def test_the_database_takes_only_the_loopback_and_a_password(server: RunningServer) -> None:
    url = find_running_url(server.data)
    assert url is not None
    with psycopg.connect(url) as connection:
        row = connection.execute("show listen_addresses").fetchone()
        assert row == ("127.0.0.1",)
    if os.geteuid() == 0:
        assert Path(f"/proc/{server.find('database')}").stat().st_uid != 0


def _try_to_start(data: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "trapline.cli.main",
            "up",
            f"--data={data}",
            f"--port={port}",
            "--no-worker",
        ],
        env=quiet_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
