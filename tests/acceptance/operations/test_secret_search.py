"""One secret in every setting: searched for in responses, logs, rows and files."""

import base64
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.support.camera_images import make_picture
from tests.support.running_server import PASSWORD, RunningServer, list_children, wait_for
from tests.support.secret_search import Search, list_encodings

from trapline.server.platform.postgres.postgres import find_free_port, find_running_url

# It contains characters that encodings change, and none that splits a list in the settings.
CANARY = 'Kanari "7&+/% <vogel>?\\=4711.'
CONTROL = "Lockvogel-0815-zu-sehen"


class Echo(BaseHTTPRequestHandler):
    """A server that says back all that it was sent, in every way that it has."""

    def do_GET(self) -> None:
        heard = self.headers.get("Authorization") or self.headers.get("X-Key") or "nothing"
        if self.path == "/good/":
            self._say(200, b'<pre><a href="a.jpg">a.jpg</a></pre>')
        elif self.path == "/good/a.jpg":
            self._say(200, make_picture(1, (64, 48)), "image/jpeg")
        elif self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:1/{heard.encode().hex()}?{heard}")
            self.end_headers()
        else:
            code = f"<Error><Code>{heard}</Code><Message>{self.path}</Message></Error>"
            self._say(500, f"{code} {self.headers}".encode())

    def do_POST(self) -> None:
        self._say(
            500, f"{self.headers} {self.rfile.read(int(self.headers['Content-Length']))!r}".encode()
        )

    def _say(self, status: int, body: bytes, kind: str = "text/html") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the library
        pass


class FtpEcho(socketserver.StreamRequestHandler):
    """An FTP server that says the password back when it refuses it."""

    def handle(self) -> None:
        self.wfile.write(b"220 welcome\r\n")
        for line in self.rfile:
            answer = (
                b"331 go on" if line.startswith(b"USER") else b"530 not accepted: " + line.strip()
            )
            self.wfile.write(answer + b"\r\n")


@pytest.fixture
def echoes() -> Iterator[tuple[int, int]]:
    """The ports of servers that say back what they hear, over HTTP and FTP."""
    socketserver.ThreadingTCPServer.daemon_threads = True
    servers = (
        ThreadingHTTPServer(("127.0.0.1", 0), Echo),
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), FtpEcho),
    )
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    yield servers[0].server_address[1], servers[1].server_address[1]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def make_sources(http: int, ftp: int, ssh_key: str) -> dict[str, dict[str, Any]]:
    """Sources of every kind with the canary in each secret that they have."""
    basic = {"auth_type": "basic", "auth_username": "ranger", "auth_password": CANARY}
    at = f"http://127.0.0.1:{http}"
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0nUPb8xB3uWp1ZkF3kBqPp2yq0o3ub4yqPZkFXw9Wn"
    return {
        "good": {"base_url": f"{at}/good/", **basic},
        "basic": {"base_url": f"{at}/echo/", **basic},
        "bearer": {"base_url": f"{at}/echo/", "auth_type": "bearer", "auth_password": CANARY},
        "header": {
            "base_url": f"{at}/moved/",
            "auth_type": "header",
            "auth_header": f"X-Key: {CANARY}",
        },
        "moved": {"base_url": f"{at}/moved/", **basic},
        "rest": {"base_url": f"{at}/echo/x.json", "gateway": "rest", **basic},
        "s3": {
            "base_url": "s3://bucket/",
            "options": {"endpoint": at, "key": "AKIA", "secret": CANARY},
        },
        "ftp": {"base_url": f"ftp://127.0.0.1:{ftp}/", **basic},
        "sftp": {
            "base_url": f"sftp://127.0.0.1:{ftp}/",
            **basic,
            "options": {"key": ssh_key, "host_key": host_key},
            "connect_timeout_s": 0.5,
        },
        "websocket": {
            "base_url": f"ws://127.0.0.1:{http}/feed",
            **basic,
            "options": {"listing_url": f"{at}/echo/"},
        },
    }


def call_and_remember(client: httpx2.Client, heard: list[tuple[str, bytes]]) -> None:
    """Remember every answer of a client, head and body."""

    def remember(answer: httpx2.Response) -> None:
        answer.read()
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        heard.append(
            (
                f"{answer.request.method} {answer.request.url.path}",
                head.encode() + b"\n\n" + answer.content,
            )
        )

    client.event_hooks = {"response": [remember]}


