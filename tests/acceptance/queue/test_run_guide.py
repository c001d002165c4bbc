"""The guide for runs from programs: its programs run unchanged against real processes."""

import json
import re
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from tests.acceptance.sources.test_push_guide import Quiet, in_thread, run_program
from tests.support.camera_images import make_picture
from tests.support.concurrent_callers import Speaker
from tests.support.running_server import RunningServer

from trapline.wire.auth import NewToken, TokenKind

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "run-a-pipeline.md"
BLOCK = re.compile(r"^```python file=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PIPELINE = {"name": "Field", "slug": "field", "version": 1, "stages": [], "algorithms": []}


def work(speaker: Speaker, ended: threading.Event) -> None:
    """Lease all tasks and fail them permanently; the guide is not about the outcome of runs."""
    while not ended.wait(0.05):
        query = "pipeline__slug__in=field&ids_only=1&incomplete_only=1"
        for job in speaker.ask("GET", f"/jobs?{query}")["results"]:
            for task in speaker.lease(job["id"], 8):
                error = {"error": "no model here", "image_id": task["image_id"]}
                speaker.post(job["id"], [{"reply_subject": task["reply_subject"], "result": error}])


def test_a_program_runs_a_pipeline_as_the_guide_says(
    own_server: RunningServer, tmp_path: Path
) -> None:
    for name, code in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(code, encoding="utf-8")
    (tmp_path / "IMG_1.JPG").write_bytes(make_picture(1, (64, 48)))
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as camera,
        in_thread(camera),
    ):
        origin = f"127.0.0.1:{camera.server_port}"
        own_server.settings = {
            **own_server.settings,
            "TRAPLINE_ALLOWED_NETWORKS": origin,
            "TRAPLINE_TASK_ERRORS": "1",
        }
        own_server.start()
        own_server.run("project", "create", "Forest")
        with own_server.open() as server:
            [project] = server.list_projects()
            token = server.create_token(NewToken(name="program")).token
            worker = server.create_token(NewToken(name="worker", kind=TokenKind.WORKER)).token
        speaker, ended = Speaker(own_server.port, worker), threading.Event()
        offered: dict[str, Any] = {
            "processing_service_name": "Field worker",
            "pipelines": [PIPELINE],
        }
        speaker.ask("POST", f"/projects/{project.id}/pipelines", offered)
        environment = {"TRAPLINE_SERVER": own_server.base_url, "TRAPLINE_TOKEN": token}
        made = run_program(tmp_path, environment, "preset.py", str(project.id), "field")
        assert made["name"] == "night"
        working = threading.Thread(target=work, args=(speaker, ended))
        working.start()
        try:
            content = {"urls": [f"http://{origin}/IMG_1.JPG"]}
            asked = json.dumps({"preset": "night", "project": project.id, "content": content})
            result = run_program(tmp_path, environment, "run.py", asked)
        finally:
            ended.set()
            working.join()
            speaker.close()
        assert (result["images"], result["failed"]) == (1, 1)
        signed = {"Authorization": f"Bearer {token}"}
        for link in ("analyses", "failures"):
            answer = httpx2.get(own_server.base_url + result[link], headers=signed, trust_env=False)
            assert answer.status_code == 200
        own_server.stop()
