"""Detections."""

from typing import Any


async def _unfinished(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


get_detection_history = list_records = _unfinished
