"""Bodies without end: refused before they are gathered, by every route that takes a body."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from tests.faults.conftest import MakeScene
from tests.support.concurrent_callers import race
from tests.support.fault_run import FULL, Figures, make_chance, percentile, sized
from tests.support.fault_scene import Scene
from tests.support.image_factory import make_bomb
from tests.support.load_probes import Answer, Probe
from tests.support.raw_http import (
    PIECE,
    RawAnswer,
    forget_peak,
    post_endlessly,
    read_memory,
    write_head,
)

MIB = 2**20
CLIENTS = 10
BODY = sized(1024 * MIB, 96 * MIB)
GROWTH_AT_MOST_MIB = 50
ACCEPTED_GROWTH_AT_MOST_MIB = 150
"""An element of 32 MiB is in memory as bytes and as the texts that are read from it."""
DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "openapi.json").read_text(encoding="utf-8")
)
SETTINGS = (
    {}
    if FULL
    else {"TRAPLINE_MAX_RESULT_BYTES": str(32 * MIB), "TRAPLINE_MAX_IMAGE_BYTES": str(32 * MIB)}
)
BOUNDARY = "a-boundary"
FORM_START = (
    '--{0}\r\nContent-Disposition: form-data; name="project"\r\n\r\n{1}\r\n'
    '--{0}\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
)


def test_a_body_without_end_is_refused_and_not_gathered(
    make_scene: MakeScene, figures: Figures
) -> None:
    scene = make_scene(settings=SETTINGS).start(images=8)
    job = scene.make_expanded_job()
    pid = scene.find_pid("api 1")
    work = list(list_posts(scene, {"job_id": str(job), "project_id": str(scene.project)}))
    make_chance("sizes").shuffle(work)
    work += [
        (f"POST {path} (10 at once)", head, start) for path, head, start in largest(scene, job)
    ]
    answers: list[tuple[str, RawAnswer]] = []
    healthy = Probe(
        lambda client: client.get("/api/v2/projects", headers=bearer(scene.owner)),
        scene.base_url,
        0.05,
    )
    with healthy.at_work():
        healthy.ask_once()
        forget_peak(pid)
        before, _ = read_memory(pid)
        for first in range(0, len(work), CLIENTS):
            batch = work[first : first + CLIENTS]
            posts = [
                lambda one=one: post_endlessly(scene.ports[0], one[1], fill(one[2]))
                for one in batch
            ]
            answers += zip((name for name, *_ in batch), race(posts), strict=True)
    _, most = read_memory(pid)
    told(figures, answers, healthy.answers, most - before)
    expect_no_harm_of_a_bomb(scene, pid, figures)
    wrong = [
        (name, one.status, one.content[-300:]) for name, one in answers if not was_refused(one)
    ]
    assert not wrong, f"{len(wrong)} of {len(answers)}: {wrong[:5]}"
    assert max(one.sent for _, one in answers) >= 32 * MIB, (
        "no body was large: the test proves nothing"
    )
    assert [one for one in healthy.answers if one.status != 200] == []
    assert len(scene.keeper.find("api 1").starts) == 1
    assert most - before < GROWTH_AT_MOST_MIB


def expect_no_harm_of_a_bomb(scene: Scene, pid: int, figures: Figures) -> None:
    """Half a megabyte with 178 million pixels is refused by its head. The API hardly grows."""
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
    assert (
        "178 million pixels, more than the 150 million that are allowed"
        in answer.json()["files"][0]["detail"]
    )
    what = f"4 pictures of {len(bomb) // 1024} KiB and 178 million pixels"
    figures.add("Parsers", what, f"< {GROWTH_AT_MOST_MIB} MiB", f"{most - before:.0f} MiB")
    assert most - before < GROWTH_AT_MOST_MIB


def test_bodies_that_are_accepted_take_bounded_memory_and_time(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Generate gzip of some KB that unpacks to hundreds of MB of a text, list or number."""
    scene = make_scene().start(images=4)
    job = scene.make_expanded_job()
    pid = scene.find_pid("api 1")
    leased = scene.call(
        "POST", f"/jobs/{job}/tasks/", {"batch_size": 2}, token=scene.worker_token
    ).json()["tasks"]
    good = [make_element(task) for task in leased]
    healthy = Probe(lambda client: client.get("/healthz"), scene.base_url, 0.01)
    forget_peak(pid)
    before, _ = read_memory(pid)
    with healthy.at_work():
        healthy.ask_once()
        for name, packed in pack_hostile_elements(good[0]):
            answer = post_packed(scene, f"/api/v2/jobs/{job}/result/", scene.worker_token, packed)
            assert answer.status_code == 200, (name, answer.text[-300:])
            assert len(answer.content) < 2_000, f"{name}: what was not recognised came back"
            first, hostile = answer.json()["tasks"]
            assert (first["status"], first["reply_subject"]) == (
                "accepted",
                leased[0]["reply_subject"],
            ), name
            assert hostile["status"].startswith("rejected: "), name
            assert hostile["reply_subject"] == "", name
        registration = post_packed(
            scene,
            f"/api/v2/projects/{scene.project}/pipelines/",
            scene.worker_token,
            gzip.compress(b'{"pipelines": [' + b"[]," * (10 * MIB) + b"1]}", 1),
        )
        assert registration.status_code == 400
        assert "4,000,000 values" in registration.text
    _, most = read_memory(pid)
    slowest = max(one.took_s for one in healthy.answers)
    figures.add(
        "P17",
        "bodies that are accepted: growth of the API's memory",
        f"< {ACCEPTED_GROWTH_AT_MOST_MIB} MiB",
        f"{most - before:.0f} MiB",
    )
    figures.add(
        "P17",
        "bodies that are accepted: slowest answer meanwhile",
        "< 1 s",
        f"{1000 * slowest:.0f} ms",
    )
    assert len(healthy.answers) > 20
    assert most - before < ACCEPTED_GROWTH_AT_MOST_MIB
    assert slowest < 1
    assert len(scene.keeper.find("api 1").starts) == 1
    last = httpx2.post(
        f"{scene.base_url}/api/v2/jobs/{job}/result/",
        json={"results": good},
        headers=bearer(scene.worker_token),
    )
    assert [one["status"] for one in last.json()["tasks"]] == ["accepted", "accepted"]


