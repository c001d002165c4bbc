"""The verifier of signatures rejects any changed bit, and raises no error for any input."""

import random
from collections.abc import Sequence

import pytest

from trapline.client.signing import sign_v1, sign_v2
from trapline.server.external.rules.signatures import (
    BadSignature,
    SignatureFailure,
    SignatureVerifier,
    parse_claim,
)

NOW = 1_767_225_600
SECRET = "a secret of the tests"
PATH = b"/api/analyses/7c9e6679-7425-40de-944b-e07fc1f90ae7/finalize"
BODY = b'{"status": "completed"}'

Headers = Sequence[tuple[bytes, bytes]]


def _verify(
    headers: Headers,
    method: bytes = b"POST",
    path: bytes = PATH,
    query: bytes = b"",
    body: bytes = BODY,
) -> None:
    claim = parse_claim(headers, NOW, 300, 1)
    check = SignatureVerifier(claim, [SECRET.encode()], method, path, query)
    check.feed(body)
    check.find_signer()


def _signed(version: int) -> list[tuple[bytes, bytes]]:
    if version == 1:
        signed = sign_v1(SECRET, BODY, clock=lambda: NOW)
    else:
        signed = sign_v2("svc", SECRET, "POST", PATH.decode(), BODY, clock=lambda: NOW)
    return [(name.encode(), value.encode()) for name, value in signed.items()]


def _flips(content: bytes) -> list[bytes]:
    return [
        content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]
        for place in range(len(content))
        for bit in range(8)
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_any_bit_that_differs_is_refused(version: int) -> None:
    headers = _signed(version)
    _verify(headers)
    for body in _flips(BODY):
        with pytest.raises(BadSignature):
            _verify(headers, body=body)
    for place, (name, value) in enumerate(headers):
        # The id of a key is looked up; another one has another secret.
        for flipped in _flips(value) if name != b"X-ML-Key-Id" else []:
            prefix = value[: value.find(b"=") + 1]
            # Hexadecimal digits are the same in either case.
            if (
                name == b"X-ML-Signature"
                and flipped.lower() == value.lower()
                and flipped.startswith(prefix)
            ):
                continue
            with pytest.raises(BadSignature):
                _verify([*headers[:place], (name, flipped), *headers[place + 1 :]])
    if version == 2:
        for path in _flips(PATH):
            with pytest.raises(BadSignature):
                _verify(headers, path=path)
        for method in _flips(b"POST"):
            with pytest.raises(BadSignature):
                _verify(headers, method=method)
        with pytest.raises(BadSignature):
            _verify(headers, query=b"x")


def test_every_request_is_accepted_or_refused() -> None:
    chance = random.Random(7)
    names = [b"X-ML-Signature", b"x-ml-timestamp", b"X-ML-Nonce", b"X-ML-Key-Id", b"Content-Type"]
    starts = [b"", b"sha256=", b"v2=", b"sha256=" + b"0" * 64, b"1767225600", b",", b" \t"]
    refused = set()
    for _ in range(20_000):
        headers = [
            (
                chance.choice(names),
                chance.choice(starts) + chance.randbytes(chance.choice([0, 0, 1, 32, 70])),
            )
            for _ in range(chance.randrange(6))
        ]
        with pytest.raises(BadSignature) as refusal:
            _verify(headers)
        refused.add(refusal.value.reason)
    assert len(refused) >= 6, refused


@pytest.mark.parametrize("version", [1, 2])
def test_the_skew_is_inclusive_both_ways(version: int) -> None:
    headers = _signed(version)
    for now, holds in (
        (NOW - 300, True),
        (NOW + 300, True),
        (NOW + 300.9, True),
        (NOW - 301, False),
        (NOW + 301, False),
    ):
        if holds:
            parse_claim(headers, now, 300, 1)
        else:
            with pytest.raises(BadSignature) as refusal:
                parse_claim(headers, now, 300, 1)
            assert refusal.value.reason == SignatureFailure.OUTSIDE_SKEW


def test_a_use_is_known_by_what_was_signed() -> None:
    def use(headers: Headers, about: str = "finalize 1", body: bytes = BODY) -> bytes:
        check = SignatureVerifier(
            parse_claim(headers, NOW, 300, 1), [SECRET.encode()], b"POST", PATH, b""
        )
        check.feed(body)
        return check.name_use(about)

    [timestamp, signature] = _signed(1)
    other = (b"X-ML-Signature", b"sha256=" + b"0" * 64 + b"," + signature[1])
    assert use([timestamp, signature]) == use([timestamp, other])
    assert use([timestamp, signature]) != use([timestamp, signature], "finalize 2")
    assert use([timestamp, signature]) != use([timestamp, signature], body=b"{}")
    nonce = _signed(2)
    assert use(nonce) == use(nonce, "something else")
    assert use(nonce) != use(_signed(2))
