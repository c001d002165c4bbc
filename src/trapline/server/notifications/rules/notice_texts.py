"""What an e-mail says: its subject and its text, from what happened.

Names that people gave are put on one line.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trapline.wire.notices import NoticeKind

NAME_LENGTH = 80
_INVISIBLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")

Item = Mapping[str, Any]


def sanitise_name(name: str) -> str:
    """Put a name that somebody gave on one line, without signs that steer what reads it, and not too long."""
    plain = _INVISIBLE.sub(" ", name).strip()
    return plain if len(plain) <= NAME_LENGTH else plain[: NAME_LENGTH - 1] + "…"


def render_subject(kind: str, project: str, items: Sequence[Item], told: int) -> str:
    """Write what an e-mail is about, on one line."""
    first = items[0]
    match kind:
        case NoticeKind.JOB_FAILED:
            what = (
                f"the job “{_name(first)}” has failed" if told == 1 else f"{told} jobs have failed"
            )
        case NoticeKind.DEPLOYMENT_SILENT:
            what = (
                f"the camera “{_name(first)}” is silent"
                if told == 1
                else f"{told} cameras are silent"
            )
        case NoticeKind.SOURCE_SILENT:
            what = (
                f"the source “{_name(first)}” is silent"
                if told == 1
                else f"{told} sources are silent"
            )
        case _:
            many = f"on {_images(first['count'])}"
            what = (
                f"{sanitise_name(first['class_name'])} {many}"
                if told == 1
                else f"{told} classes were seen"
            )
    return f"[{sanitise_name(project)}] {what}"


def render_text(
    kind: str,
    project: str,
    items: Sequence[Item],
    told: int,
    address_of: Callable[[str], str],
    settings: str,
) -> str:
    """Write the text of an e-mail; `address_of` makes an address of a part of the project, `settings` ends it."""
    lines = [line for item in items for line in _LINES[NoticeKind(kind)](item, address_of)]
    if told > len(items):
        lines += [f"And {told - len(items)} more.", ""]
    return "\n".join(
        [
            f"In the project “{sanitise_name(project)}”:",
            "",
            *lines,
            "-- ",
            "You asked Trapline to write to you about this. To change or stop it:",
            settings,
            "",
        ]
    )


def render_test_email(project_of: str) -> tuple[str, str]:
    """Write a test: its subject and text; `project_of` is the address where notices are asked for."""
    text = f"This is the test that you asked for: e-mail of Trapline reaches you.\n\n-- \n{project_of}\n"
    return "Trapline can write to you", text


def _tell_job(item: Item, address_of: Callable[[str], str]) -> list[str]:
    done = f"{_images(item['completed'])} done, {item['failed']:,} given up"
    return [f"The job “{_name(item)}” has failed ({done}).", address_of(f"jobs/{item['id']}"), ""]


def _tell_deployment(item: Item, address_of: Callable[[str], str]) -> list[str]:
    return [
        f"The camera “{_name(item)}” is silent: {_since(item)}.",
        address_of(f"deployments/{item['id']}"),
        "",
    ]


def _tell_source(item: Item, address_of: Callable[[str], str]) -> list[str]:
    why = (
        [f"Its last run failed: {_INVISIBLE.sub(' ', item['error'])[:500]}"]
        if item["error"]
        else []
    )
    return [
        f"The source “{_name(item)}” is silent: {_since(item)}.",
        *why,
        address_of(f"sources/{item['id']}"),
        "",
    ]


def _tell_class(item: Item, address_of: Callable[[str], str]) -> list[str]:
    seen = f"{sanitise_name(item['class_name'])} on {_images(item['count'])}"
    surest = f"at most {item['confidence']:.0%} sure"
    pictures = [address_of(f"images/{image}") for image in item["ids"]]
    return [f"{seen}, {surest}.", *pictures, ""]


_LINES: Mapping[NoticeKind, Callable[[Item, Callable[[str], str]], list[str]]] = {
    NoticeKind.JOB_FAILED: _tell_job,
    NoticeKind.DEPLOYMENT_SILENT: _tell_deployment,
    NoticeKind.SOURCE_SILENT: _tell_source,
    NoticeKind.CLASS_SEEN: _tell_class,
}


def _name(item: Item) -> str:
    return sanitise_name(item["name"])


def _since(item: Item) -> str:
    if item["since"] is None:
        return "no image has ever come in"
    return f"the last image came in at {datetime.fromisoformat(item['since']):%Y-%m-%d %H:%M} UTC"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
