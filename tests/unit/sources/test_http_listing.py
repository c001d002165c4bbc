"""Folder listings of web servers.

Those of Caddy and IIS are not recorded, but written from the documented format.
"""

import asyncio
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser
from tests.support.scripted_server import allow, say, told_server

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.outbound import OutboundClient
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.sources.gateways import http_listing
from trapline.server.sources.gateways.gateway import Walk
from trapline.server.sources.gateways.http_directory_gateway import HttpDirectoryGateway
from trapline.server.sources.gateways.http_listing import (
    HtmlListingParser,
    JsonListingParser,
    ListingLink,
)


def load_page(name: str) -> str:
    """Load a page of the folder `listings` without its last line break."""
    path = Path(__file__).with_name("listings") / name
    return path.read_text(encoding="utf-8").removesuffix("\n")


NGINX = load_page("nginx.html")
APACHE_TABLE = load_page("apache_table.html")
LIGHTTPD = load_page("lighttpd.html")
CADDY = load_page("caddy.html")
IIS = load_page("iis.html")
# The two pages are not recorded, but written from the documented format.
CADDY_PAGE = load_page("caddy_page.html")
IIS_PAGE = load_page("iis_page.html")
PYTHON = load_page("python.html")

MINUTE = datetime(2026, 11, 21, 4, 39, tzinfo=UTC)
SECOND = datetime(2026, 11, 21, 4, 39, 26, tzinfo=UTC)


def links(html: str) -> dict[str, ListingLink]:
    return {link.href: link for link in HtmlListingParser().feed(html.encode(), last=True)}


def facts(link: ListingLink) -> tuple[int | None, datetime | None, bool]:
    return link.size, link.modified_at, link.is_exact


def test_nginx_gives_whole_names_and_only_whole_numbers_are_sizes() -> None:
    found = links(NGINX)
    assert facts(found["a_name_that_is_longer_than_fifty_characters_0001.jpg"]) == (
        270_000,
        MINUTE,
        False,
    )
    assert found["IMG_0002.JPG"].size is None, '"195K" is rounded'
    assert set(found) == {
        "../",
        "100MEDIA/",
        "a_name_that_is_longer_than_fifty_characters_0001.jpg",
        "IMG_0002.JPG",
    }


@pytest.mark.parametrize(
    ("html", "href", "expected"),
    [
        (APACHE_TABLE, "IMG_1.JPG", (None, MINUTE, False)),
        (LIGHTTPD, "IMG_1.JPG", (None, SECOND, False)),
        (CADDY, "./IMG%201.JPG", (270_000, SECOND, True)),
        (IIS, "/pictures/IMG_1.JPG", (270_000, MINUTE, False)),
        (PYTHON, "IMG_1.JPG", (None, None, False)),
    ],
    ids=["apache", "lighttpd", "caddy", "iis", "python"],
)
def test_each_form(
    html: str, href: str, expected: tuple[int | None, datetime | None, bool]
) -> None:
    assert facts(links(html)[href]) == expected


async def under(html: str) -> dict[str, tuple[int | None, datetime | None, bool]]:
    """Return the files of a listing that are below its URL."""
    directory = HttpDirectoryGateway(
        OutboundClient(OutboundPolicy()), "http://host.example/camera/"
    )
    found = {}
    for href, link in links(html).items():
        resolved = directory._resolve("http://host.example/camera/", href, Walk())
        if resolved is not None:
            found[resolved[1]] = facts(link)
    await directory.close()
    return found


async def test_a_whole_page_of_caddy() -> None:
    assert await under(CADDY_PAGE) == {
        "100MEDIA/": (None, SECOND, True),
        "Füchse & #1.JPG": (1_258_291, SECOND, True),
        "K%E4fer.JPG": (0, None, False),
    }


async def test_a_whole_page_of_iis() -> None:
    assert await under(IIS_PAGE) == {
        "100MEDIA/": (None, datetime(2026, 1, 2, 9, 5, tzinfo=UTC), False),
        "with space.JPG": (1_258_291, datetime(2026, 12, 31, 0, 0, tzinfo=UTC), False),
        "bare space & füchse.JPG": (0, datetime(2026, 12, 31, 12, 39, tzinfo=UTC), False),
        "web.config": (168, datetime(2026, 12, 31, 23, 59, tzinfo=UTC), False),
    }


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ("270000", 270_000), ("0", 0), ("270,000", 270_000), ("270000 B", 270_000),
        ("12 bytes", 12),
        ("1.2M", None), ("264K", None), ("264 KiB", None), ("1.2 MB", None), ("3G", None),
        ("-", None), ("", None),
        ("9" * 30, None), ("1.2.3", None),
    ],
)  # fmt: skip
def test_only_a_whole_number_of_bytes_is_a_size(told: str, size: int | None) -> None:
    date = "<td>2026-11-21 04:39</td>"
    for html in (
        f'<pre><a href="a.jpg">a</a>  21-Nov-2026 04:39  {told}\n</pre>',
        f'<table><tr><td><a href="a.jpg">a</a></td>{date}<td>{told}</td></tr></table>',
    ):
        assert links(html)["a.jpg"].size == size, html


