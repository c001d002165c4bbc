"""Unknown query names: refused, because a misspelt filter would otherwise return everything.

The calls that worker programs in the field make, and the mount for external pipelines under `/api`,
ignore them instead and name them in the header `X-Trapline-Ignored`. Names that filter in other
servers of these protocols are refused there too: a caller that sends one expects fewer results.
"""

import difflib
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import quote

import structlog
from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Cookie, Header, Path

from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.http.request_context import get_route_key
from trapline.server.platform.secret_hash import hash_secret

log = structlog.get_logger(__name__)

WORKER_CALLS = frozenset(
    {
        "GET /projects",
        "POST /projects/{project_id}/pipelines",
        "GET /jobs/{job_id}/tasks",
        "POST /jobs/{job_id}/tasks",
        "POST /jobs/{job_id}/result",
    }
)
"""The calls of the worker protocol; `GET /jobs` is another if it has a name of `CLAIM_NAMES`."""
CLAIM_NAMES = frozenset({"ids_only", "incomplete_only", "dispatch_mode"})
FILTERS_ELSEWHERE = {
    "project_id": "Use `project`.",
    "search": "Use a filter of this list, or read the whole list.",
    "offset": "Use `cursor` with the `next` of the previous page.",
    "skip": "Use `cursor` with the `next` of the previous page.",
    "cutoff_hours": "Use `created_after`.",
    "logs_limit": "This answer contains no log.",
}
"""Names that filter in other servers of the same protocols, and what to use here."""
READS_ITS_OWN = ("GET /files/", "HEAD /files/", "PUT /files/", "GET /{path:path}")
"""Signed URLs, whose signature covers every query name, and the page, which parses its URL."""
MOST_CALLERS = 10_000
MOST_NAMED = 20
LONGEST_NAME = 64
"""The longest name that is compared with the known ones; the others are not misspelt."""


class IgnoredNames:
    """The callers that were already logged for ignored names; the oldest are evicted when full."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, str, str], None] = OrderedDict()

    def is_first(self, caller: bytes, call: str, name: str) -> bool:
        """Return whether this caller sends this name for the first time, and store it."""
        key = (caller, call, name)
        is_first = key not in self._known
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > MOST_CALLERS:
            self._known.popitem(last=False)
        return is_first


async def refuse_unknown_names(request: Request) -> None:
    """Refuse query names that the route does not know.

    Raises:
        Unprocessable: with the most similar known name.
    """
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    dependant: Dependant | None = getattr(route, "dependant", None)
    call = get_route_key(request.method, route.path)
    if dependant is None or call.startswith(READS_ITS_OWN):
        return
    known = _list_names(dependant)
    unknown = list(dict.fromkeys(name for name in request.query_params if name not in known))
    if not unknown:
        return
    if _is_lenient(request, call):
        _ignore(request, call, unknown)
        return
    raise Unprocessable(
        f"{'; '.join(_describe(name, known) for name in unknown[:3])}. Nothing was changed.",
        [(name, _describe(name, known)) for name in unknown[:MOST_NAMED]],
    )


def _is_lenient(request: Request, call: str) -> bool:
    path = request.scope["path"]
    is_external_mount = path.startswith("/api/") and not path.startswith("/api/v2/")
    is_claim = call == "GET /jobs" and not CLAIM_NAMES.isdisjoint(request.query_params)
    return call in WORKER_CALLS or is_claim or is_external_mount


def _ignore(request: Request, call: str, unknown: Sequence[str]) -> None:
    """Refuse names that filter elsewhere, and return the others in a header.

    Each of them is logged once per caller.
    """
    for name in unknown:
        if name in FILTERS_ELSEWHERE:
            raise Unprocessable(
                f"{name}: this server does not filter by it here. {FILTERS_ELSEWHERE[name]} "
                "Nothing was changed.",
                [(name, FILTERS_ELSEWHERE[name])],
            )
    request.scope["state"]["ignored_names"] = ", ".join(
        quote(name[:100], safe="") for name in unknown[:MOST_NAMED]
    )
    client = request.client.host if request.client else ""
    caller = hash_secret(request.headers.get("authorization", "") + client)
    new = [name for name in unknown if request.app.state.ignored_names.is_first(caller, call, name)]
    if new:
        log.warning("query names ignored", call=call, names=new[:MOST_NAMED], address=client)


def _describe(name: str, known: frozenset[str]) -> str:
    nearest = (
        difflib.get_close_matches(name, known, n=1, cutoff=0.6) if len(name) <= LONGEST_NAME else []
    )
    shown = name[:100]
    if nearest:
        return f"`{shown}` is not a query name here; did you mean `{nearest[0]}`?"
    hint = FILTERS_ELSEWHERE.get(name) if "project" in known or name != "project_id" else None
    names = (
        f"the known names are {', '.join(sorted(known))}"
        if known
        else "this call takes no query names"
    )
    return f"`{shown}` is not a query name here; {names}" + (
        f" ({hint.rstrip('.')})" if hint else ""
    )


def _list_names(dependant: Dependant) -> frozenset[str]:
    """List the query names of a route, those of its dependencies included."""
    _, names = _NAMES.get(id(dependant), (None, None))
    if names is None:
        fields = get_flat_params(dependant)
        names = frozenset(
            field.alias
            for field in fields
            if not isinstance(field.field_info, Path | Header | Cookie)
        )
        # The dependant is stored too, so that no other object gets its id.
        _NAMES[id(dependant)] = (dependant, names)
    return names


_NAMES: dict[int, tuple[Dependant, frozenset[str]]] = {}
