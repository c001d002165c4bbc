"""Texts that become elements or scripts if a page does not escape them, and their client."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2

from tests.house.tree import ROOT

# Whatever one of them makes bears this attribute; whatever runs opens a dialog or asks another
# host.
STRIKES = (
    "<script data-struck>alert(1)</script>",
    "\"><script data-struck>alert(1)</script>",
    "</title><script data-struck>alert(1)</script>",
    "</textarea><script data-struck>alert(1)</script>",
    "</script><script data-struck>alert(1)</script>",
    "</style><script data-struck>alert(1)</script>",
    "--><script data-struck>alert(1)</script>",
    "]]><script data-struck>alert(1)</script>",
    "<scr<script>ipt data-struck>alert(1)</scr</script>ipt>",
    "<img data-struck src=x onerror=alert(1)>",
    "'><img data-struck src=x onerror=alert(1)>",
    "<svg data-struck onload=alert(1)>",
    "\"><svg/data-struck/onload=alert(1)>",
    "<iframe data-struck srcdoc='<script>parent.alert(1)</script>'>",
    "<iframe data-struck src=javascript:alert(1)>",
    "<a data-struck href=javascript:alert(1) autofocus onfocus=alert(1)>a</a>",
    "<a data-struck href='data:text/html,<script>alert(1)</script>'>a</a>",
    "<input data-struck autofocus onfocus=alert(1)>",
    "<details data-struck open ontoggle=alert(1)>",
    "<video data-struck><source onerror=alert(1)></video>",
    "<body data-struck onload=alert(1)>",
    "<marquee data-struck onstart=alert(1)>",
    "<object data-struck data=javascript:alert(1)></object>",
    "<math data-struck><mtext><img src=x onerror=alert(1)></mtext></math>",
    "<template data-struck><script>alert(1)</script></template>",
    "<style data-struck>*{background:url(http://struck.invalid/)}</style>",
    "<base data-struck href=//struck.invalid/>",
    "<meta data-struck http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "javascript:alert(1)",
    "${alert(1)}{{constructor.constructor('alert(1)')()}}#{alert(1)}",
    "\" autofocus onfocus=alert(1) data-struck=\"",
    "' autofocus onfocus=alert(1) data-struck='",
    "&lt;img data-struck src=x onerror=alert(1)&gt;",
    "\\u003cimg data-struck src=x onerror=alert(1)\\u003e",
)  # fmt: skip
STRUCK = """() => {
  const urls = new RegExp('^(href|xlink:href|src|srcset|srcdoc|action|formaction|data|poster'
    + '|background|content)$')
  return [...document.querySelectorAll('*')].filter((one) =>
    one.hasAttribute('data-struck')
    || [...one.attributes].some((it) => it.name.startsWith('on')
      || (urls.test(it.name) && /^\\s*(javascript|data:text)/i.test(it.value))))
  .filter((one) => !one.matches('input, textarea, option') || one.hasAttribute('data-struck'))
  .map((one) => one.outerHTML.slice(0, 200))
}"""
"""The elements that a text has made or changed; a field may have such a text as its value.