def make_element(task: dict[str, Any]) -> dict[str, Any]:
    """The result of a task on which nothing was found."""
    result = {"pipeline": "", "source_images": [{"id": task["image_id"]}], "detections": []}
    return {"reply_subject": task["reply_subject"], "result": result}


def pack_hostile_elements(good: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Bodies of one good element and one that is huge in another way."""
    size = sized(400 * MIB, 96 * MIB)
    shapes = {
        "a lease token": (b'{"reply_subject": "', b"x", b'", "result": {"error": "x"}}', size),
        "a text of backslashes": (
            b'{"reply_subject": "',
            b"\\\\",
            b'", "result": {"error": "x"}}',
            size // 2,
        ),
        "a token just below the bound": (
            b'{"reply_subject": "',
            b"x",
            b'", "result": {"error": "x"}}',
            31 * MIB,
        ),
        "a list of numbers": (
            b'{"reply_subject": "t", "result": {"detections": [',
            b"0,",
            b"0]}}",
            size // 2,
        ),
        "a list of lists": (
            b'{"reply_subject": "t", "result": {"algorithms": {"a": [',
            b"[],",
            b"0]}}}",
            10 * MIB,
        ),
        "one number": (b"", b"1", b"", size),
    }
    for name, (before, filling, after, times) in shapes.items():
        packing = zlib.compressobj(1, wbits=31)
        packed = packing.compress(b'{"results": [' + json.dumps(good).encode() + b", " + before)
        piece = filling * MIB
        for _ in range(times // MIB):
            packed += packing.compress(piece)
        yield name, packed + packing.compress(after + b"]}") + packing.flush()


def post_packed(scene: Scene, path: str, token: str, packed: bytes) -> httpx2.Response:
    """Post a body that is packed with gzip."""
    headers = bearer(token) | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return httpx2.post(
        f"{scene.base_url}{path}", content=packed, headers=headers, timeout=120, trust_env=False
    )


def list_posts(scene: Scene, known: dict[str, str]) -> Iterator[tuple[str, bytes, bytes]]:
    """List every route with a body, called by the owner, with a false token and without one.

    Each entry has a name, the head, and the first bytes of the body.
    """
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
                yield (
                    f"{method.upper()} {path} ({who})",
                    *begin(scene, method.upper(), target, headers, operation),
                )


def largest(scene: Scene, job: int) -> list[tuple[str, bytes, bytes]]:
    """Ten of each route that takes the largest bodies, as workers and an owner send them."""
    known = {"job_id": job, "project_id": scene.project}
    posts = [
        ("/api/v2/jobs/{job_id}/result", scene.worker_token),
        ("/api/v2/projects/{project_id}/pipelines", scene.worker_token),
        ("/api/v2/images", scene.owner),
    ]
    return [
        (
            path,
            *begin(
                scene, "POST", path.format(**known), bearer(token), DOCUMENT["paths"][path]["post"]
            ),
        )
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
    return write_head(
        method, target, headers | {"Content-Type": kind, "Transfer-Encoding": "chunked"}
    ), start


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


def told(
    figures: Figures, answers: list[tuple[str, RawAnswer]], healthy: list[Answer], grown: float
) -> None:
    """Leave what was seen."""
    statuses: dict[int, int] = {}
    for _, one in answers:
        statuses[one.status] = statuses.get(one.status, 0) + 1
    sent = sum(one.sent for _, one in answers) // MIB
    what = f"{len(answers)} bodies of {BODY // MIB} MiB, {CLIENTS} at a time"
    figures.add(
        "P17",
        what,
        "refused",
        f"{dict(sorted(statuses.items()))}, {sent} MiB sent before the answers",
    )
    figures.add(
        "P17",
        "growth of the API's memory, at its most",
        f"< {GROWTH_AT_MOST_MIB} MiB",
        f"{grown:.0f} MiB",
    )
    p99 = percentile([one.took_s for one in healthy], 0.99)
    figures.add(
        "P17",
        f"{len(healthy)} questions of a healthy client",
        "answered",
        f"p99 {1000 * p99:.0f} ms",
    )
