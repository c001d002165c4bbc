"""Response headers of servers: Retry-After, file names and content encodings."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.support.scripted_server import allow, say, told_server

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.http_responses import (
    build_open_file,
    decode_path,
    parse_retry_after,
)
from trapline.server.platform.network.outbound import OutboundClient
from trapline.server.sources.gateways.gateway import build_fingerprint

DAY_S = 86_400
IN_TWO_HOURS = "in two hours"


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("120", 120, 120), (" 0 ", 0, 0), ("99999999999999999999", DAY_S, DAY_S),
        ("-5", None, None), ("1.5", None, None), ("soon", None, None), ("²", None, None),
        ("", None, None),
        (IN_TWO_HOURS, 6000, 7200),
        ("Fri, 01 May 2026 06:00:00 GMT", 0, 0), ("Fri, 31 Dec 9999 23:59:59 GMT", DAY_S, DAY_S),
    ],
)  # fmt: skip
async def test_how_long_to_leave_a_server_alone(
    told: str, least: int | None, most: int | None
) -> None:
    if told == IN_TWO_HOURS:
        told = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    async with told_server() as server:
        server.answers["/"] = say("", 429, Retry_After=told)
        outbound = OutboundClient(allow(server))
        async with outbound.get(server.url) as answer:
            wait = parse_retry_after(answer)
        await outbound.close()
    assert (
        (wait is None)
        if least is None or most is None
        else wait is not None and least <= wait <= most
    )


@pytest.mark.parametrize("coding", ["", "identity", "aws-chunked", "Identity"])
async def test_a_file_that_is_not_packed_is_opened(coding: str) -> None:
    async with told_server() as server:
        server.answers["/"] = say("picture", Content_Encoding=coding, ETag='"a"')
        outbound = OutboundClient(allow(server))
        async with outbound.get(server.url) as answer:
            opened = build_open_file(answer)
            assert (opened.size, opened.etag, opened.modified_at) == (7, '"a"', None)
            assert b"".join([chunk async for chunk in opened.chunks]) == b"picture"
        server.answers["/"] = say("picture", Content_Encoding="gzip")
        async with outbound.get(server.url) as answer:
            with pytest.raises(OutboundFailed, match="compressed"):
                build_open_file(answer)
        await outbound.close()


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("a%20b.jpg", "a b.jpg"), ("F%C3%BCchse.jpg", "Füchse.jpg"), ("K%E4fer.jpg", "K%E4fer.jpg"),
        ("a%2Fb.jpg", "a%2Fb.jpg"), ("a%252Fb.jpg", "a%252Fb.jpg"), ("100%25.jpg", "100%25.jpg"),
        ("a+b.jpg", "a+b.jpg"), ("a%0Ab.jpg", "a%0Ab.jpg"),
        ("a/../b.jpg", None), ("%2e%2e/b.jpg", None), ("..%2Fb.jpg", None), ("..%5Cb.jpg", None),
        ("./b.jpg", None),
        ("a//b.jpg", None), ("a%00.jpg", None), ("a\x01.jpg", None),
    ],
)  # fmt: skip
def test_a_path_is_readable_where_that_loses_nothing(raw: str, path: str | None) -> None:
    assert decode_path(raw) == path


def test_a_fingerprint_is_short_and_tells_versions_apart() -> None:
    odd = ["a" * 10_000, "a" * 9_999 + "b", "a\x00b", "a\ud800b"]
    found = [build_fingerprint(said) for said in odd]
    assert len(set(found)) == len(odd)
    assert all(len(said) <= 500 and said.isprintable() for said in found)
    assert build_fingerprint("5|Fri") == "5|Fri"
