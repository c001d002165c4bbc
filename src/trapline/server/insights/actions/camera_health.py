"""Camera health."""

from typing import Any


async def _unfinished(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


get_camera_health = _unfinished
