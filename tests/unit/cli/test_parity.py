"""Each HTTP operation exists in the Python client and the CLI, compared by document and code."""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text())

BROWSER = "a browser's cookie comes of it or goes by it; programs have API tokens"
HEALTH = "for those who watch the process, who ask without the client"
WORKER = "the protocol of workers, which `trapline worker` speaks"
SIGNED = "signed, not by a token: `Callbacks` is the client of outside pipelines"
EVENTS = "called by a camera's own server, signed"
NO_CLIENT = {
    "POST /auth/sign-in": BROWSER,
    "POST /auth/sign-out": BROWSER,
    "GET /auth/methods": BROWSER,
    "POST /auth/oidc": BROWSER,
    "POST /auth/oidc/begin": BROWSER,
    "POST /auth/link": BROWSER,
    "POST /auth/link/state": BROWSER,
    "POST /auth/password-reset": BROWSER,
    "GET /healthz": HEALTH,
    "GET /readyz": HEALTH,
    "POST /image-pull-sources/{source_id}/events": EVENTS,
    "GET /jobs/{job_id}/tasks": "an older form of the POST",
    "GET /pipeline/presets": "the same as GET /presets, where the guide of runs has it",
    "GET /public/projects/{project_id}/images/{image_id}/file": "for a browser, by the address "
    "that images tell",
}
VISITOR = "what visitors see of a public project: its members see that and more by other commands"
LISTED = "a command that lists them tells the same with `--json`"
REVIEWED = "people review on the page"
VIEWS = "a view is a filter of the grid, which people save on the page"
FORMS = "the forms of the page are built from it: `--help` of the commands describes the same"
RUNS = "a run is a job: `trapline job` shows, cancels and retries it"
NO_COMMAND = NO_CLIENT | {
    "GET /presets/{preset_id}": LISTED,
    "GET /sequence-changes/{change_id}": LISTED,
    "GET /projects/{project_id}": LISTED,
    "GET /users/{user_id}": LISTED,
    "GET /webhooks/{webhook_id}": LISTED,
    "GET /workers/{worker_id}": LISTED,
    "GET /deployments/{deployment_id}": LISTED,
    "GET /algorithms/{algorithm_id}": LISTED,
    "GET /projects/{project_id}/review-sets/{set_id}": LISTED,
    "POST /projects/{project_id}/review-sets/{set_id}/claims": REVIEWED,
    "POST /projects/{project_id}/review-sets/{set_id}/release": REVIEWED,
    "GET /image-pull-sources/gateways": FORMS,
    "GET /exports/formats": FORMS,
    "GET /saved-views": VIEWS,
    "POST /saved-views": VIEWS,
    "GET /saved-views/{view_id}": VIEWS,
    "PATCH /saved-views/{view_id}": VIEWS,
    "DELETE /saved-views/{view_id}": VIEWS,
    "GET /projects/{project_id}/palette": REVIEWED,
    "PUT /projects/{project_id}/palette": REVIEWED,
    "GET /projects/{project_id}/review-progress": REVIEWED,
    "GET /pipeline/presets": LISTED,
    "GET /pipeline/jobs": RUNS,
    "GET /pipeline/job/{job_id}": RUNS,
    "GET /pipeline/job/{job_id}/events": RUNS,
    "POST /pipeline/job/{job_id}/cancel": RUNS,
    "POST /pipeline/job/{job_id}/retry": RUNS,
    "GET /public/projects/{project_id}": VISITOR,
    "GET /public/projects/{project_id}/deployments": VISITOR,
    "GET /public/projects/{project_id}/images": VISITOR,
    "GET /public/projects/{project_id}/images/{image_id}": VISITOR,
    "GET /images/days": "what the page's scrollbar is made of: `trapline project summary` tells of "
    "each day",
    "POST /images/presign": "`trapline images upload` asks for addresses where there is much to "
    "send",
    "POST /images/import": "`trapline images upload` asks for addresses where there is much to "
    "send",
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": "the replay of many takes one, "
    "too",
    "GET /events": "the page's own: a program follows a run, with `trapline job run --follow`",
    "POST /jobs": "`trapline job run` asks for the same by POST /pipeline/run",
    "POST /jobs/{job_id}/tasks": WORKER,
    "POST /jobs/{job_id}/result": WORKER,
    "POST /tasks/lease": WORKER,
    "POST /tasks/release": WORKER,
    "POST /tasks/renew": WORKER,
    "POST /workers/hello": WORKER,
    "POST /analyses/{analysis_id}/annotations:bulk": SIGNED,
    "POST /analyses/{analysis_id}/artifacts/presign": SIGNED,
    "POST /analyses/{analysis_id}/finalize": SIGNED,
}
"""Operations without a method or a command, with the reason."""
MOVES = {"transition_job": {"run", "pause", "resume", "cancel"}}
"""Methods that take the last part of a path."""

