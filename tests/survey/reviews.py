"""Review a survey by the API: create the decisions of the truth, and withdraw some of them.

A decision identifies something, or draws a box.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import httpx2

from tests.survey.decisions import OWNER
from tests.survey.driver import Survey, list_observations
from trapline.client import Trapline
from trapline.wire.auth import Role
from trapline.wire.human_boxes import HumanBoxCorners, NewHumanBox
from trapline.wire.identifications import (
    ApplyTo,
    IdentificationKind,
    LifeStage,
    NewIdentification,
    NewIdentificationTaxon,
    Sex,
)
from trapline.wire.users import NewMembership, NewUser

REVIEWER_PASSWORD = "correct horse battery staple"


def review(survey: Survey) -> None:
    """Create the decisions of all reviewers in the order of the truth."""
    names = sorted({one["by"] for one in survey.truth["decisions"] if one["channel"] == "api"})
    reviewers = {name: _invite(survey, name) for name in names if name != OWNER}
    for one in survey.truth["decisions"]:
        if one["file"] not in survey.images or one["channel"] != "api":
            continue
        client = reviewers.get(one["by"], survey.owner)
        image = str(survey.images[one["file"]])
        before = list_observations(survey, image=image) if one["withdrawn"] else []
        withdraw = _decide(survey, client, one)
        if one["withdrawn"]:
            withdraw()
            survey.withdrawn[one["file"]] = before, list_observations(survey, image=image)
    for client in reviewers.values():
        client.close()


def _decide(survey: Survey, client: Trapline, one: dict[str, Any]) -> Callable[[], Any]:
    """Create an identification or draw a box; return a function that withdraws it."""
    if "drawn" in one:
        [box] = client.create_annotations(_build_box(survey, one))
        assert box.author_id is not None
        survey.people[one["by"]] = box.author_id
        return partial(client.delete_annotation, box.id)
    made = client.create_identifications(_build_identification(survey, one))[0]
    if made.person_id is not None:
        survey.people[made.by] = made.person_id
    return partial(client.withdraw_identifications, [made.id])


def _build_box(survey: Survey, one: dict[str, Any]) -> NewHumanBox:
    corners = dict(zip(("x_min", "y_min", "x_max", "y_max"), one["box"], strict=True))
    superseded = None
    if one["supersedes"] is not None:
        run, index = one["supersedes"]
        superseded = _find_box(survey, {"file": one["file"], "run": run, "index": index})
    return NewHumanBox(
        image=survey.images[one["file"]],
        box=HumanBoxCorners(**corners),
        supersedes=superseded,
        **_describe(survey, one),
    )


def _build_identification(survey: Survey, one: dict[str, Any]) -> NewIdentification:
    about: dict[str, Any] = {"images": [survey.images[one["file"]]]}
    if one["run"] is not None:
        about = {"annotations": [_find_box(survey, one)]}
    if one.get("of_sequence"):
        about = {"sequences": [survey.owner.get_image(survey.images[one["file"]]).sequence_id]}
    if "apply_to" in one:
        about["apply_to"] = ApplyTo(one["apply_to"])
    if "taxa" in one:
        about["taxa"] = [NewIdentificationTaxon(**_describe(survey, each)) for each in one["taxa"]]
    return NewIdentification(
        kind=IdentificationKind(one["kind"]),
        comment=one.get("comment"),
        **_describe(survey, one),
        **about,
    )


def _describe(survey: Survey, one: dict[str, Any]) -> dict[str, Any]:
    """Return the taxon of a decision and its details."""
    return {
        "taxon": survey.taxa[one["taxon"]] if "taxon" in one else None,
        "count": one.get("count"),
        "sex": Sex(one["sex"]) if one.get("sex") else None,
        "life_stage": LifeStage(one["life_stage"]) if one.get("life_stage") else None,
        "behaviour": one.get("behaviour"),
        "individual_id": one.get("individual_id"),
    }


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
