"""Parse folder listings of web servers, HTML and JSON, incrementally: links, sizes and times.

HTML: nginx, Apache (`<pre>` and table), Caddy, lighttpd, Python's http.server, IIS. JSON: nginx and
Caddy. Names are taken from the href, because some servers truncate the text.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from trapline.server.platform.network.http_responses import parse_rfc3339

PIECE_CHARACTERS = 256 * 1024
# The time of the HTML parser grows quadratically with the content of one tag.
MAX_PIECE_CHARACTERS = 512 * 1024
MAX_NESTED = 20
MAX_UNCLOSED = 1000
MAX_CELL_NODES = 100

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - easier to read
_TIME = re.compile(
    r"(?P<d1>\d{1,2})-(?P<m1>[A-Za-z]{3})-(?P<y1>\d{4}) +(?P<t1>\d\d:\d\d(?::\d\d)?)"  # nginx
    # Apache, lighttpd:
    r"|(?P<y2>\d{4})-(?P<m2>\d\d|[A-Za-z]{3})-(?P<d2>\d\d)[ T]+(?P<t2>\d\d:\d\d(?::\d\d)?)"
    r"|(?P<m3>\d{1,2})/(?P<d3>\d{1,2})/(?P<y3>\d{4}) +(?P<t3>\d{1,2}:\d\d) (?P<half>[AP])M"  # IIS
)
# The HTML parser repeats all open formatting tags in each paragraph, so a few thousand of them
# could take gigabytes of memory.
_FORMATTING = frozenset(
    ["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
_FORMAT_TAG = re.compile(rf"<(/?)(?:{'|'.join(sorted(_FORMATTING))})(?=[\s/>])", re.IGNORECASE)
# For lower-case HTML. Excludes void elements, and elements that the next one of their kind closes.
_TAG = re.compile(
    r"<(?!/?(?:a|br|hr|img|input|meta|link|li|tr|td|th|p|thead|tbody|tfoot|option|d[td])[\s/>])"
    r"(?:(/?)([a-z][^\s/>]*)([^>]*)|!--(?:-?>|.*?--!?>|.*)|[!?][^>]*)",
    re.DOTALL,
)
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SIZE = re.compile(r"(?:^|\s)(\d[\d,.]*\s?(?:[KMGT]i?B?|B|bytes)?)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class ListingLink:
    """One link of a listing.

    `size` is in bytes and set only if exact. `modified_at` is read as UTC; only with `is_exact` is
    the zone known. `version_text` has the size and date as listed.
    """

    href: str
    size: int | None = None
    modified_at: datetime | None = None
    is_exact: bool = False
    version_text: str = ""


class HtmlListingParser:
    """Parses an HTML listing in pieces, which are split between rows."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._in_table = False
        self.has_password_field = False

    def feed(self, data: bytes, *, last: bool = False) -> list[ListingLink]:
        """Add bytes; returns the links of the rows that are now complete."""
        self._rest += self._decoder.decode(data, final=last)
        if last:
            piece, self._rest = self._rest, ""
        elif len(self._rest) < PIECE_CHARACTERS:
            return []
        else:
            cut = _last_row(self._rest)
            if cut <= 0:
                if len(self._rest) > MAX_PIECE_CHARACTERS:
                    raise ValueError("a row is longer than 512 KiB")
                return []
            piece, self._rest = self._rest[:cut], self._rest[cut:]
        # The parser drops <tr> outside of a table, so a piece from inside a table gets its own tag.
        lowered = piece.lower()
        self.has_password_field = self.has_password_field or 'type="password"' in lowered
        links = list(_read_links("<table>" + piece if self._in_table else piece))
        self._in_table = "<tr" in lowered or self._in_table
        return links


