"""Activity."""

from typing import Any


async def _unfinished(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


get_activity = get_overlap = _unfinished
