"""Audit samples."""

from typing import Any


async def _unfinished(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


create_audit_sample = _unfinished
