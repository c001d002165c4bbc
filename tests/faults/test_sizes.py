"""Bodies without end: refused before they are gathered, by every route that takes a body."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from tests.faults.chance import FULL, Figures, make_chance, percentile, sized
from tests.faults.conftest import MakeScene
from tests.faults.probes import Answer, Probe
from tests.faults.raw_http import PIECE, RawAnswer, forget_peak, post_endlessly, read_memory, write_head
from tests.faults.scene import Scene
from tests.faults.speaking import race
from tests.integration.pictures import make_bomb

MIB = 2**20
CLIENTS = 10
BODY = sized(1024 * MIB, 96 * MIB)
GROWTH_AT_MOST_MIB = 50
DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "openapi.json").read_text(encoding="utf-8"))
SETTINGS = {} if FULL else {"TRAPLINE_MAX_RESULT_BYTES": str(32 * MIB), "TRAPLINE_MAX_IMAGE_BYTES": str(32 * MIB)}
BOUNDARY = "a-boundary"
FORM_START = (
    '--{0}\r\nContent-Disposition: form-data; name="project"\r\n\r\n{1}\r\n'
    '--{0}\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
)


def test_a_body_without_end_is_refused_and_not_gathered(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(settings=SETTINGS).start(images=8)
    job = scene.make_expanded_job()
    pid = scene.find_pid("api 1")
    work = list(list_posts(scene, {"job_id": str(job), "project_id": str(scene.project)}))
    make_chance("sizes").shuffle(work)
    work += [(f"POST {path} (10 at once)", head, start) for path, head, start in largest(scene, job)]
    answers: list[tuple[str, RawAnswer]] = []
    healthy = Probe(lambda client: client.get("/api/v2/projects", headers=bearer(scene.owner)), scene.base_url, 0.05)
    with healthy.at_work():
        healthy.ask_once()
        forget_peak(pid)
        before, _ = read_memory(pid)
        for first in range(0, len(work), CLIENTS):
            batch = work[first : first + CLIENTS]
            posts = [lambda one=one: post_endlessly(scene.ports[0], one[1], fill(one[2])) for one in batch]
            answers += zip((name for name, *_ in batch), race(posts), strict=True)
    _, most = read_memory(pid)
    told(figures, answers, healthy.answers, most - before)
    expect_no_harm_of_a_bomb(scene, pid, figures)
    wrong = [(name, one.status, one.content[-300:]) for name, one in answers if not was_refused(one)]
    assert not wrong, f"{len(wrong)} of {len(answers)}: {wrong[:5]}"
    assert max(one.sent for _, one in answers) >= 32 * MIB, "no body was large: the test proves nothing"
    assert [one for one in healthy.answers if one.status != 200] == []
    assert len(scene.keeper.find("api 1").starts) == 1
    assert most - before < GROWTH_AT_MOST_MIB


def expect_no_harm_of_a_bomb(scene: Scene, pid: int, figures: Figures) -> None:
    """Half a megabyte that is 178 million pixels is refused by its head; the API hardly grows by it."""
    bomb = b"".join(make_bomb(13_350, 13_350))
    assert len(bomb) < 600 * 1024
    forget_peak(pid)
    before, _ = read_memory(pid)
    form = {"project": str(scene.project)}
    answer = httpx2.post(
        f"{scene.base_url}/api/v2/images",
        data=form,
        files=[("files", (f"{number}.png", bomb, "image/png")) for number in range(4)],
        headers=bearer(scene.owner),
        timeout=60,
        trust_env=False,
    )
    _, most = read_memory(pid)
    assert [file["outcome"] for file in answer.json()["files"]] == ["refused"] * 4
    assert "178 million pixels, more than the 150 million that are allowed" in answer.json()["files"][0]["detail"]
    what = f"4 pictures of {len(bomb) // 1024} KiB and 178 million pixels"
    figures.add("Parsers", what, f"< {GROWTH_AT_MOST_MIB} MiB", f"{most - before:.0f} MiB")
    assert most - before < GROWTH_AT_MOST_MIB


def list_posts(scene: Scene, known: dict[str, str]) -> Iterator[tuple[str, bytes, bytes]]:
    """Every route that takes a body, by its owner, by a false token, and by nobody: its name, head and first bytes."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation:
                continue
            names = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            target = path.format(**{name: known.get(name) or str(uuid4()) for name in names})
            for who, headers in (
                ("owner", bearer(scene.owner)),
                ("false token", bearer("tl_user_notthisone")),
                ("false cookie", {"Cookie": "trapline_session=no"}),
                ("nobody", {}),
            ):
                yield f"{method.upper()} {path} ({who})", *begin(scene, method.upper(), target, headers, operation)


def largest(scene: Scene, job: int) -> list[tuple[str, bytes, bytes]]:
    """Ten of each route that takes the largest bodies, as workers and an owner send them."""
    known = {"job_id": job, "project_id": scene.project}
    posts = [
        ("/api/v2/jobs/{job_id}/result", scene.worker_token),
        ("/api/v2/projects/{project_id}/pipelines", scene.worker_token),
        ("/api/v2/images", scene.owner),
    ]
    return [
        (path, *begin(scene, "POST", path.format(**known), bearer(token), DOCUMENT["paths"][path]["post"]))
        for path, token in posts
        for _ in range(CLIENTS)
    ]


def begin(
    scene: Scene, method: str, target: str, headers: dict[str, str], operation: dict[str, Any]
) -> tuple[bytes, bytes]:
    """The head of a request and the first bytes of its body, right so far."""
    is_form = "multipart/form-data" in operation["requestBody"]["content"]
    kind = f"multipart/form-data; boundary={BOUNDARY}" if is_form else "application/json"
    start = FORM_START.format(BOUNDARY, scene.project).encode() if is_form else b'{"results": ["'
    return write_head(method, target, headers | {"Content-Type": kind, "Transfer-Encoding": "chunked"}), start


def fill(start: bytes) -> Iterator[bytes]:
    """A body of the full length that begins like this."""
    yield start
    piece = b" " * PIECE
    for _ in range(BODY // PIECE):
        yield piece


def bearer(token: str) -> dict[str, str]:
    """The header that names a caller."""
    return {"Authorization": f"Bearer {token}"}


def was_refused(answer: RawAnswer) -> bool:
    """Whether nothing was taken. A form of files is answered file by file."""
    if answer.status == 200:
        return b'"imported":0' in answer.content
    return 400 <= answer.status < 500


def told(figures: Figures, answers: list[tuple[str, RawAnswer]], healthy: list[Answer], grown: float) -> None:
    """Leave what was seen."""
    statuses: dict[int, int] = {}
    for _, one in answers:
        statuses[one.status] = statuses.get(one.status, 0) + 1
    sent = sum(one.sent for _, one in answers) // MIB
    what = f"{len(answers)} bodies of {BODY // MIB} MiB, {CLIENTS} at a time"
    figures.add("P17", what, "refused", f"{dict(sorted(statuses.items()))}, {sent} MiB sent before the answers")
    figures.add("P17", "growth of the API's memory, at its most", f"< {GROWTH_AT_MOST_MIB} MiB", f"{grown:.0f} MiB")
    p99 = percentile([one.took_s for one in healthy], 0.99)
    figures.add("P17", f"{len(healthy)} questions of a healthy client", "answered", f"p99 {1000 * p99:.0f} ms")