def test_no_secret_is_left_anywhere(
    make_prepared: Callable[[], Path], echoes: tuple[int, int], tmp_path: Path
) -> None:
    http, ftp = echoes
    ssh_key = (
        Ed25519PrivateKey.generate()
        .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        .decode()
    )
    secret_key = f"{CANARY} the key of the server"
    server = RunningServer(
        make_prepared(), find_free_port(), settings={
            "TRAPLINE_LOG_FORMAT": "json", "TRAPLINE_LOG_LEVEL": "debug",
            "TRAPLINE_SECRET_KEY": secret_key,
            "ML_CALLBACK_HMAC_SECRET": CANARY,
            "TRAPLINE_ALLOWED_NETWORKS": f"127.0.0.1:{http},127.0.0.1:{ftp}",
        },
    )  # fmt: skip
    heard: list[tuple[str, bytes]] = []
    try:
        server.start()
        secrets = {
            "the canary": CANARY,
            "the password of the owner": PASSWORD,
            "the SSH key": ssh_key.splitlines()[2],
        }
        headers = {"Authorization": f"Bearer {server.token}"}
        base = f"{server.base_url}/api/v2"
        with httpx2.Client(
            base_url=base, headers=headers, trust_env=False, timeout=60
        ) as shown_once:
            project = shown_once.post("/projects", json={"name": CONTROL}).json()["id"]
            ids = {}
            with httpx2.Client(
                base_url=base, headers=headers, trust_env=False, timeout=60
            ) as client:
                call_and_remember(client, heard)
                for name, settings in make_sources(http, ftp, ssh_key).items():
                    made = client.post(
                        "/image-pull-sources", json={"name": name, "project": project, **settings}
                    )
                    assert made.status_code == 201, f"{name}: {made.text}"
                    ids[name] = made.json()["id"]
                new = {"projects": [project], "service": "deer-net"}
                secrets |= {
                    "an event secret": shown_once.post(
                        f"/image-pull-sources/{ids['good']}/event-secret"
                    ).json()["secret"],
                    "a callback key": shown_once.post("/callback_keys", json=new).json()["secret"],
                }
                hook = {"project": project, "url": f"http://127.0.0.1:{http}/hook"}
                made_hook = shown_once.post("/webhooks", json=hook).json()
                secrets["a webhook's secret"] = made_hook["secret"]
                rotated = shown_once.post(f"/webhooks/{made_hook['id']}/rotate-secret").json()
                secrets["a webhook's new secret"] = rotated["secret"]
                assert client.post(f"/webhooks/{made_hook['id']}/test").json()["last_status"] == 500
                for path in ("", f"/{made_hook['id']}", f"/{made_hook['id']}/deliveries"):
                    assert client.get(f"/webhooks{path}").status_code == 200
                token = shown_once.post("/auth/tokens", json={"name": "t", "kind": "user"}).json()[
                    "token"
                ]
                ask_for_everything(client, ids, project, token)
                wait_for("word from every source", lambda: all_have_told(client, ids), 120)
                for source in ids.values():
                    client.get(f"/image-pull-sources/{source}/runs")
                client.get("/projects")
                client.get(f"/{CONTROL}")
        look_everywhere(
            server, secrets, {"a token": token, "the owner's token": server.token}, heard
        )
    finally:
        server.end()


