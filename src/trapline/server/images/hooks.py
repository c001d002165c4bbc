"""Hooks of images and deployments: what other domains do or know about them."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.hooks import Hook
from trapline.server.platform.store.object_store import IncomingFile

image_added: Hook[Callable[[Scope, Transaction, int, list[UUID]], Awaitable[None]]] = Hook(
    "image_added"
)
"""Called in the transaction that adds images, with the ID of the project and of the new images."""

file_repaired: Hook[Callable[[Scope, Transaction, Sequence[str]], Awaitable[None]]] = Hook(
    "file_repaired"
)
"""Called in a transaction with the storage keys of files that were written again."""

deployment_in_use: Hook[Callable[[Scope, Transaction, UUID], Awaitable[bool]]] = Hook(
    "deployment_in_use"
)
"""Called before a deployment is deleted, with its ID; true if files are being fetched for it."""

artifact_uploaded: Hook[Callable[[AppContext, IncomingFile, str, str], Awaitable[None]]] = Hook(
    "artifact_uploaded"
)
"""Called to store an artifact that was received, with its storage key and media type."""
