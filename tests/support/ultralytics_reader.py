"""The dataset loader of Ultralytics in a separate environment, because it needs PyTorch.

Ultralytics has the licence AGPL-3.0. It only reads files that tests exported, and is never a
dependency of Trapline. The environment has more than a gigabyte, so only the soak creates it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(sys.prefix) / "ultralytics-reader"
PACKAGES = ("ultralytics==8.4.190", "torch==2.13.0", "opencv-python-headless")
PROGRAM = """
import json, sys
from ultralytics.cfg import get_cfg
from ultralytics.data import build_yolo_dataset
from ultralytics.data.utils import check_det_dataset
about = check_det_dataset(sys.argv[1], autodownload=False)
read = {}
for part in ("train", "val", "test"):
    if not about.get(part):
        continue
    paths = about[part] if isinstance(about[part], list) else [about[part]]
    data = build_yolo_dataset(get_cfg(), paths[0], 1, about, mode="val")
    read[part] = [
        {"file": one["im_file"], "classes": one["cls"].ravel().tolist(),
         "boxes": one["bboxes"].tolist(), "shape": list(one["shape"]),
         "pixels": list(data[place]["img"].shape)}
        for place, one in enumerate(data.labels)
    ]
print(json.dumps({"names": about["names"], "read": read}))
"""


def read_dataset(data_yaml: Path) -> dict[str, Any]:
    """Read a dataset as a training does: return its class names, and the labels of each part.

    Skips the test if no registry provides the packages.
    """
    python = FOLDER / "bin" / "python"
    stamp = FOLDER / "packages.json"
    if not stamp.exists() or json.loads(stamp.read_text(encoding="utf-8")) != list(PACKAGES):
        _install(python, stamp)
    done = subprocess.run(
        [python, "-W", "ignore", "-c", PROGRAM, data_yaml],
        env={**os.environ, "YOLO_CONFIG_DIR": str(FOLDER), "YOLO_OFFLINE": "True"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"messages": done.stdout + done.stderr}


def _install(python: Path, stamp: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *PACKAGES],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"Ultralytics was not installed: {done.stderr[-300:]}")
    stamp.write_text(json.dumps(PACKAGES), encoding="utf-8")
