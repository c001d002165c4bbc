"""Hooks: how a domain calls functions of domains above it without importing them."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])


class HookNotRegistered(RuntimeError):
    """A hook was called before its functions were registered."""


class Hook(Generic[Handler]):
    """The functions to call at one point of the program, in the order of their registration.

    The lower domain creates the hook with the type of its functions and calls them. Only
    `app/hooks.py` registers functions, so that all hooks are listed in one file.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._handlers: tuple[Handler, ...] = ()

    def register(self, *handlers: Handler) -> None:
        """Set the functions of this hook; a second call replaces them, so it can be repeated."""
        self._handlers = handlers

    def __iter__(self) -> Iterator[Handler]:
        """Iterate over the functions.

        Raises:
            HookNotRegistered: no function is registered.
        """
        if not self._handlers:
            raise HookNotRegistered(
                f"The hook {self._name} has no functions. Call app.hooks.register_hooks() first."
            )
        return iter(self._handlers)
