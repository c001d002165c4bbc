"""The subject and text of notification e-mails.

Names that users entered are put on one line.
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
    """Shorten a name that a user entered to one line without control characters."""
    plain = _INVISIBLE.sub(" ", name).strip()
    return plain if len(plain) <= NAME_LENGTH else plain[: NAME_LENGTH - 1] + "…"


def render_subject(kind: str, project: str, items: Sequence[Item], total: int) -> str:
    """Render the subject of an e-mail, on one line."""
    first = items[0]
    match kind:
        case NoticeKind.JOB_FAILED:
            what = (
                f"the job “{_name(first)}” has failed"
                if total == 1
                else f"{total} jobs have failed"
            )
        case NoticeKind.DEPLOYMENT_SILENT:
            what = (
                f"the camera “{_name(first)}” is silent"
                if total == 1
                else f"{total} cameras are silent"
            )
        case NoticeKind.SOURCE_SILENT:
            what = (
                f"the source “{_name(first)}” is silent"
                if total == 1
                else f"{total} sources are silent"
            )
        case _:
            many = f"on {_images(first['count'])}"
            what = (
                f"{sanitise_name(first['class_name'])} {many}"
                if total == 1
                else f"{total} classes were seen"
            )
    return f"[{sanitise_name(project)}] {what}"


def render_text(
    kind: str,
    project: str,
    items: Sequence[Item],
    total: int,
    build_url: Callable[[str], str],
    settings: str,
) -> str:
    """Render the text of an e-mail.

    `build_url` builds the URL of a part of the project; `settings` is the URL of the
    subscriptions.
    """
    lines = [line for item in items for line in _LINES[NoticeKind(kind)](item, build_url)]
    if total > len(items):
        lines += [f"And {total - len(items)} more.", ""]
    return "\n".join(
        [
            f"In the project “{sanitise_name(project)}”:",
            "",
            *lines,
            "-- ",
            "You subscribed to this notification. To change or end the subscription:",
            settings,
            "",
        ]
    )


def render_test_email(url: str) -> tuple[str, str]:
    """Render the subject and text of a test; `url` is the URL of the subscriptions."""
    text = f"This is the test e-mail that you requested.\n\n-- \n{url}\n"
    return "Test e-mail from Trapline", text


def _render_job(item: Item, build_url: Callable[[str], str]) -> list[str]:
    done = f"{_images(item['completed'])} done, {item['failed']:,} failed"
    return [f"The job “{_name(item)}” has failed ({done}).", build_url(f"jobs/{item['id']}"), ""]


def _render_deployment(item: Item, build_url: Callable[[str], str]) -> list[str]:
    return [
        f"The camera “{_name(item)}” is silent: {_since(item)}.",
        build_url(f"deployments/{item['id']}"),
        "",
    ]


def _render_source(item: Item, build_url: Callable[[str], str]) -> list[str]:
    why = (
        [f"Its last run failed: {_INVISIBLE.sub(' ', item['error'])[:500]}"]
        if item["error"]
        else []
    )
    return [
        f"The source “{_name(item)}” is silent: {_since(item)}.",
        *why,
        build_url(f"sources/{item['id']}"),
        "",
    ]


def _render_class(item: Item, build_url: Callable[[str], str]) -> list[str]:
    seen = f"{sanitise_name(item['class_name'])} on {_images(item['count'])}"
    surest = f"maximum confidence {item['confidence']:.0%}"
    urls = [build_url(f"images/{image}") for image in item["ids"]]
    return [f"{seen}, {surest}.", *urls, ""]


_LINES: Mapping[NoticeKind, Callable[[Item, Callable[[str], str]], list[str]]] = {
    NoticeKind.JOB_FAILED: _render_job,
    NoticeKind.DEPLOYMENT_SILENT: _render_deployment,
    NoticeKind.SOURCE_SILENT: _render_source,
    NoticeKind.CLASS_SEEN: _render_class,
}


def _name(item: Item) -> str:
    return sanitise_name(item["name"])


def _since(item: Item) -> str:
    if item["since"] is None:
        return "no image was ever received"
    return (
        f"the last image was received at {datetime.fromisoformat(item['since']):%Y-%m-%d %H:%M} UTC"
    )


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