def ask_for_everything(
    client: httpx2.Client, ids: dict[str, str], project: int, token: str
) -> None:
    """Ask what could quote a secret: tests, runs, refusals, signatures that are wrong."""
    path = "/image-pull-sources"
    for source in ids.values():
        assert client.post(f"{path}/{source}/test?files=1").status_code == 200
        assert client.post(f"{path}/{source}/process").status_code in (202, 409)
    trial = {"name": "x", "project": project, "base_url": "http://127.0.0.1:1/"}
    wrong: list[dict[str, Any]] = [
        {"auth_type": "basic", "auth_password": CANARY},
        {"auth_passwort": CANARY},
        {"auth_password": {"a": CANARY}},
        {"base_url": f"https://ranger:{CANARY}@camera.example/"},
        {"auth_type": "header", "auth_header": f"{CANARY}\n:"},
        {"base_url": "s3://b/", "options": {"secret": CANARY, "sekret": CANARY}},
        {
            "base_url": "sftp://b/",
            "options": {"key": CANARY},
            "auth_type": "basic",
            "auth_username": "a",
        },
    ]
    for more in wrong:
        assert client.post(path, json=trial | more).status_code in (400, 422), more
        assert client.post(f"{path}/test", json={"source": trial | more}).status_code in (
            200,
            400,
            422,
        ), more
    assert client.post(path, content=f'{{"auth_password": "{CANARY}'.encode()).status_code == 422
    assert (
        client.post(
            "/auth/sign-in", json={"email": "owner@example.org", "password": CANARY}
        ).status_code
        == 401
    )
    assert client.get("/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    for scheme in ("Bearer", "Basic", "Token"):
        assert (
            client.get("/jobs", headers={"Authorization": f"{scheme} {CANARY}"}).status_code == 401
        )
    client.post(
        f"{path}/{ids['good']}/events", content=b"{}", headers={"webhook-signature": CANARY}
    )
    signature = base64.b64encode(CANARY.encode()).decode()
    client.patch(
        f"/analyses/{ids['good']}/status",
        headers={"X-ML-Signature": signature},
        json={"status": "failed"},
    )


def all_have_told(client: httpx2.Client, ids: dict[str, str]) -> bool:
    """Whether each source has had its run: the good one is well, the others are not."""
    shown = {
        source["name"]: source["health"]
        for source in client.get("/image-pull-sources").json()["results"]
    }
    return {name: shown[name] for name in ids} == {
        name: "ok" if name == "good" else "failing" for name in ids
    }


def look_everywhere(
    server: RunningServer,
    secrets: dict[str, str],
    tokens: dict[str, str],
    heard: list[tuple[str, bytes]],
) -> None:
    """Search all output and files; the search must also find the control text."""
    assert server.process is not None
    url = find_running_url(server.data)
    assert url is not None
    control = Search({"the control": CONTROL})
    # A process writes its log through a pipe: the last lines may not have arrived yet.
    wait_for(
        "the last request in the log",
        lambda: bool(control.find("the log", server.log.read_bytes())),
        20,
    )
    log = server.log.read_bytes()
    parts = [server.process.pid, *list_children(server.process.pid)]
    lines = b"\n".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in parts)
    # The key of a token is kept as a digest: it is random, and nothing else could be compared.
    search, everywhere = (
        Search(secrets),
        Search({name: value for name, value in (secrets | tokens).items()}),
    )
    hits = [hit for where, content in heard for hit in everywhere.find(where, content)]
    if everywhere.find("the log", log):
        hits += [
            hit
            for line in log.splitlines()
            for hit in everywhere.find(f"the log: {line[:300]!r}", line)
        ]
    hits += everywhere.find("command lines", lines)
    hits += search.find_in_database(url)
    kept = [
        file
        for file in server.data.rglob("*")
        if file.name != "worker-token" and "database" not in file.parts
    ]
    hits += search.find_in_files(kept)
    hits += Search({"the canary": CANARY}).find_in_files(
        (server.data / "database" / "pg_wal").iterdir()
    )
    assert not hits
    assert len(log) > 10_000, "the log is that of debugging"
    assert any(control.find(where, content) for where, content in heard)
    assert control.find_in_database(url)


@pytest.mark.parametrize("encoding", list_encodings(CANARY))
def test_the_search_finds_each_way_of_writing(encoding: str, tmp_path: Path) -> None:
    written = list_encodings(CANARY)[encoding]
    search = Search({"the canary": CANARY})
    assert search.find("a log", b"before " + written + b" after")
    assert not search.find("a log", b"before " + written[:-1] + b" after") or encoding == "repr"
    (tmp_path / "file").write_bytes(b"\0" + written)
    assert search.find_in_files(tmp_path.iterdir())


def test_the_search_finds_what_programs_really_write() -> None:
    search = Search({"the canary": CANARY})
    for name in ("r", "ra", "ran", "rang"):
        pair = f"{name}:{CANARY}".encode()
        for written in (
            base64.b64encode(pair),
            base64.urlsafe_b64encode(pair),
            base64.b64encode(pair + b"\nmore"),
        ):
            assert search.find("a header", b"Basic " + written)
    assert search.find("a log", json.dumps({"error": f"wrong: {CANARY}"}).encode())
    assert search.find("a row", pair.hex().encode())
    assert search.find("an address", httpx2.URL("http://a/", params={"key": CANARY}).raw_path)
    assert not search.find("a log", re.sub("a", "b", CANARY).encode())
