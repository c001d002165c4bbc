"""Exports and imports while processes are killed, and the verification of their results."""

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx2

from tests.support.fault_scene import Scene
from tests.support.running_server import wait_for

AT_ONCE = 12
LIVE_EXPORTS = "select count(*) from exports where state in ('queued', 'gathering', 'writing')"
LIVE_IMPORTS = "select count(*) from imports where state in ('queued', 'reading')"


class Exchange:
    """Client that sends one request after the other, each with a new key, until it is answered."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.exports: list[str] = []
        self.imports: dict[str, str] = {}
        self._numbers = count()

    def export(self) -> None:
        """Ask for an export, unless there are enough on their way."""
        if self._count(LIVE_EXPORTS) < AT_ONCE:
            body = {"project": self.scene.project, "format": "csv"}
            self.exports.append(
                self._ask_until_told("/exports", f"export-{next(self._numbers)}", body)
            )

    def send(self) -> None:
        """Send a results file for every image, unless enough imports are in progress."""
        if self._count(LIVE_IMPORTS) >= AT_ONCE:
            return
        key = f"import-{next(self._numbers)}"
        query = {"project": str(self.scene.project), "format": "megadetector", "model_name": key}
        self.imports[key] = self._ask_until_told(
            "/imports", key, None, content=self._write_results(), params=query
        )

    def _write_results(self) -> bytes:
        box = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}
        names = [name for (name,) in self.scene.ask("select filename from images")]
        images = [{"file": name, "detections": [box]} for name in names]
        return json.dumps(
            {"images": images, "detection_categories": {"1": "animal"}, "info": {}}
        ).encode()

    def _count(self, query: str) -> int:
        return int(self.scene.ask(query)[0][0])

    def _ask_until_told(self, path: str, key: str, body: Any, **options: Any) -> str:
        while True:
            try:
                answer = self.scene.call(
                    "POST", path, body, headers={"Idempotency-Key": key}, **options
                )
            except httpx2.HTTPError:
                answer = None
            if answer is not None and answer.status_code < 500:
                assert answer.status_code == 202, answer.text
                return str(answer.json()["id"])
            time.sleep(0.05)

    def expect_whole(self, within_s: float) -> str:
        """Wait until nothing is in progress; each item is stored once, without extra files."""
        wait_for("exports", lambda: self._count(LIVE_EXPORTS) == 0, within_s)
        wait_for("imports", lambda: self._count(LIVE_IMPORTS) == 0, within_s)
        kept = self._check_exports() | {
            key for (key,) in self.scene.ask("select key from discarded_files")
        }
        self._check_imports()
        store = self.scene.folder / "store"
        files = [
            path
            for kind in ("exports", "imports")
            for path in (store / kind).rglob("*")
            if path.is_file()
        ]
        assert {str(path.relative_to(store)) for path in files} <= kept, (
            "files of which nothing speaks"
        )
        return f"{len(self.exports)} exports, {len(self.imports)} imports"

    def _check_exports(self) -> set[str]:
        rows = self.scene.ask("select id::text, state, error, storage_key, sha256 from exports")
        assert sorted(key for key, *_ in rows) == sorted(self.exports)
        for key, state, error, file, sha256 in rows:
            assert state == "ready", f"export {key} is {state}: {error}"
            content = (self.scene.folder / "store" / file).read_bytes()
            assert hashlib.sha256(content).digest() == bytes(sha256)
            images = {
                row["image_id"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))
            }
            assert images == set(self.scene.images), f"export {key} is not whole"
        return {file for *_, file, _ in rows}

    def _check_imports(self) -> None:
        rows = self.scene.ask("select id::text, state, error, done, stored, unchanged from imports")
        each = len(self.scene.images)
        assert {key: tuple(told) for key, *told in rows} == dict.fromkeys(
            self.imports.values(), ("completed", None, each, each, 0)
        )
        found = self.scene.ask(
            "select a.model_name, count(distinct a.id), count(n.id) from analyses a"
            " left join annotations n on n.analysis_id = a.id where a.job_id is null group by 1"
        )
        assert {name: tuple(counts) for name, *counts in found} == dict.fromkeys(
            self.imports, (each, each)
        )


DOINGS: dict[str, Callable[[Exchange], None]] = {
    "POST /api/v2/exports": Exchange.export,
    "POST /api/v2/imports": Exchange.send,
    "chore build_export": Exchange.export,
    "chore take_import": Exchange.send,
}
"""Requests that start the operation named here."""
