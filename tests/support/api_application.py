"""Serve the system of a test: the routes are built once, and each system has separate state."""

from copy import copy
from functools import cache

from fastapi import FastAPI
from starlette.datastructures import State

from trapline.server.app.http.application import build_application, set_state
from trapline.server.platform.app_context import AppContext


@cache
def _assemble(outside: bool) -> FastAPI:
    return build_application(None, outside=outside)


def application_of(system: AppContext | None, *, outside: bool = True) -> FastAPI:
    """The application of one process that has this system."""
    application = copy(_assemble(outside))
    application.state = State()
    set_state(application, system)
    return application
