"""HTTP requests of an ADC worker: the requests that it repeats, and redirects that it ignores."""

import contextlib
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TRIES = 3
BACKOFF_S = 0.5


class Refused(Exception):
    """The server answered with an error, or with a redirect, which is one to such a worker."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status
        self.body = body


class Lost(Exception):
    """No answer came: what was sent may have arrived or not."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_direct = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
_following = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Caller:
    """A server URL and an API token.

    `slash` sets how paths end; None keeps the worker's own form.
    """

    server: str
    token: str
    slash: bool | None = None
    timeout_s: float = 30.0

    def get(self, path: str) -> Any:
        """Send a request, three times at most after server errors and lost connections."""
        for left in reversed(range(TRIES)):
            try:
                return self._call("GET", path, None)
            except _Passing as passing:
                if not left:
                    raise passing.error from passing
                time.sleep(passing.wait_s)
        raise AssertionError("unreachable")

    def post(self, path: str, body: Any) -> Any:
        """Post once: whatever happens, never again. A body of bytes is sent as it is."""
        try:
            return self._call(
                "POST", path, body if isinstance(body, bytes) else json.dumps(body).encode()
            )
        except _Passing as passing:
            raise passing.error from passing

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(
            f"{self.server}{self._spell(path)}",
            data=body,
            method=method,
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )
        opener = _following if method == "GET" else _direct
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            refused = Refused(error.code, _read(error))
            if error.code < 500:
                raise refused from error
            raise _Passing(refused, float(error.headers.get("Retry-After") or BACKOFF_S)) from error
        except (OSError, ValueError, EOFError) as error:
            raise _Passing(Lost(f"{method} {path}: {error!r}"), BACKOFF_S) from error

    def _spell(self, path: str) -> str:
        if self.slash is None:
            return path
        bare, mark, query = path.partition("?")
        return f"{bare.rstrip('/')}{'/' if self.slash else ''}{mark}{query}"


class _Passing(Exception):
    def __init__(self, error: Refused | Lost, wait_s: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


def _read(error: urllib.error.HTTPError) -> str:
    with contextlib.suppress(OSError):
        return error.read().decode(errors="replace")
    return ""


def fetch_picture(url: str, timeout_s: float = 30.0) -> bytes:
    """Download an image without the token, because another host may serve it.

    Raises Lost after three tries.
    """
    for left in reversed(range(TRIES)):
        try:
            with _following.open(url, timeout=timeout_s) as answer:
                return bytes(answer.read())
        except OSError as error:
            passing = not isinstance(error, urllib.error.HTTPError) or error.code >= 500
            if not left or not passing:
                raise Lost(f"{url}: {error!r}") from error
            time.sleep(BACKOFF_S)
    raise AssertionError("unreachable")
