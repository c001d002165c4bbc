"""The application for a system of a test: its routes are put together once, each system has a state of its own."""

from copy import copy
from functools import cache

from fastapi import FastAPI
from starlette.datastructures import State

from trapline.server.app.http.application import give_state, make_application
from trapline.server.platform.app_context import System


@cache
def _assemble(outside: bool) -> FastAPI:
    return make_application(None, outside=outside)


def application_of(system: System | None, *, outside: bool = True) -> FastAPI:
    """The application of one process that has this system."""
    application = copy(_assemble(outside))
    application.state = State()
    give_state(application, system)
    return application