SENDS = {"send": None} | dict.fromkeys(
    ("get", "list_all", "stream", "get_bytes", "get_signed_url"), "GET"
)


def shape_of(path: str) -> tuple[str, ...]:
    """A path by its parts, with a star for each that is filled in."""
    return tuple(
        "*" if "{" in part else part for part in path.removeprefix("/api/v2").strip("/").split("/")
    )


def text_of(node: ast.expr, names: dict[str, ast.expr]) -> str:
    """A text as it is written, with {} for each part that is filled in."""
    if isinstance(node, ast.Name) and node.id in names:
        return text_of(names[node.id], names)
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            "/pipeline/job/{}"
            if "_path" in ast.dump(one)
            else str(one.value)
            if isinstance(one, ast.Constant)
            else "{}"
            for one in node.values
        )
    if isinstance(node, ast.BinOp):
        return text_of(node.left, names) + text_of(node.right, names)
    if isinstance(node, ast.Call):  # a path built by a function, of a run
        return "/pipeline/job/{}"
    return "{}"


def list_calls(folder: str) -> dict[str, set[tuple[str, tuple[str, ...]]]]:
    """Which calls each function of the client makes: the method, and the path by its parts."""
    found: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
    inner: dict[str, set[str]] = defaultdict(set)
    for file in sorted((ROOT / folder).glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            names = {
                node.targets[0].id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            }
            for call in ast.walk(function):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                if call.func.attr.startswith("_"):
                    inner[function.name].add(call.func.attr)
                if call.func.attr not in SENDS or not call.args:
                    continue
                method, rest = SENDS[call.func.attr], call.args
                if method is None:
                    method, rest = text_of(rest[0], names), rest[1:]
                path = text_of(rest[0], names) if rest else ""
                if path.startswith("/"):
                    found[function.name].add((method, shape_of(path)))
    for name, called in inner.items():
        for one in called:
            found[name] |= found.get(one, set())
    return found


def does(name: str, call: tuple[str, tuple[str, ...]], method: str, path: str) -> bool:
    """Whether a call of the client is this operation."""
    made, wanted = call[1], shape_of(path)
    if name in MOVES and wanted[-1] in MOVES[name]:
        made = (*made[:-1], wanted[-1])
    return call[0] == method and made == wanted


def functions_for(method: str, path: str) -> set[str]:
    return {
        name
        for name, calls in CALLS.items()
        if any(does(name, call, method, path) for call in calls)
    }


CALLS = list_calls("src/trapline/client")
COMMANDS = "\n".join(file.read_text() for file in sorted((ROOT / "src/trapline/cli").glob("*.py")))
OPERATIONS = [
    (method.upper(), path.removeprefix("/api/v2"))
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
]


def test_the_client_has_a_method_for_each_operation() -> None:
    missing = [
        f"{m} {p}" for m, p in OPERATIONS if f"{m} {p}" not in NO_CLIENT and not functions_for(m, p)
    ]
    assert missing == []


def test_the_command_line_has_a_command_for_each_operation() -> None:
    """A command calls a method of the client. Inner methods are called by public ones."""
    missing = [
        f"{m} {p}: {functions_for(m, p)}"
        for m, p in OPERATIONS
        if f"{m} {p}" not in NO_COMMAND
        and not any(
            re.search(rf"\bserver\.{name}\b|\(\s*server\.{name}\b", COMMANDS)
            for name in functions_for(m, p)
        )
    ]
    assert missing == []


def test_routes_without_a_command_exist() -> None:
    assert NO_COMMAND.keys() <= {f"{method} {path}" for method, path in OPERATIONS}
    assert not [key for key in NO_CLIENT if functions_for(*key.split(" ", 1))]
