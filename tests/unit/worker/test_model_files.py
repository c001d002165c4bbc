"""Model files: fetched once, resumed, checked, and named plainly where they cannot be had."""

import hashlib
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from trapline.worker.model_files import (
    LicenceNotAccepted,
    ModelFile,
    ModelFileMissing,
    fetch_model_file,
    get_cached_path,
)

CONTENT = bytes(range(256)) * 4000


def describe(source: str, content: bytes = CONTENT, licence: str = "MIT") -> ModelFile:
    return ModelFile("net.onnx", source, len(content), hashlib.sha256(content).hexdigest(), licence)


class Files(BaseHTTPRequestHandler):
    """Serves CONTENT with ranges.

    `asked` lists the ranges, `breaks_after` cuts that many responses in half.
    """

    asked: list[str | None] = []
    breaks = 0

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if self.breaks:
            type(self).breaks -= 1
            self.wfile.write(CONTENT[start : start + (len(CONTENT) - start) // 2])
            self.close_connection = True
        else:
            self.wfile.write(CONTENT[start:])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An https host with a certificate that only this test trusts."""
    Files.asked, Files.breaks = [], 0
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "host.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with _serve(pem) as url:
        yield url


@contextmanager
def _serve(pem: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_once(host: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    file = describe(f"{host}/net.onnx")
    path = fetch_model_file(file, tmp_path / "cache", progress=lambda *now: told.append(now))
    assert path.read_bytes() == CONTENT
    assert told[-1] == ("net.onnx", len(CONTENT), len(CONTENT))
    assert fetch_model_file(file, tmp_path / "cache") == path
    assert Files.asked == [None]


def test_a_broken_download_is_resumed(host: str, tmp_path: Path) -> None:
    Files.breaks = 1
    file = describe(f"{host}/net.onnx")
    with pytest.raises(ModelFileMissing):
        fetch_model_file(file, tmp_path)
    assert not get_cached_path(file, tmp_path).exists()
    assert fetch_model_file(file, tmp_path).read_bytes() == CONTENT
    assert Files.asked[0] is None
    assert Files.asked[1] is not None
    assert int(Files.asked[1].removeprefix("bytes=").rstrip("-")) > 0


def test_leftovers_of_another_file_are_thrown_away(host: str, tmp_path: Path) -> None:
    file = describe(f"{host}/net.onnx")
    part = get_cached_path(file, tmp_path).with_suffix(".onnx.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"wrong" * 100)
    assert fetch_model_file(file, tmp_path).read_bytes() == CONTENT
    assert Files.asked == ["bytes=500-", None]


def test_a_file_with_another_sum_is_never_used(host: str, tmp_path: Path) -> None:
    file = ModelFile("net.onnx", f"{host}/net.onnx", len(CONTENT), "0" * 64, "MIT")
    with pytest.raises(ModelFileMissing, match="the downloaded file has sha256"):
        fetch_model_file(file, tmp_path)
    assert not get_cached_path(file, tmp_path).exists()


def test_many_at_once_fetch_it_once(host: str, tmp_path: Path) -> None:
    file = describe(f"{host}/net.onnx")
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(fetch_model_file(file, tmp_path)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 6
    assert len(Files.asked) == 1


def test_offline_it_says_what_to_put_where(tmp_path: Path) -> None:
    file = describe("https://127.0.0.1:9/net.onnx")
    path = get_cached_path(file, tmp_path)
    with pytest.raises(ModelFileMissing) as caught:
        fetch_model_file(file, tmp_path)
    for part in ("net.onnx", str(len(CONTENT)), str(file.sha256), str(path), file.source):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)

    path.write_bytes(CONTENT)
    assert fetch_model_file(file, tmp_path) == path
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelFileMissing, match="the file has 1023999 bytes"):
        fetch_model_file(file, tmp_path)


def test_a_local_file_is_used_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(CONTENT)
    assert fetch_model_file(describe(f"file:{path}"), tmp_path / "cache") == path
    with pytest.raises(ModelFileMissing, match="the file does not exist"):
        fetch_model_file(describe(f"file:{path}x"), tmp_path / "cache")


@pytest.mark.parametrize("licence", ["AGPL-3.0-only", "GPL-3.0-or-later", "unknown"])
def test_some_licences_need_a_yes(tmp_path: Path, licence: str) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(CONTENT)
    file = describe(f"file:{path}", licence=licence)
    with pytest.raises(LicenceNotAccepted, match=f"TRAPLINE_ACCEPT_LICENCES={licence}"):
        fetch_model_file(file, tmp_path / "cache")
    assert fetch_model_file(file, tmp_path / "cache", accepted=[licence]) == path


def unlisted(source: str, md5: str | None = None, name: str = "net.pt") -> ModelFile:
    return ModelFile(name, source, None, None, "MIT", md5)


MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def test_a_publishers_md5_counts_and_the_sha256_is_pinned(host: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = fetch_model_file(
        unlisted(f"{host}/net.pt", MD5), tmp_path, progress=lambda *now: told.append(now)
    )
    assert told[-1] == ("net.pt", len(CONTENT), len(CONTENT))
    pin = path.with_suffix(".pt.sha256")
    assert pin.read_text().strip() == hashlib.sha256(CONTENT).hexdigest()
    wrong = unlisted(f"{host}/net.pt", "0" * 32)
    with pytest.raises(ModelFileMissing, match=f"file has {len(CONTENT)} bytes and md5 {MD5}"):
        fetch_model_file(wrong, tmp_path)
    assert not get_cached_path(wrong, tmp_path).exists()


def test_without_any_sum_the_first_file_is_the_one(host: str, tmp_path: Path) -> None:
    file = unlisted(f"{host}/net.pt")
    part = get_cached_path(file, tmp_path).with_suffix(".pt.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"nobody knows of what")
    path = fetch_model_file(file, tmp_path)
    assert path.read_bytes() == CONTENT
    assert Files.asked == [None], "what is left of a download cannot be continued"
    assert fetch_model_file(file, tmp_path) == path
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(ModelFileMissing, match="differs from the first download"):
        fetch_model_file(file, tmp_path)


def test_a_broken_download_of_unknown_size_is_resumed_and_judged(host: str, tmp_path: Path) -> None:
    Files.breaks = 1
    file = unlisted(f"{host}/net.pt", MD5)
    with pytest.raises(ModelFileMissing, match="could not be downloaded from"):
        fetch_model_file(file, tmp_path)
    assert fetch_model_file(file, tmp_path).read_bytes() == CONTENT
    assert Files.asked[1] is not None


def test_offline_a_file_by_its_md5_may_be_put_by_hand(tmp_path: Path) -> None:
    file = unlisted("https://127.0.0.1:9/net.pt", MD5)
    with pytest.raises(ModelFileMissing, match=f"Put the file with md5 {MD5} at ") as caught:
        fetch_model_file(file, tmp_path)
    path = get_cached_path(file, tmp_path)
    assert str(path) in str(caught.value)
    path.write_bytes(CONTENT)
    assert fetch_model_file(file, tmp_path) == path
    assert path.with_suffix(".pt.sha256").exists()