class JsonListingParser:
    """Parses a JSON listing, an array of objects, in pieces."""

    def __init__(self) -> None:
        # Names that are not UTF-8 are kept distinct from all others, and are left out.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._rest = ""
        self.unreadable = self.unrepresentable = 0
        self._json = json.JSONDecoder(parse_int=_whole)

    def feed(self, data: bytes, *, last: bool = False) -> list[ListingLink]:
        """Add bytes; returns the links of the objects that are now complete. Raises ValueError."""
        self._rest += self._decoder.decode(data, final=last)
        if not last and len(self._rest) < PIECE_CHARACTERS:
            return []
        links: list[ListingLink] = []
        position = 0
        while True:
            start = _past(self._rest, position, " \t\r\n[,")
            if start >= len(self._rest) or self._rest[start] == "]":
                self._rest = ""
                return links
            try:
                value, position = self._json.raw_decode(self._rest, start)
            except RecursionError:
                value, position = None, _end_of_value(self._rest, start)
            except ValueError:
                self._rest = self._rest[start:]
                if last or len(self._rest) > MAX_PIECE_CHARACTERS:
                    raise ValueError("the JSON listing cannot be parsed") from None
                return links
            links.extend(self._read(value))

    def _read(self, value: Any) -> Iterable[ListingLink]:
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            self.unreadable += 1
            return []
        link = _link_of_json(value)
        self.unrepresentable += link is None
        return [link] if link is not None else []


def _end_of_value(text: str, start: int) -> int:
    """Return the end of a too deeply nested object, or the end of the text if it is incomplete."""
    depth = 0
    for found in _BRACKETS.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if depth <= 0:
            return found.end()
    return len(text)


def _past(text: str, position: int, signs: str) -> int:
    while position < len(text) and text[position] in signs:
        position += 1
    return position


def _last_row(text: str) -> int:
    """Return the start of the last row; everything before it is complete."""
    lowered = text.lower()
    for mark, offset in (("<tr", 0), ("<li", 0), ("<br", 0), ("\n", 1)):
        cut = lowered.rfind(mark)
        if cut > 0:
            return cut + offset
    return 0


def _read_links(html: str) -> Iterator[ListingLink]:
    if not _FORMATTING.isdisjoint(_check_nesting(html)):
        html = _FORMAT_TAG.sub(r"<\1x", html)
    # Each row is parsed once, even if it has several links.
    rows: dict[int, _Row] = {}
    for anchor in LexborHTMLParser(html).css("a[href]"):
        # Only HTML white space is stripped: a name can end with other white space.
        href = (anchor.attributes.get("href") or "").strip(" \t\r\n\f")
        if href and not href.startswith(("?", "#")):
            yield _link_of_row(href, anchor, rows)


def _check_nesting(html: str) -> Iterable[str]:
    """Return the names of nestable tags, and reject HTML that is nested too deeply.

    The time of the parser grows quadratically with the depth and cannot be interrupted.

    Raises:
        ValueError: the HTML is nested too deeply.
    """
    depths: dict[str, int] = {}
    unclosed = tables = 0
    for found in _TAG.finditer(html.lower()):
        closing, name, attributes = found.groups()
        if name is None:
            continue
        depth = depths.get(name, 0)
        if not closing:
            tables += name == "table"
            # Self-closing tags are valid only inside of <svg>.
            if not (attributes.endswith("/") and depths.get("svg")):
                depths[name] = depth + 1
                unclosed += 1
        elif depth:
            depths[name] = depth - 1
            unclosed -= 1
        if unclosed > MAX_UNCLOSED or tables > MAX_UNCLOSED:
            raise ValueError(f"it is nested more than {MAX_UNCLOSED:,} tags deep")
    return depths


def _link_of_row(href: str, anchor: LexborNode, rows: dict[int, "_Row"]) -> ListingLink:
    node: LexborNode | None = anchor
    for _ in range(MAX_NESTED):
        node = node.parent if node is not None else None
        if node is None or node.tag in ("pre", "li", "body"):
            break
        if node.tag == "tr":
            if node.mem_id not in rows:
                rows[node.mem_id] = _read_row(node)
            row = rows[node.mem_id]
            return ListingLink(href, row.size, row.modified_at, row.is_exact, row.version_text)
    return _link_of_text(href, _text(anchor.next), _text(anchor.prev))


def _text(node: LexborNode | None) -> str:
    return (node.text_content or "") if node is not None and node.tag == "-text" else ""


@dataclass(frozen=True)
class _Row:
    """Size and time in a row of a table."""

    size: int | None
    modified_at: datetime | None
    is_exact: bool
    version_text: str


