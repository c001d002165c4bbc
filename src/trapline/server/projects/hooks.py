"""Hooks of projects: what other domains do when a project is created or changed."""

from collections.abc import Awaitable, Callable

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.hooks import Hook

project_created: Hook[Callable[[AppContext, Transaction, int], Awaitable[None]]] = Hook(
    "project_created"
)
"""Called in the transaction that creates a project, with the ID of the project."""

project_updated: Hook[Callable[[Scope, Transaction, int, frozenset[str]], Awaitable[None]]] = Hook(
    "project_updated"
)
"""Called in the transaction that changes a project, with its ID and the names of changed fields."""
