"""Render every error as `application/problem+json`; routes only raise exceptions."""

import re
from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from trapline.server.platform.errors import (
    Forbidden,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    TooManyRequests,
    TraplineError,
    Unauthenticated,
    Unprocessable,
)
from trapline.server.platform.http.rate_limits import limit_rejected
from trapline.wire.problem import FieldProblem, Problem

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
SHOWN_AT_MOST = 100
_SUBJECT = re.compile(r"^[A-Z][A-Za-z]*( input)? should ")


def build_problem_response(
    request: Request,
    status: int,
    title: str,
    detail: str,
    problems: Sequence[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Build the response of an error; quoted characters that JSON cannot contain are replaced."""
    problem = Problem(
        title=title,
        status=status,
        detail=_readable(detail),
        request_id=request.scope.get("state", {}).get("request_id"),
        errors=[
            FieldProblem(where=_readable(where), message=_readable(message))
            for where, message in problems[:SHOWN_AT_MOST]
        ],
    )
    return Response(problem.model_dump_json(), status, headers=headers, media_type=MEDIA_TYPE)


def _readable(value: str) -> str:
    return value.encode("utf-8", "replace").decode().replace("\x00", "\\0")


def build_field_problems(errors: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the place and the message of each validation error."""
    return [
        (
            ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))[
                :300
            ],
            _describe_problem(error)[:1000],
        )
        for error in errors
    ]


def _describe_problem(error: Any) -> str:
    """Describe a validation error as the rest of a sentence whose subject is the field.

    The validator's messages have another subject: "Input should be a valid integer" becomes "must
    be a valid integer".
    """
    known = {"missing": "is missing", "extra_forbidden": "is not a known field"}.get(error["type"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return known or _SUBJECT.sub("must ", message, count=1)


async def _on_deliberate(request: Request, error: Exception) -> Response:
    assert isinstance(error, TraplineError)
    error = limit_rejected(request.app.state.system, request.scope, error.status) or error
    headers = {}
    if isinstance(error, ServiceUnavailable) or hasattr(error, "retry_after_s"):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", 5))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return build_problem_response(
        request, error.status, error.title, error.detail, error.problems, headers
    )


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = build_field_problems(error.errors())
    if any(found["type"] == "json_invalid" for found in error.errors()):
        return build_problem_response(
            request, 400, "Not JSON", "The body is not valid JSON. Nothing was changed."
        )
    what = "; ".join(f"{where or 'the request'}: {message}" for where, message in problems[:3])
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return build_problem_response(
        request, 422, Unprocessable.title, f"{what}{more}. Nothing was changed.", problems
    )


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: NotFound().detail,
        405: "This URL does not support this method. Nothing was changed.",
        400: "The request could not be parsed. Nothing was changed.",
    }
    too_many = limit_rejected(request.app.state.system, request.scope, error.status_code)
    if too_many is not None:
        return await _on_deliberate(request, too_many)
    detail = details.get(error.status_code, str(error.detail))
    titles = {
        401: Unauthenticated.title,
        403: Forbidden.title,
        404: NotFound.title,
        405: "Method not allowed",
    }
    titles |= {413: PayloadTooLarge.title, 429: TooManyRequests.title}
    title = titles.get(error.status_code, "The request was refused")
    headers = dict(error.headers or {}) | (
        {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else {}
    )
    return build_problem_response(request, error.status_code, title, detail, headers=headers)


async def _on_fault(request: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error, method=request.method, path=request.url.path)
    return build_problem_response(
        request,
        500,
        "Internal error",
        "This is a fault of Trapline, not of your request. Stored data is not affected. "
        "The server's log has the details under the request ID.",
    )


async def _on_disconnect(request: Request, error: Exception) -> Response:
    """Log a client that disconnected while it sent its body; it does not read the response."""
    log.debug("a client disconnected", reason=repr(error))
    return build_problem_response(
        request, 400, "Incomplete", "The body ended too early. Nothing was changed."
    )


async def send_problem(
    app: FastAPI, error: TraplineError, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send the response of an error for a request that did not reach the application."""
    response = await _on_deliberate(Request({**scope, "app": app}), error)
    await response(scope, receive, send)


def add_problem_handlers(app: FastAPI) -> None:
    """Render every error of this application as `application/problem+json`."""
    app.add_exception_handler(TraplineError, _on_deliberate)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_fault)