def test_a_page_that_is_not_utf8_gives_its_links() -> None:
    row = '<a href="K%E4fer.jpg">Käfer.jpg</a>  21-Nov-2026 04:39  5\n'
    page = f'<meta charset="latin-1"><pre>{row}</pre>'
    [link] = HtmlListingParser().feed(page.encode("latin-1"), last=True)
    assert (link.href, link.size) == ("K%E4fer.jpg", 5)


def test_a_rounded_size_still_shows_a_change() -> None:
    assert (
        links(APACHE_TABLE)["IMG_1.JPG"].version_text
        != links(APACHE_TABLE.replace("264K", "265K"))["IMG_1.JPG"].version_text
    )


def test_a_row_of_many_links_is_read_once() -> None:
    calls = Counter[str]()
    sys.setprofile(
        lambda frame, event, _: calls.update([frame.f_code.co_qualname] if event == "call" else [])
    )
    try:
        found = HtmlListingParser().feed(
            b"<table><tr>" + b'<td><a href="a.jpg">a</a></td><td>270000</td>' * 5000, last=True
        )
    finally:
        sys.setprofile(None)
    assert len(found) == 5000
    assert {link.size for link in found} == {270_000}
    assert calls["_read_cell"] == 10_000, "each cell is read once, not once per link"
    nested = HtmlListingParser().feed(
        b'<table><tr><td>1<td><a href="a.jpg">a</a>' * 1000, last=True
    )
    assert len(nested) == 1000


