"""Messages that announce new files: URLs, or notifications of an S3 service. Pure functions.

An element that cannot be used is rejected with a reason; the other elements are still processed.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

EVENT = "event"
"""The trigger of a run that imports pushed files and lists nothing."""
SCHEDULE = "schedule"
BACKLOG = "backlog"
"""The trigger of a run that imports files which the preceding scheduled run listed and left."""
MOST_ELEMENTS = 1000
MAX_SHOWN = 300


class InvalidMessage(ValueError):
    """The message cannot be parsed; the exception text is the reason."""


@dataclass(frozen=True)
class PushedFile:
    """One file of a message: a URL, or a bucket with the key of an object.

    `shown` is the element as it is reported. `refused` is the reason if the element is rejected.
    """

    shown: str
    url: str | None = None
    bucket: str = ""
    key: str = ""
    refused: str | None = None

    def get_url(self, origin: str) -> str:
        """Return the URL of the file; an object has a path-style S3 URL under `origin`."""
        return (
            self.url if self.url is not None else f"{origin}/{quote(f'{self.bucket}/{self.key}')}"
        )


def parse_message(text: str | bytes) -> list[PushedFile]:
    """Parse a message of `{"urls": [...]}` or `{"Records": [...]}`. Raises InvalidMessage."""
    try:
        message = json.loads(text)
    except RecursionError:
        raise InvalidMessage("it is nested too deeply") from None
    except ValueError:
        raise InvalidMessage("it is not JSON") from None
    if not isinstance(message, dict):
        raise InvalidMessage("it is not a JSON object")
    urls, records = message.get("urls", []), message.get("Records", [])
    if not isinstance(urls, list) or not isinstance(records, list):
        raise InvalidMessage("`urls` and `Records` must be lists")
    if not {"urls", "Records"} & message.keys() and message.get("Event") != "s3:TestEvent":
        raise InvalidMessage('it has neither "urls" nor "Records"')
    if len(urls) + len(records) > MOST_ELEMENTS:
        raise InvalidMessage(f"it names more than {MOST_ELEMENTS:,} files")
    return [*map(_read_url, urls), *map(_read_record, records)]


def _read_url(url: Any) -> PushedFile:
    if not isinstance(url, str):
        return PushedFile(_shown(url), refused="it is not a string")
    if wrong := _find_invalid_characters(url):
        return PushedFile(_shown(url), refused=wrong)
    return PushedFile(_shown(url), url=url.strip())


def _read_record(record: Any) -> PushedFile:
    bucket, key, event = (_find(record, *path) for path in PATHS)
    if not isinstance(bucket, str) or not isinstance(key, str) or not isinstance(event, str):
        return PushedFile(_shown(key), refused="it is not a notification of an S3 service")
    name = unquote_plus(key, errors="replace")
    shown = _shown(f"{bucket}/{name}")
    if not event.removeprefix("s3:").startswith("ObjectCreated"):
        return PushedFile(shown, refused="its eventName does not announce a new object")
    if wrong := _find_invalid_characters(bucket + name):
        return PushedFile(shown, refused=wrong)
    return PushedFile(shown, bucket=bucket, key=name)


PATHS = (("s3", "bucket", "name"), ("s3", "object", "key"), ("eventName",))


def _find(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _find_invalid_characters(text: str) -> str | None:
    # isprintable() also rejects lone surrogates.
    return (
        None
        if "\ufffd" not in text and text.isprintable()
        else "it has characters that a file URL cannot have"
    )


def _shown(value: Any) -> str:
    """Shorten an element for the report and replace characters that cannot be stored or encoded."""
    text = value if isinstance(value, str) else type(value).__name__
    return text[:MAX_SHOWN].encode("utf-8", "replace").decode().replace("\x00", "?")


def needs_listing(gateway: str, base_url: str) -> bool:
    """Return whether a run must list the source first to find the URLs of its files.

    A server redirects a base URL without a closing slash, so its final URL is not known before.
    """
    return gateway == "rest" or (gateway == "http" and not urlsplit(base_url).path.endswith("/"))


def get_folder_url(address: str) -> str:
    """Return the folder URL of the files of a listing, with a closing slash."""
    split = urlsplit(address)
    parent, _, last = split.path.rpartition("/")
    # A last part without a dot is taken as a folder whose slash is missing.
    path = f"{parent}/" if not last or "." in last or split.query else f"{split.path}/"
    return f"{split.scheme}://{split.netloc}{path}"
