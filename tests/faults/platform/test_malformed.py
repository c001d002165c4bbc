"""Known malformed input and generated malformed input: no request fails with a server error."""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from tests.faults.conftest import MakeScene
from tests.support.fault_run import SEED, Figures, make_chance, sized
from tests.support.fault_scene import Scene
from tests.support.malformed_requests import Target, draw_request
from tests.support.process_keeper import last_words
from tests.support.raw_http import ask_raw, read_memory

if TYPE_CHECKING:
    from schemathesis import Case

REQUESTS = sized(10_000)
DRAWN = REQUESTS * 6 // 10
GROWTH_AT_MOST_MIB = 50
DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "openapi.json").read_text(encoding="utf-8")
)
ENDS_THE_CALLER = {"DELETE /api/v2/auth/tokens/{token_id}"}
"""Sent with ids that are drawn, never with the caller's own."""


@dataclass
class Tally:
    """How requests were answered; those that should not have been so are kept."""

    statuses: Counter[int] = field(default_factory=Counter)
    answered_well: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    def note(self, status: int, operation: str, asked: object) -> None:
        """Count one response; 0 means that none arrived."""
        self.statuses[status] += 1
        if 200 <= status < 300:
            self.answered_well.add(operation)
        if status == 0 or status >= 500:
            self.broken.append(f"{status} {operation}: {asked!s:.2000}")


def test_malformed_input_breaks_nothing(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(settings={"TRAPLINE_LEASE_S": "60"}).start(images=8)
    known = find_ids(scene)
    pid = scene.find_pid("api 1")
    tally = Tally()
    targets = list(list_targets())
    for target in targets:
        ask(
            scene,
            tally,
            target,
            draw_request(make_chance(target.path), target, known, [scene.owner]),
        )
    before, _ = read_memory(pid)
    draw_from_document(scene, tally, targets, known)
    draw_from_corpus(scene, tally, targets, known, REQUESTS - tally.statuses.total())
    after, _ = read_memory(pid)
    figures.add(
        "P16", f"{tally.statuses.total()} requests, {len(targets)} operations", "0 5xx", tell(tally)
    )
    figures.add(
        "P16",
        "growth of the API's memory",
        f"< {GROWTH_AT_MOST_MIB} MiB",
        f"{after - before:.0f} MiB",
    )
    assert not tally.broken, (
        f"{len(tally.broken)} "
        f"broke:\n{chr(10).join(tally.broken[:20])}\n{last_words(scene.log_of('api 1'))}"
    )
    assert tally.statuses.total() >= REQUESTS
    assert scene.find_pid("api 1") == pid, "the API process ended"
    assert tally.statuses[401] < 0.3 * REQUESTS, (
        "the caller was hardly known: the test proves nothing"
    )
    assert len(tally.answered_well) > len(targets) // 3, (
        "hardly anything was taken: the test proves nothing"
    )
    assert after - before < GROWTH_AT_MOST_MIB


