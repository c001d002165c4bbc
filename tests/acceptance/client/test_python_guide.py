"""The guide for the Python client: its programs run unchanged, and notebook output is checked."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from tests.support.known_image_project import (
    DETECTOR,
    NAMER,
    SIZES,
    WHITE,
    pretend_to_find,
    write_pictures,
)
from tests.support.running_server import RunningServer, quiet_environment

from trapline.client import Trapline
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.pipelines import Algorithm, PipelineDefinition
from trapline.wire.projects import NewProject

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "use-from-python.md"
BLOCK = re.compile(r"^```python file=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SLUG = "animal-detector"
SHOW = """
import json, look
gallery = look.Gallery(look.islice(look.iterate(look.server.list_images, order="captured_at"), 6))
shown = [each._repr_html_() for each in (look.page, look.image, look.found, look.run, gallery)]
seen = {"shown": shown, "rows": look.found.to_dicts(), "url": look.image.file_url}
print(json.dumps(seen, default=str))
"""


@contextmanager
def working(server: RunningServer, project: int) -> Iterator[None]:
    """Run a worker that detects the animals of the known images, within the block."""
    ended = threading.Event()
    algorithms = [Algorithm(name=one.name, key=one.key) for one in (DETECTOR, NAMER)]

    def work() -> None:
        with server.open() as owner, Trapline(server.base_url, token) as worker:
            while not ended.wait(0.05):
                for job in worker.list_claimable_jobs([SLUG]):
                    tasks = worker.lease_tasks(job.id, 8)
                    names = [owner.get_image(UUID(task.image_id)).filename for task in tasks]
                    found = [
                        pretend_to_find(task, name) for task, name in zip(tasks, names, strict=True)
                    ]
                    worker.post_results(job.id, found)

    with server.open() as owner:
        token = owner.create_token(
            NewToken(name="known", kind=TokenKind.WORKER, projects=[project])
        ).token
        owner.register_pipelines(
            project, "known", [PipelineDefinition(name="Known", slug=SLUG, algorithms=algorithms)]
        )
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_programs_of_the_guide_do_what_it_says(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "DCIM").mkdir()
    write_pictures(tmp_path / "DCIM")
    for name, code in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(code, encoding="utf-8")
    with server.open() as owner:
        project = owner.create_project(NewProject(name="Beech wood")).id
        # The programs see one project of this name, whatever other tests have made.
        token = owner.create_token(NewToken(name="program", projects=[project])).token

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=quiet_environment(TRAPLINE_SERVER=server.base_url, TRAPLINE_TOKEN=token),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    with working(server, project):
        said = run("season.py").splitlines()
        assert said[0] == "COMPLETED {'badger': 2, 'lynx': 2}"
        corners = " ".join(str(float(one)) for one in WHITE)
        lynxes = {f"{name} lynx 0.93 {corners}" for name in SIZES if name != "empty.jpg"}
        assert lynxes < set(said)
        shown = json.loads(run("-c", SHOW))
        told = run("night.py").splitlines()
    gallery, picture, table, ended, all_images = shown["shown"]
    assert gallery.count("<figure") == 2
    assert all_images.count("<figure") == len(SIZES)
    left, top, right, bottom = WHITE
    assert f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"' in picture
    assert ">lynx 93%</text>" in picture
    assert "base64," in picture
    assert shown["url"] not in picture + table
    assert "<td>lynx</td>" in table
    assert "animal-detector · COMPLETED</b><br>3 of 3 images, 0 failed" in ended
    assert "<td>lynx</td><td>2</td>" in ended
    assert left in [row.get("data.x_min") for row in shown["rows"]]
    states = [line for line in told if line.isupper()]
    assert (states[0], states[-1]) == ("QUEUED", "COMPLETED")
    assert any(" create preset " in line for line in told)
