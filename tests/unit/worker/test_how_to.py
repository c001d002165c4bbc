"""What the guide for authors says is true."""

import re
from pathlib import Path

import numpy as np
from tests.conformance.test_pipelines import load_example

from trapline.worker.pipeline import Picture
from trapline.worker.settings import WorkerSettings

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "how-to" / "write-a-pipeline.md").read_text()


def test_the_quoted_class_is_that_of_the_example() -> None:
    quoted = next(block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "BrightestSpot(P" in block)
    assert quoted in (DOCS / "examples" / "brightest_spot.py").read_text()


def test_the_test_of_the_guide_passes() -> None:
    block = next(block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "def test_" in block)
    known = {"np": np, "Picture": Picture, "BrightestSpot": type(load_example())}
    exec(block, known)
    known["test_the_spot_is_found"]()  # type: ignore[operator]


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {name.removeprefix("TRAPLINE_").lower() for name in re.findall(r"`(TRAPLINE_[A-Z_]+)`", GUIDE)}
    assert set(WorkerSettings.model_fields) == listed
    for name in ("batch_size", "loaders", "pixels_in_flight", "max_image_pixels", "max_image_bytes"):
        default = WorkerSettings.model_fields[name].default
        assert f"| `TRAPLINE_{name.upper()}` | {default} |" in GUIDE