def list_targets() -> Iterator[Target]:
    """Every operation of the OpenAPI document."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            queries = [
                one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"
            ]
            yield Target(method.upper(), path, queries, "requestBody" in operation)


def find_ids(scene: Scene) -> dict[str, str]:
    """Ids that are there, by the names that routes and messages give them."""
    job = scene.make_expanded_job()
    source = {
        "project": scene.project,
        "deployment": scene.deployment,
        "name": "feed",
        "base_url": "http://localhost:8009/",
    }
    made = scene.call("POST", "/image-pull-sources", source)
    known: dict[str, Any] = {
        "job_id": job,
        "job": job,
        "project_id": scene.project,
        "project": scene.project,
        "deployment_id": scene.deployment,
        "deployment": scene.deployment,
        "image_id": scene.images[0],
        "analysis_id": scene.ask("select id from analyses limit 1")[0][0],
        "pipeline": "field-pipeline",
        "source_id": made.json()["id"],
    }
    return {name: str(value) for name, value in known.items()}


def draw_from_document(
    scene: Scene, tally: Tally, targets: list[Target], known: dict[str, str]
) -> None:
    """Send valid and invalid requests of schemathesis for each operation, with any IDs."""
    # Imported here: it takes a tenth of the time in which a process collects all tests.
    import schemathesis
    from schemathesis.config import SchemathesisConfig
    from schemathesis.core.result import Ok

    schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig())
    by_label = {f"{target.method} {target.path}": target for target in targets}
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == len(targets)
    each = max(1, DRAWN // (4 * len(operations)))
    chance = make_chance("malformed, drawn")
    with requests.Session() as session:
        session.trust_env = False
        for operation in operations:
            names = [
                one["name"]
                for one in operation.definition.raw.get("parameters", ())
                if one["in"] == "path"
            ]
            fixed = {name: known[name] for name in names if name in known}
            send = partial(
                send_case, scene, session, tally, chance, by_label[operation.label], known
            )
            for mode in schemathesis.GenerationMode:
                for ids in (fixed, {}) if operation.label not in ENDS_THE_CALLER else ({}, {}):
                    strategy = operation.as_strategy(
                        generation_mode=mode, path_parameters=ids or None
                    )
                    draw_cases(strategy, f"{SEED}:{operation.label}:{mode}:{bool(ids)}", each, send)


def draw_cases(strategy: Any, seed: str, count: int, send: "Callable[[Case[Any]], None]") -> None:
    """Draw `count` cases, the same ones for the same seed."""
    import hypothesis
    from hypothesis import HealthCheck, Phase

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=strategy)
    def draw(case: "Case[Any]") -> None:
        send(case)

    # There is no wrong way to ask what takes nothing.
    with contextlib.suppress(hypothesis.errors.Unsatisfiable):
        draw()


def send_case(
    scene: Scene,
    session: requests.Session,
    tally: Tally,
    chance: random.Random,
    target: Target,
    known: dict[str, str],
    case: "Case[Any]",
) -> None:
    """Send a case, and keep its body for the corpus to be put into."""
    asked = prepare(chance, case, scene, known)
    if isinstance(asked.get("json"), dict | list):
        target.bodies = [*target.bodies[-20:], asked["json"]]
    send_drawn(session, tally, f"{target.method} {target.path}", asked)


def prepare(
    chance: random.Random, case: "Case[Any]", scene: Scene, known: dict[str, str]
) -> dict[str, Any]:
    """Build the request of a case, sent by the owner, often with IDs that exist."""
    asked: dict[str, Any] = case.as_transport_kwargs(
        base_url=scene.base_url, headers={"Authorization": f"Bearer {scene.owner}"}
    )
    for part in ("params", "json"):
        if isinstance(asked.get(part), dict):
            asked[part] = fit(chance, asked[part], known)
    return asked


def fit(chance: random.Random, body: Any, known: dict[str, str]) -> Any:
    """Put existing IDs into a body in most cases, and limit waiting times."""
    if not isinstance(body, dict):
        return body
    given = {name: known[name] for name in body if name in known and chance.random() < 0.7}
    numbers = {name: int(value) if value.isdigit() else value for name, value in given.items()}
    return body | numbers | ({"wait_s": 0} if "wait_s" in body else {})


def send_drawn(session: requests.Session, tally: Tally, label: str, asked: dict[str, Any]) -> None:
    """Send one, and count its answer; a stream of events is left after its head."""
    try:
        with session.request(**asked, stream=True, timeout=30) as answer:
            if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                answer.content  # noqa: B018 - read to its end
            status = answer.status_code
    except requests.RequestException as error:
        if "Invalid" in type(error).__name__:
            return  # requests itself refused to send it
        tally.note(0, label, f"{error!r} {asked}")
    else:
        tally.note(status, label, asked)


def draw_from_corpus(
    scene: Scene, tally: Tally, targets: list[Target], known: dict[str, str], count: int
) -> None:
    """Send as many requests of the corpus, over all operations in turn."""
    chance = make_chance("malformed, corpus")
    tokens = [scene.owner] * 8 + [scene.worker_token, ""]
    fitting = [
        target for target in targets if f"{target.method} {target.path}" not in ENDS_THE_CALLER
    ]
    for number in range(count):
        target = fitting[number % len(fitting)]
        ask(scene, tally, target, draw_request(chance, target, known, tokens))


def ask(scene: Scene, tally: Tally, target: Target, request: bytes) -> None:
    """Send these bytes, and count the answer."""
    answer = ask_raw(scene.ports[0], request)
    tally.note(answer.status, f"{target.method} {target.path}", request)


def tell(tally: Tally) -> str:
    """Format the number of responses by status."""
    return ", ".join(f"{count} of {status}" for status, count in sorted(tally.statuses.items()))
