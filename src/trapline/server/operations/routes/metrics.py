"""Metrics for Prometheus, with a token."""

import hmac

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from trapline.server.accounts.routes.access import SystemOf
from trapline.server.operations.actions.metrics import GaugeReader
from trapline.server.platform.errors import NotFound, Unauthenticated

router = APIRouter()
_reader = GaugeReader()


@router.get("/metrics", include_in_schema=False)
async def get_metrics(system: SystemOf, request: Request) -> Response:
    """Return all metrics; without TRAPLINE_METRICS_TOKEN the path does not exist."""
    if system.metrics_token is None:
        raise NotFound
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        token.strip().encode(), system.metrics_token.encode()
    ):
        raise Unauthenticated("Metrics require `Authorization: Bearer <TRAPLINE_METRICS_TOKEN>`.")
    return Response(await _reader.read(system), media_type=CONTENT_TYPE_LATEST)
