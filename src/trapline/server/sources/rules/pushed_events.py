"""Messages that tell of new files: addresses, or notifications of an S3 service. Pure.

An element that cannot be used is refused in words and leaves the others be.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

EVENT = "event"
"""The trigger of a run that takes pushed files and lists nothing."""
SCHEDULE = "schedule"
BACKLOG = "backlog"
"""The trigger of a run that follows a scheduled one immediately, and imports files that it listed and left."""
MOST_ELEMENTS = 1000
MAX_SHOWN = 300


class InvalidMessage(ValueError):
    """Not one element of it can be read; the message says why."""


@dataclass(frozen=True)
class PushedFile:
    """One file that a message tells of: an address, or a bucket with the key in it.

    `refused` says why it is none.
    """

    shown: str
    url: str | None = None
    bucket: str = ""
    key: str = ""
    refused: str | None = None

    def get_url(self, origin: str) -> str:
        """Tell where the file is; one in a bucket at this server, as S3 services take it."""
        return (
            self.url if self.url is not None else f"{origin}/{quote(f'{self.bucket}/{self.key}')}"
        )


def parse_message(text: str | bytes) -> list[PushedFile]:
    """Read a message of `{"urls": [...]}` or `{"Records": [...]}`. Raises NotAMessage."""
    try:
        message = json.loads(text)
    except RecursionError:
        raise InvalidMessage("it is nested too deep") from None
    except ValueError:
        raise InvalidMessage("it is not JSON") from None
    if not isinstance(message, dict):
        raise InvalidMessage("it is not a JSON object")
    urls, records = message.get("urls", []), message.get("Records", [])
    if not isinstance(urls, list) or not isinstance(records, list):
        raise InvalidMessage("`urls` and `Records` are lists")
    if not {"urls", "Records"} & message.keys() and message.get("Event") != "s3:TestEvent":
        raise InvalidMessage('it has neither "urls" nor "Records"')
    if len(urls) + len(records) > MOST_ELEMENTS:
        raise InvalidMessage(f"it tells of more than {MOST_ELEMENTS:,} files")
    return [*map(_read_url, urls), *map(_read_record, records)]


def _read_url(url: Any) -> PushedFile:
    if not isinstance(url, str):
        return PushedFile(_shown(url), refused="it is not a text")
    if wrong := _why_unstorable(url):
        return PushedFile(_shown(url), refused=wrong)
    return PushedFile(_shown(url), url=url.strip())


def _read_record(record: Any) -> PushedFile:
    bucket, key, event = (_find(record, *path) for path in PATHS)
    if not isinstance(bucket, str) or not isinstance(key, str) or not isinstance(event, str):
        return PushedFile(_shown(key), refused="it is no notification of an S3 service")
    name = unquote_plus(key, errors="replace")
    shown = _shown(f"{bucket}/{name}")
    if not event.removeprefix("s3:").startswith("ObjectCreated"):
        return PushedFile(shown, refused="its eventName tells of no new object")
    if wrong := _why_unstorable(bucket + name):
        return PushedFile(shown, refused=wrong)
    return PushedFile(shown, bucket=bucket, key=name)


PATHS = (("s3", "bucket", "name"), ("s3", "object", "key"), ("eventName",))


def _find(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _why_unstorable(text: str) -> str | None:
    # Half of a surrogate pair is not printable either.
    return (
        None
        if "\ufffd" not in text and text.isprintable()
        else "it has characters that no file's address has"
    )


def _shown(value: Any) -> str:
    """Make something of a stranger's fit to be told again: it may hold what no database or encoder takes."""
    text = value if isinstance(value, str) else type(value).__name__
    return text[:MAX_SHOWN].encode("utf-8", "replace").decode().replace("\x00", "?")


def needs_listing(gateway: str, base_url: str) -> bool:
    """Tell whether only the listing shows where files are: where its address lacks a slash, servers redirect."""
    return gateway == "rest" or (gateway == "http" and not urlsplit(base_url).path.endswith("/"))


def get_folder_url(address: str) -> str:
    """Tell under which address the files of a listing lie, with a slash at its end."""
    split = urlsplit(address)
    parent, _, last = split.path.rpartition("/")
    # What looks like a folder that lacks its slash is one.
    path = f"{parent}/" if not last or "." in last or split.query else f"{split.path}/"
    return f"{split.scheme}://{split.netloc}{path}"
