"""`trapline user`, `trapline project add-member` and tokens against a real server."""

import json

import httpx2
import pytest
from tests.support.running_server import RunningServer

from trapline.client import Trapline
from trapline.wire.projects import NewProject
from trapline.wire.taxa import NewTaxon

ANNA = "anna@people.example"


def test_somebody_is_invited_gets_roles_and_is_let_out(server: RunningServer) -> None:
    with server.open() as owner:
        number = owner.create_project(NewProject(name="by people")).id
    project = ("--project", str(number))
    link = server.call(
        "user", "invite", ANNA, "--name", "Anna", *project, "--role", "reviewer"
    ).stdout.strip()
    assert "/welcome#" in link
    refused = server.call("user", "invite", ANNA, check=False)
    assert (refused.returncode, "has an account already" in refused.stderr) == (4, True)
    with httpx2.Client(base_url=f"{server.base_url}/api/v2", trust_env=False) as session:
        body = {"link": link.partition("#")[2], "password": "a long enough password"}
        made = session.post("/auth/link", json=body)
        assert [one["role"] for one in made.json()["memberships"]] == ["reviewer"]
        session.headers["X-CSRF-Token"] = made.json()["csrf_token"]
        token = session.post("/auth/tokens", json={"name": "hers"}).json()["token"]

        server.call("project", "add-member", "by people", ANNA, "manager")
        members = json.loads(server.call("project", "members", "by people", "--json").stdout)
        assert [(one["email"], one["role"]) for one in members][1:] == [(ANNA, "manager")]
        listed = server.call("user", "list").stdout
        assert "by people (manager)" in listed
        with Trapline(server.base_url, token) as hers:
            assert [one.is_current for one in hers.list_sessions()] == [False]
            assert hers.list_members(number)[0].email is None
        server.call("project", "remove-member", "by people", ANNA)
        assert session.get(f"/projects/{number}").status_code == 404
        reset = server.call("user", "reset", ANNA).stdout.strip()
        assert "/welcome#" in reset
        said = server.call("user", "deactivate", ANNA).stdout
        assert "are revoked" in said
        assert session.get("/auth/me").status_code == 401
        log = server.log.read_text(encoding="utf-8")
        assert not [secret for secret in (link, reset) if secret.partition("#")[2] in log]


@pytest.mark.long
def test_a_project_is_renamed_archived_deleted_and_restored(server: RunningServer) -> None:
    made = json.loads(server.call("project", "create", "short lived", "--json").stdout)["id"]
    server.call("project", "update", str(made), "--name", "long lived", "--archive")
    server.call("project", "update", str(made), "--unarchive")
    assert f"/public/{made}" in server.call("project", "update", str(made), "--public").stdout
    with Trapline(server.base_url) as visitor:
        assert visitor.get_public_project(made).name == "long lived"
        assert (
            visitor.list_public_images(made, limit=1).count
            == len(visitor.list_public_deployments(made))
            == 0
        )
    assert "Only members" in server.call("project", "update", str(made), "--private").stdout
    refused = server.call("project", "delete", str(made), "--name", "short lived", check=False)
    assert (refused.returncode, "Nothing was deleted" in refused.stderr) == (4, True), (
        refused.stderr
    )
    assert (
        f"project restore {made}"
        in server.call("project", "delete", str(made), "--name", "long lived").stdout
    )
    assert "long lived" in server.call("project", "restore").stdout
    server.call("project", "restore", str(made))
    with server.open() as owner:
        assert owner.get_project(made).deleted_at is None


def test_a_token_may_be_made_to_do_less(server: RunningServer) -> None:
    made = json.loads(
        server.call("token", "create", "--name", "reads", "--scope", "read", "--json").stdout
    )
    assert made["scopes"] == ["read"]
    refused = server.call("project", "create", "more", check=False, TRAPLINE_TOKEN=made["token"])
    assert (refused.returncode, "scope write" in refused.stderr) == (4, True), refused.stderr


def test_a_level_of_a_sensitive_taxon_is_changed_alone(server: RunningServer) -> None:
    with server.open() as owner:
        number = owner.create_project(NewProject(name="rare animals")).id
        owner.create_taxon(NewTaxon(project=number, scientific_name="Lynx lynx"))
    command = ("sensitive-taxon", "set", "Lynx lynx", "--project", str(number))
    server.call(*command, "--viewer", "withheld", "--reviewer", "withheld", "--manager", "0.01")
    said = server.call(*command, "--reviewer", "0.1").stdout
    assert said.strip() == (
        "Lynx lynx: visitors withheld, viewers withheld, reviewers withheld -> 0.1, "
        "managers 0.01, owners exact"
    )
    listed = ("sensitive-taxon", "sightings", "Lynx lynx", "--project", str(number))
    assert json.loads(server.call(*listed, "--json").stdout) == []
    assert "overruled" in server.call(*listed).stdout


def test_disagreements_are_listed(server: RunningServer) -> None:
    with server.open() as owner:
        number = str(owner.create_project(NewProject(name="answers")).id)
    listed = ("disagreement", "list", "--project", number)
    assert json.loads(server.call(*listed, "--json").stdout)["pairs"] == []
    assert "compared with" in server.call(*listed).stdout
    sources = ("disagreement", "matrix", "model:deer-net 2", "people", "--project", number)
    assert "0 images; answers differ on 0, 0 open." in server.call(*sources).stdout
