"""Model quality."""

from typing import Any


async def _unfinished(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


get_model_quality = compare_models = suggest_threshold = _unfinished