A text in an attribute that is not a URL, such as data-worker, does not run.
"""
SHOWN = """() => [document.title, document.body.textContent,
  ...[...document.querySelectorAll('*')].flatMap(
    (one) => [one.value, ...[...one.attributes].map((it) => it.value)]),
].join(' ')"""
"""All text of a screen: its content, its fields, and the labels of its elements."""

TEXT = object()
"""Placeholder in a body for the next text that is typed."""
LEFT_OUT = {
    "is a credential, kept by nobody as a text": (
        "/auth/link", "/auth/oidc", "/auth/password", "/auth/sign-in", ".auth_password",
        ".auth_header",
    ),
    "is an address, a zone, a schedule or a pattern, refused where it is none": (
        ".email", ".time_zone", ".url", ".urls[]", ".base_url", ".schedule",
        ".filename_time_pattern", ".gateway",
        ".uri", ".crop_image_url", ".timestamp",
    ),
    "is a folder of the server, refused where there is none": ("/source-folders .path",),
    "names what is there already": (
        ".reply_subject", ".source_image_id", ".image_id", ".source_images[].id",
        ".result.pipeline", "/tasks/release",
        "/tasks/renew", ".storage_path", ".event_type", ".media_type", ".remove_tags[]",
        "/retry", ".pipelines[].superseded_by",
        "/observation-settings .pipelines[].name", ".source_a", ".source_b",
        ".answer_a", ".answer_b",
    ),
    "is answered and not kept": ("/callback_keys/check", "/image-pull-sources/test",
        "/{source_id}/test", "/observation-settings/preview",
    ),
    "is the same field of another call": (
        "POST /api/v2/images/presign", "POST /api/v2/deployments/csv",
        "PATCH /api/v2/taxa", "PATCH /api/v2/webhooks", "PATCH /api/v2/presets",
        "PATCH /image-pull-sources",
        "PATCH /api/v2/deployments", "PATCH /api/v2/users", "PATCH /api/v2/analyses",
        "PATCH /api/v2/jobs",
        "PATCH /api/v2/annotations", "PATCH /api/v2/saved-views",
        "POST /api/v2/bulk-identifications",
        "PATCH /api/v2/projects/{project_id}/review-sets", "POST /api/v2/insights/audit-samples",
    ),
}  # fmt: skip
"""Text fields of the API that get no injected text, each by the end or a part of its name."""


@dataclass
class Typist:
    """Sends requests as one caller with the texts, each of them unique, in their bodies."""

    session: httpx2.Client
    turn: int = 0
    filled: set[str] = field(default_factory=set)
    typed: dict[str, str] = field(default_factory=dict)
    """Each text, with the bare one that it was made of."""
    numbers: Iterator[int] = field(default_factory=count)

    def type(self, without: str = "") -> str:
        """The next text, without a character that the field refuses."""
        number = next(self.numbers)
        bare = STRIKES[(self.turn + number) % len(STRIKES)]
        text = f"{bare} {number}"
        text = text.replace(without, "_") if without else text
        self.typed[text] = bare
        return text

    def send(self, method: str, path: str, body: Any, **ids: object) -> Any:
        """Send a body with texts in the places of TEXT; answers what is answered."""
        whole = self._fill(body)
        self.note(method, path, whole)
        answer = self.session.request(method, path.format(**ids), json=whole)
        assert answer.is_success, f"{method} {path} {answer.text} of {json.dumps(whole)}"
        return answer.json() if answer.content else None

    def note(self, method: str, path: str, body: Any) -> None:
        """Remember which fields of a body have a text of ours in them."""
        self.filled |= {
            f"{method} {path} {place}"
            for place, text in _find_texts(body, "")
            if text in self.typed
        }

    def _fill(self, body: Any) -> Any:
        if isinstance(body, dict):
            return {name: self._fill(value) for name, value in body.items()}
        if isinstance(body, list):
            return [self._fill(value) for value in body]
        return self.type() if body is TEXT else body

    def find_unfilled(self) -> set[str]:
        """List the free text fields of the API that got no text and are not exceptions."""
        left = {
            one
            for one in list_text_fields()
            if not any(
                end in one.partition(" .")[0] or one.endswith(end)
                for ends in LEFT_OUT.values()
                for end in ends
            )
        }
        return left - self.filled


def list_text_fields() -> set[str]:
    """Every field of a body of JSON that takes any text: no pattern, no form, no choice."""
    document = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
    found = set()
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            schema = (
                told.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            for place in _find_fields(schema, document["components"]["schemas"], ""):
                found.add(f"{method.upper()} {path} {place}")
    return found


def _find_fields(schema: dict[str, Any], named: dict[str, Any], place: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _find_fields(named[schema["$ref"].rpartition("/")[2]], named, place)
    if schema.get("type") == "string" and not schema.keys() & {
        "enum",
        "const",
        "format",
        "pattern",
    }:
        yield place
    for one in (each for kind in ("anyOf", "oneOf", "allOf") for each in schema.get(kind, [])):
        yield from _find_fields(one, named, place)
    yield from (
        _find_fields(schema.get("items", {}), named, f"{place}[]") if "items" in schema else ()
    )
    for name, one in schema.get("properties", {}).items():
        yield from _find_fields(one, named, f"{place}.{name}")
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from _find_fields(more, named, f"{place}{{}}")


def _find_texts(body: Any, place: str) -> Iterator[tuple[str, str]]:
    """List the texts of a body with their places as in `_find_fields`; any dict key is possible."""
    if isinstance(body, str):
        yield place, body
    elif isinstance(body, list):
        for one in body:
            yield from _find_texts(one, f"{place}[]")
    elif isinstance(body, dict):
        for name, one in body.items():
            yield from _find_texts(one, f"{place}.{name}")
            yield from _find_texts(one, f"{place}{{}}")