def _read_row(row: LexborNode) -> _Row:
    size: int | None = None
    modified_at: datetime | None = None
    is_exact = False
    texts: list[str] = []
    for cell in row.iter():
        read = _read_cell(cell) if cell.tag == "td" else None
        if read is None:
            continue
        text, stamp = read
        texts.append(text)
        exact = cell.attributes.get("data-size") or cell.attributes.get("data-order") or ""
        if "size" in (cell.attributes.get("class") or "") and exact.isdigit():
            size = _whole(exact)
            texts.append(exact)
        elif stamp is not None:
            modified_at = parse_rfc3339(stamp)
            is_exact = modified_at is not None
            texts.append(str(modified_at))
        elif modified_at is None and _TIME.search(text):
            modified_at = _read_time(text)
        elif size is None:
            size = _read_size(text)
    return _Row(size, modified_at, is_exact, "|".join(texts))


def _read_cell(cell: LexborNode) -> tuple[str, str | None] | None:
    """Return the text and timestamp of a cell; None for cells with links or too many nodes."""
    texts: list[str] = []
    stamp: str | None = None
    for count, node in enumerate(cell.traverse(include_text=True)):
        if count > MAX_CELL_NODES or (node.tag == "a" and node.attributes.get("href") is not None):
            return None
        if node.tag == "-text":
            texts.append(node.text_content or "")
        elif node.tag == "time" and stamp is None:
            stamp = node.attributes.get("datetime")
    return " ".join("".join(texts).split()), stamp


def _link_of_text(href: str, after: str, before: str) -> ListingLink:
    """Parse the text next to a link: after it (nginx, Apache) or before it (IIS)."""
    after = after.partition("\n")[0].strip()
    if _TIME.search(after):
        text = after
        size_text = _TIME.sub("", after, count=1).strip()
    else:
        found = None
        for found in _TIME.finditer(before):  # noqa: B007 - the last one is meant
            pass
        if found is None:
            return ListingLink(href)
        text = before[found.start() :].strip()
        size_text = before[found.end() :].strip()
    return ListingLink(href, _read_size(size_text), _read_time(text), False, " ".join(text.split()))


def _read_size(text: str) -> int | None:
    """Parse a size in bytes; a rounded size such as "195K" is None."""
    found = _SIZE.search(text)
    if found is None:
        return None
    return _whole(found[1].removesuffix("bytes").removesuffix("B").strip().replace(",", ""))


def _whole(digits: str) -> int | None:
    """Parse an integer that fits a database column."""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _read_time(text: str) -> datetime | None:
    found = _TIME.search(text)
    if found is None:
        return None
    part = found.groupdict()
    which = "1" if part["y1"] else "2" if part["y2"] else "3"
    month_text = part[f"m{which}"]
    try:
        month = int(month_text) if month_text.isdigit() else _MONTHS.index(month_text.lower()) + 1
        hour, minute, second = [*(int(number) for number in part[f"t{which}"].split(":")), 0][:3]
        if part["half"]:
            hour = hour % 12 + (12 if part["half"] == "P" else 0)
        return datetime(
            int(part[f"y{which}"]), month, int(part[f"d{which}"]), hour, minute, second, tzinfo=UTC
        )
    except ValueError:
        return None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _link_of_json(item: dict[str, Any]) -> ListingLink | None:
    """Convert a JSON object of nginx or Caddy; None if its name cannot be encoded in a request.

    nginx: name, type, mtime, size. Caddy: name, url, is_dir, mod_time, size.
    """
    name, url, size = str(item["name"]), item.get("url"), item.get("size")
    stamp = item.get("mtime") or item.get("mod_time")
    is_folder = item.get("type") == "directory" or item.get("is_dir") is True
    href = url if isinstance(url, str) and url else "./" + quote(name, safe="", errors="replace")
    if not _is_text(name) or not _is_text(href):
        return None
    if is_folder and not href.endswith("/"):
        href += "/"
    modified_at = None
    if isinstance(stamp, str):
        try:
            modified_at = (
                parsedate_to_datetime(stamp).astimezone(UTC)
                if "," in stamp
                else parse_rfc3339(stamp)
            )
        except (ValueError, TypeError, OverflowError, IndexError):
            modified_at = None
    exact_size = size if isinstance(size, int) and not is_folder and 0 <= size < 2**63 else None
    return ListingLink(href, exact_size, modified_at, modified_at is not None, f"{size}|{stamp}")
