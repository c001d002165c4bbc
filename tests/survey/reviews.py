"""Review a survey by the API: create the decisions of the truth, and withdraw some of them."""

from typing import Any
from uuid import UUID

import httpx2

from tests.survey.driver import Survey
from trapline.client import Trapline
from trapline.wire.auth import Role
from trapline.wire.identifications import IdentificationKind, LifeStage, NewIdentification, Sex
from trapline.wire.users import NewMembership, NewUser

REVIEWER_PASSWORD = "correct horse battery staple"


def review(survey: Survey) -> None:
    """Create the decisions of all reviewers in the order of the truth."""
    names = sorted({one["by"] for one in survey.truth["decisions"] if one["channel"] == "api"})
    reviewers = {name: _invite(survey, name) for name in names}
    for one in survey.truth["decisions"]:
        if one["file"] not in survey.images or one["channel"] != "api":
            continue
        client = reviewers[one["by"]]
        [made] = client.create_identifications(_build_identification(survey, one))
        if one["withdrawn"]:
            client.withdraw_identifications([made.id])
    for client in reviewers.values():
        client.close()


def _build_identification(survey: Survey, one: dict[str, Any]) -> NewIdentification:
    about: dict[str, Any] = {"images": [survey.images[one["file"]]]}
    if one["run"] is not None:
        about = {"annotations": [_find_box(survey, one)]}
    return NewIdentification(
        kind=IdentificationKind(one["kind"]),
        taxon=survey.taxa[one["taxon"]] if "taxon" in one else None,
        comment=one.get("comment"),
        count=one.get("count"),
        sex=Sex(one["sex"]) if one.get("sex") else None,
        life_stage=LifeStage(one["life_stage"]) if one.get("life_stage") else None,
        behaviour=one.get("behaviour"),
        **about,
    )


def _find_box(survey: Survey, decision: dict[str, Any]) -> UUID:
    run = next(one for one in survey.truth["runs"] if one["key"] == decision["run"])
    wanted = [float(edge) for edge in run["found"][decision["file"]][decision["index"]]["box"]]
    page = survey.owner.list_image_annotations(
        survey.images[decision["file"]], type="bounding_box", limit=1000
    )
    for one in page.results:
        box = [float(one.data[corner]) for corner in ("x_min", "y_min", "x_max", "y_max")]
        if (one.model_name, one.model_version, box) == (run["pipeline"], run["version"], wanted):
            return one.id
    raise AssertionError(f"no annotation for {decision}: {page.results}")


def _invite(survey: Survey, name: str) -> Trapline:
    email = f"{name.split()[0].lower()}@example.org"
    invited = survey.owner.invite_user(
        NewUser(
            email=email,
            name=name,
            memberships=[NewMembership(project=survey.project, role=Role.REVIEWER)],
        )
    )
    link = invited.link.url.rpartition("#")[2]
    with httpx2.Client(base_url=f"{survey.server.base_url}/api/v2", trust_env=False) as session:
        entered = session.post(
            "/auth/link", json={"link": link, "name": name, "password": REVIEWER_PASSWORD}
        )
        assert entered.status_code == 200, entered.text
        session.headers["X-CSRF-Token"] = entered.json()["csrf_token"]
        token = session.post("/auth/tokens", json={"name": "survey"})
        assert token.status_code in (200, 201), token.text
        return Trapline(survey.server.base_url, token.json()["token"])
