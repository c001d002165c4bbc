"""The S3 signer compared with botocore 1.44 for the same requests at the same time."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from trapline.server.platform.store.presign import S3Signer

NOW = datetime(2026, 5, 17, 8, 30, 5, tzinfo=UTC)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CHECKSUM = {"x-amz-checksum-sha256": "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564="}
NAMED = {"response-content-disposition": "attachment; filename*=UTF-8''F%C3%BCchse%20%26%20Co.json"}
HEAT = "https://s3.example.org/bucket/ml_outputs/0197-a/heat.png"
LOG = "http://127.0.0.1:8333/trapline/ml_outputs/0197-a/.log-1_b.txt"
JSON = "https://s3.example.org:9443/base/bucket/ml_outputs/a/b.json"
CASES = [
    (
        "PUT", HEAT, "us-east-1", 900, {"Content-Type": "image/png"}, {},
        "content-type;host", "dd760bad0b1c719f151feb804f8bb655d23c76e46b1037d2acdcf4b2b97f0d1f",
    ),
    (
        "PUT", LOG, "eu-central-1", 60,
        {"Content-Type": "text/plain", "Content-Length": "17"} | CHECKSUM, {},
        "content-length;content-type;host;x-amz-checksum-sha256",
        "4e0e7fe2d6de9430936d85d752c5b2f17080e41a02c46dd2358cc15ca0a5a4dc",
    ),
    (
        "GET", JSON, "us-east-1", 604800, {}, NAMED,
        "host", "714fb44648cb0bd099333ac5e870ff11fd358a20bc1248879c1698479c5e300c",
    ),
    (
        "HEAD", "https://s3.example.org/bucket/ml_outputs/a/b.json", "us-east-1", 60,
        {"x-amz-checksum-mode": "ENABLED"}, {},
        "host;x-amz-checksum-mode",
        "d4d5fdecf0f55baa0014ad53ccf1e94eacaa955a21d3a16f89da9115403263eb",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "url", "region", "lifetime_s", "headers", "query", "names", "signature"), CASES
)
def test_an_address_is_signed_as_botocore_signs_it(
    method: str,
    url: str,
    region: str,
    lifetime_s: int,
    headers: dict[str, str],
    query: dict[str, str],
    names: str,
    signature: str,
) -> None:
    signer = S3Signer(KEY, SECRET, region)
    address = signer.presign(
        method, url, lifetime_s=lifetime_s, now=NOW, headers=headers, query=query
    )
    assert address.partition("?")[0] == url
    assert dict(parse_qsl(urlsplit(address).query)) == query | {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{KEY}/20260517/{region}/s3/aws4_request",
        "X-Amz-Date": "20260517T083005Z",
        "X-Amz-Expires": str(lifetime_s),
        "X-Amz-SignedHeaders": names,
        "X-Amz-Signature": signature,
    }


def test_a_port_that_clients_leave_out_is_not_signed() -> None:
    signer = S3Signer(KEY, SECRET, "us-east-1")
    plain = signer.presign(
        "PUT", HEAT, lifetime_s=900, now=NOW, headers={"Content-Type": "image/png"}
    )
    with_port = HEAT.replace("example.org", "Example.org:443")
    told = signer.presign(
        "PUT", with_port, lifetime_s=900, now=NOW, headers={"Content-Type": "image/png"}
    )
    assert told.rpartition("=")[2] == plain.rpartition("=")[2]


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(S3Signer(KEY, SECRET, "us-east-1"))