def test_a_row_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="512 KiB"):
        HtmlListingParser().feed(b"<a " + b"x=1 " * 200_000)


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<ul><li>", "<x></y>", "<table><tr><td></y>", "<table><tr><td></y><!--</table>-->",
    "<div><!--</div>-->",
     "<DIV a=</div>\n", "<path/></x>", "<!--><div>", "<div><!</div>"],
)  # fmt: skip
def test_deeply_nested_pages_never_reach_the_parser(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser would take a minute or more and could not be interrupted."""
    monkeypatch.setattr(http_listing, "LexborHTMLParser", None)
    for page in (unit * 1100, "</div></ul></x>" * 2000 + unit * 1100):
        with pytest.raises(ValueError, match="tags deep"):
            HtmlListingParser().feed(page.encode(), last=True)


@pytest.mark.parametrize(
    "row",
    ['<div class="row"><span>{}</span></div><br>', "<li>{}", "<p>{}",
    "<tr><td><font size=2>{}</font>",
     '<div><svg><path d="M0"/><use href="#a"/></svg>{}</div>', "<!-- <div> -->{}<br>", "{}<HR>"],
)  # fmt: skip
def test_a_page_of_many_rows_is_not_nested(row: str) -> None:
    page = "".join(row.format(f'<a href="{at}.jpg">a</a>') for at in range(3000))
    assert len(links(page)) == 3000


def test_formatting_that_is_never_closed_is_not_repeated_in_each_paragraph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The parser would create gigabytes of nodes from a page of 256 KiB."""
    trees: list[LexborHTMLParser] = []

    def parse(html: str) -> LexborHTMLParser:
        trees.append(LexborHTMLParser(html))
        return trees[0]

    monkeypatch.setattr(http_listing, "LexborHTMLParser", parse)
    page = (
        "".join(f"<b id={at}><p>" for at in range(300))
        + '<a href="a.jpg"><B>a</B></a> 21-Nov-2026 04:39 5'
    )
    assert links(page)["a.jpg"].size == 5
    assert len(trees[0].css("*")) < 2000


@pytest.mark.parametrize(
    ("html", "first", "last"),
    [
        (NGINX, '<a href="a_name', "270000\n"),
        (APACHE_TABLE, '<tr><td valign="top">', "</tr>"),
        (LIGHTTPD, '<tr><td class="n"><a href="IMG', "</tr>"),
        (CADDY, '<tr class="file">', "</tr>"),
        (IIS, "11/21/2026  4:39 AM", "</A><br>"),
        (PYTHON, "<li>", "</li>"),
    ],
    ids=["nginx", "apache", "lighttpd", "caddy", "iis", "python"],
)
def test_a_long_listing_in_pieces_gives_the_same_rows(html: str, first: str, last: str) -> None:
    """One row is repeated to several megabytes; each must be returned with its size and time."""
    start = html.index(first)
    end = html.index(last, start) + len(last)
    [wanted] = [link for link in links(html).values() if f'"{link.href}"' in html[start:end]]
    row = html[start:end]
    count = 2_000_000 // len(row)
    data = (html[:start] + row * count + html[end:]).encode()
    listing = HtmlListingParser()
    found = [
        link for at in range(0, len(data), 65_536) for link in listing.feed(data[at : at + 65_536])
    ]
    assert found, "no row was returned before the end"
    found += listing.feed(b"", last=True)
    rows = [link for link in found if link.href == wanted.href]
    assert len(rows) == count
    assert set(rows) == {wanted}


def test_json_of_nginx_and_of_caddy_in_pieces() -> None:
    nginx = (
        '{"name":"IMG 1.JPG", "type":"file",'
        ' "mtime":"Sat, 21 Nov 2026 04:39:26 GMT", "size":270000 }'
    )
    caddy = (
        '{"name":"IMG 1.JPG","size":270000,"url":"./IMG%201.JPG",'
        '"mod_time":"2026-11-21T04:39:26Z","is_dir":false}'
    )
    for item in (nginx, caddy):
        data = ("[\n" + ",\n".join([item] * 10_000) + "\n]").encode()
        listing = JsonListingParser()
        found = [
            link
            for at in range(0, len(data), 65_536)
            for link in listing.feed(data[at : at + 65_536])
        ]
        found += listing.feed(b"", last=True)
        assert len(found) == 10_000
        assert {(link.href, *facts(link)) for link in found} == {
            ("./IMG%201.JPG", 270_000, SECOND, True)
        }
    folder = JsonListingParser().feed(b'[{"name":"100MEDIA","type":"directory"}]', last=True)
    assert folder[0].href == "./100MEDIA/"
    assert JsonListingParser().feed(b"null", last=True) == []
    with pytest.raises(ValueError, match="cannot be parsed"):
        JsonListingParser().feed(b'[{"name": ', last=True)


@pytest.mark.parametrize(
    "href",
    [
        "../other/x.jpg", "/x.jpg", "http://elsewhere.example/camera/x.jpg",
        "//elsewhere.example/camera/x.jpg",
        "https://host.example/camera/x.jpg", "http://host.example:81/camera/x.jpg", "%2e%2e/x.jpg",
        "a/%2E%2E/%2e%2e/x.jpg",
        "..%2fx.jpg", "..%5cx.jpg", "javascript:alert(1)", "mailto:a@b", "?C=N",
        "x.jpg?download", "./", "", "x%00.jpg",
    ],
)  # fmt: skip
async def test_only_links_under_the_address_are_followed(href: str) -> None:
    directory = HttpDirectoryGateway(
        OutboundClient(OutboundPolicy()), "http://host.example/camera/"
    )
    assert directory._resolve("http://host.example/camera/", href, Walk()) is None
    await directory.close()


@pytest.mark.parametrize(
    "href", ["x.jpg", "./x.jpg", "/camera/x.jpg", "http://host.example/camera/x.jpg", "a/../x.jpg"]
)
async def test_a_file_has_one_path_however_it_is_linked(href: str) -> None:
    directory = HttpDirectoryGateway(
        OutboundClient(OutboundPolicy()), "http://host.example/camera/"
    )
    assert directory._resolve("http://host.example/camera/", href, Walk()) == (
        "http://host.example/camera/x.jpg",
        "x.jpg",
    )
    await directory.close()


async def test_a_name_and_password_in_the_address_are_refused_with_a_hint() -> None:
    outbound = OutboundClient(OutboundPolicy())
    with pytest.raises(OutboundFailed, match="auth_username"):
        HttpDirectoryGateway(outbound, "http://user:secret@host.example/camera/")
    await outbound.close()


async def test_listings_and_files_do_not_wait_for_each_other() -> None:
    """Listings are parsed in separate threads, so blocked file threads do not delay them."""
    held = threading.Event()
    writing = [asyncio.create_task(asyncio.to_thread(held.wait, 30)) for _ in range(40)]
    try:
        async with told_server() as server, asyncio.timeout(20):
            server.answers["/"] = say(PYTHON, Content_Type="text/html")
            directory = HttpDirectoryGateway(OutboundClient(allow(server)), server.url)
            assert [entry.path async for entry in directory.list_files()] == ["IMG_1.JPG"]
            await directory.close()
        assert not any(task.done() for task in writing)
    finally:
        held.set()
        await asyncio.gather(*writing)
