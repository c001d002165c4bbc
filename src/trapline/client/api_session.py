"""One session with the API: token, timeouts, and errors built from problem documents."""

import email.utils
import json
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from trapline.client.api_url import normalise_api_url
from trapline.client.errors import ApiConnectionError, ApiStatusError
from trapline.client.pagination import iterate
from trapline.client.retry import NEVER, RetryPolicy
from trapline.client.signing import Sign
from trapline.wire.problem import FieldProblem, Problem
from trapline.wire.values import Page

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Params = Mapping[str, str | int | float | None]


class SignatureAuth(httpx2.Auth):
    """Signs each request as it is sent, and each retry again."""

    requires_request_body = True

    def __init__(self, sign: Sign) -> None:
        self._sign = sign

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the headers of the signature."""
        request.headers.update(
            self._sign(request.method, request.url.raw_path.decode(), request.content)
        )
        yield request


class ApiSession:
    """A session with one server.

    Redirects are never followed, so the token never goes anywhere else.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        user_agent: str,
        retry: RetryPolicy,
        read_timeout_s: float,
        post_timeout_s: float,
        sign: Sign | None = None,
    ) -> None:
        self.root = normalise_api_url(url)
        self.retry = retry
        self._read_timeout_s = read_timeout_s
        self._post_timeout_s = post_timeout_s
        headers = {"User-Agent": user_agent, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Token {token}"
        # trust_env would use proxies and passwords from the environment and from ~/.netrc.
        self._session = httpx2.Client(
            headers=headers,
            auth=SignatureAuth(sign) if sign else None,
            trust_env=False,
            follow_redirects=False,
        )

        # For signed URLs, which must not receive our credentials. Created when it is first needed.
        self._bare: httpx2.Client | None = None
        self._making = threading.Lock()

    def set_header(self, name: str, value: str | None) -> None:
        """Set a header of all further requests; None removes it."""
        if value is None:
            self._session.headers.pop(name, None)
        else:
            self._session.headers[name] = value

    def close(self) -> None:
        """Close the session and its connections."""
        self._session.close()
        if self._bare is not None:
            self._bare.close()

    def get(self, path: str, answer: type[Answer], params: Params | None = None) -> Answer:
        """Send a GET request; retry after transient failures."""
        return self.retry.run(lambda: self._call("GET", path, answer, params=params))

    def list_all(
        self, path: str, page: type[Page[Item]], params: Params | None = None
    ) -> list[Item]:
        """Get every page of a list."""
        return list(iterate(lambda **asked: self.get(path, page, {**(params or {}), **asked})))

    def send(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        body: BaseModel | bytes | BinaryIO | None = None,
        *,
        params: Params | None = None,
        files: Any = None,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        retry: RetryPolicy = NEVER,
    ) -> Answer:
        """Send a request with a body: a message, JSON bytes, or a file.

        Of a message only the fields that are set are sent. Requests that change something are not
        retried, unless `retry` is given because they may be repeated.
        """
        if isinstance(body, BaseModel):
            body = body.model_dump_json(exclude_unset=True).encode()
        content: dict[str, Any] = {"headers": dict(headers or {})}
        if body is not None:
            content["content"] = body
            content["headers"].setdefault("Content-Type", "application/json")
        elif files is not None:
            content |= {"files": files, "data": dict(fields or {})}
        return retry.run(lambda: self._call(method, path, answer, params=params, **content))

    def put_signed(self, url: str, content: bytes | BinaryIO, headers: Mapping[str, str]) -> None:
        """Upload content once to a signed URL of the server or of its store."""
        with self._making:
            if self._bare is None:
                self._bare = httpx2.Client(
                    trust_env=False, follow_redirects=False, timeout=self._post_timeout_s
                )
        try:
            answer = self._bare.put(url, content=content, headers=dict(headers))
        except httpx2.TransportError as error:
            where = httpx2.URL(url)
            raise ApiConnectionError(
                f"no answer from {where.scheme}://{where.netloc.decode()}: "
                f"{error or type(error).__name__}"
            ) from error
        if not answer.is_success:
            raise build_status_error(answer)

    def get_bytes(self, path: str, params: Params | None = None) -> bytes:
        """GET a body that is not JSON; retries after temporary failures."""

        def ask() -> bytes:
            with self.stream(
                path, params, headers={"Accept": "*/*"}, silent_s=self._read_timeout_s
            ) as answer:
                return answer.read()

        return self.retry.run(ask)

    def get_signed_url(self, path: str) -> bytes:
        """Get the content of the signed URL that a request redirects to, without the token."""

        def ask() -> bytes:
            timeout = self._read_timeout_s
            try:
                led = self._session.get(self.root + path, timeout=timeout)
                if not led.is_redirect:
                    raise build_status_error(led)
                found = (
                    httpx2.get(str(led.next_request.url), timeout=timeout, trust_env=False)
                    if led.next_request
                    else led
                )
            except httpx2.TransportError as error:
                raise self._unreachable(error) from error
            if not found.is_success:
                raise build_status_error(found)
            return found.content

        return self.retry.run(ask)

    @contextmanager
    def stream(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        silent_s: float | None = None,
    ) -> Iterator[httpx2.Response]:
        """Open a stream; it is closed after `silent_s` seconds without data."""
        timeout = httpx2.Timeout(self._read_timeout_s, read=silent_s)
        asked = self._session.stream(
            "GET",
            self.root + path,
            params=_set_only(params),
            headers=dict(headers or {}),
            timeout=timeout,
        )
        try:
            with asked as response:
                if not response.is_success:
                    response.read()
                    raise build_status_error(response)
                yield response
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    def _call(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        *,
        params: Params | None = None,
        **content: Any,
    ) -> Answer:
        timeout = self._read_timeout_s if method == "GET" else self._post_timeout_s
        try:
            response = self._session.request(
                method, self.root + path, params=_set_only(params), timeout=timeout, **content
            )
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        except httpx2.DecodingError as error:
            problem = f"{method} {path} returned an unreadable response: {error}"
            raise ApiStatusError(502, problem) from error
        if not response.is_success:
            raise build_status_error(response)
        if answer is type(None):
            return None
        try:
            return TypeAdapter(answer).validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            reason = f"{where}: {first['msg']}" if where else first["msg"]
            problem = f"{method} {path} returned an unexpected response: {reason}"
            raise ApiStatusError(502, problem) from error

    def _unreachable(self, error: httpx2.TransportError) -> ApiConnectionError:
        return ApiConnectionError(f"no answer from {self.root}: {error or type(error).__name__}")


def _set_only(params: Params | None) -> dict[str, str | int | float]:
    # `class` is a keyword of Python, so the parameter is named class_.
    return {
        name.removesuffix("_"): value for name, value in (params or {}).items() if value is not None
    }


def build_status_error(response: httpx2.Response) -> ApiStatusError:
    """Build the error of a response from its problem document, `detail` or status."""
    detail = f"the server answered {response.status_code} {response.reason_phrase}".rstrip()
    errors: list[FieldProblem] = []
    if response.is_redirect:
        detail += f" to {response.headers.get('Location', 'elsewhere')}: use that URL instead"
    try:
        told = json.loads(response.content)
    except ValueError:
        told = None
    if isinstance(told, dict) and told.get("detail"):
        detail = str(told["detail"])
        try:
            errors = Problem.model_validate(told).errors
        except ValidationError:
            errors = []
    return ApiStatusError(
        response.status_code, detail, errors, _retry_after_s(response.headers.get("Retry-After"))
    )


def _retry_after_s(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header: seconds or a date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.isascii() and header.strip().isdecimal():
        return float(header)
    try:
        until = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
