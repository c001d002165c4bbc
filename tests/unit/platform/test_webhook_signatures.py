"""Signatures by the Standard Webhooks convention, and notifications of new files."""

import base64
from typing import Any

import pytest

from trapline.server.platform.webhook_signatures import (
    WebhookHeaders,
    generate_secret,
    parse_headers,
    sign_message,
    verify_signature,
)
from trapline.server.sources.rules.pushed_events import (
    InvalidMessage,
    get_folder_url,
    parse_message,
)

# The one vector that the convention's own libraries test themselves with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIME, BODY = b"msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = b"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="


def headers(**changes: bytes | None) -> list[tuple[bytes, bytes]]:
    given: dict[str, bytes | None] = {
        "id": ID,
        "timestamp": str(TIME).encode(),
        "signature": SIGNATURE,
        **changes,
    }
    return [
        (f"Webhook-{name}".encode(), value) for name, value in given.items() if value is not None
    ]


def test_the_published_vector_holds() -> None:
    assert base64.b64encode(
        sign_message(SECRET, ID, str(TIME).encode(), BODY)
    ) == SIGNATURE.removeprefix(b"v1,")
    delivery = parse_headers(headers(), TIME)
    assert isinstance(delivery, WebhookHeaders)
    assert verify_signature(delivery, [generate_secret(), SECRET], BODY)
    assert not verify_signature(delivery, [generate_secret()], BODY)
    assert not verify_signature(delivery, [SECRET], BODY + b" ")
    assert not verify_signature(delivery, [], BODY)


def test_one_of_several_signatures_is_enough() -> None:
    several = b" ".join((OTHER, OTHER.replace(b"v1", b"v2"), b"v1,***", b"v1", b"", SIGNATURE))
    delivery = parse_headers(headers(signature=several), TIME)
    assert isinstance(delivery, WebhookHeaders)
    assert verify_signature(delivery, [SECRET], BODY)
    late = parse_headers(headers(signature=b" ".join([OTHER] * 10 + [SIGNATURE])), TIME)
    assert isinstance(late, WebhookHeaders)
    assert not verify_signature(late, [SECRET], BODY), (
        "who sends thousands has the first ten looked at"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, "webhook-id is missing"),
        ({"timestamp": None}, "webhook-timestamp is missing"),
        ({"signature": None}, "webhook-signature is missing"),
        ({"id": b"a.b"}, "webhook-id has not"),
        ({"id": b""}, "webhook-id has not"),
        ({"id": b"x" * 256}, "webhook-id has not"),
        ({"timestamp": b"1614265330.5"}, "whole seconds"),
        ({"timestamp": b"hello"}, "whole seconds"),
        ({"timestamp": str(TIME - 301).encode()}, "too far"),
        ({"timestamp": str(TIME + 301).encode()}, "too far"),
    ],
)
def test_headers_that_claim_nothing_are_told_in_words(changes: dict[str, Any], words: str) -> None:
    said = parse_headers(headers(**changes), TIME)
    assert isinstance(said, str)
    assert words in said


def test_a_header_that_comes_twice_is_refused() -> None:
    assert (
        parse_headers([*headers(), (b"webhook-id", b"other")], TIME)
        == "webhook-id comes more than once"
    )
    assert isinstance(
        parse_headers(headers(timestamp=str(TIME - 300).encode()), TIME), WebhookHeaders
    )


def test_messages_are_read_element_by_element() -> None:
    told = parse_message(
        b'{"urls": ["https://a/b.jpg", 7, "https://a/\\u0000", "\\ud800"], "Records": ['
        b'{"eventName": "s3:ObjectCreated:Put",'
        b' "s3": {"bucket": {"name": "b"}, "object": {"key": "my+d%C3%A4y/x.jpg"}}},'
        b'{"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "b"}, "object": {"key": '
        b'"x.jpg"}}},[],null]}'
    )
    assert [one.refused is None for one in told] == [
        True,
        False,
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    assert (told[4].bucket, told[4].key) == ("b", "my däy/x.jpg")
    assert told[4].get_url("https://s") == "https://s/b/my%20d%C3%A4y/x.jpg"
    assert "does not announce a new object" in (told[5].refused or "")
    for one in told:
        one.shown.encode()
    assert parse_message('{"Service": "Amazon S3", "Event": "s3:TestEvent"}') == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 50_000, "nested"),
        (b"[]", "not a JSON object"),
        (b"{}", "neither"),
        (b'{"urls": {}}', "lists"),
        (b'{"urls": [' + b"1," * 1000 + b"1]}", "more than 1,000"),
        (b"1" * 5000, "JSON"),
    ],
)
def test_invalid_messages_are_reported(text: bytes, words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        parse_message(text)


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("http://a/DCIM/", "http://a/DCIM/"),
        ("http://a/DCIM", "http://a/DCIM/"),
        ("http://a/list.php", "http://a/"),
        ("http://a/list?x=1", "http://a/"),
        ("http://a", "http://a/"),
    ],
)
def test_the_folder_of_a_listing(address: str, folder: str) -> None:
    assert get_folder_url(address) == folder
