"""Disagreements of model versions and people, compared with an independent calculation."""

import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any
from urllib.parse import urlencode

from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import begin, box
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role

IMAGES = 16
MODELS = ("model:aa/1", "model:aa/2", "model:bb/1")
FOUND = ("fox", "deer", "deer + fox", "animal", "blank")
STATED = ("fox", "deer", "deer + fox", "blank", "unsure")
Pair = tuple[str, str]
Compared = tuple[str, str, bool, bool]
"""Two answers, and whether they differ and are open."""


def agree(one: str, other: str) -> bool:
    """Whether two answers agree: `animal` agrees with every animal."""
    return one == other or ("animal" in (one, other) and "blank" not in (one, other))


@dataclass
class Known:
    """An image with all that models and people said about it, in order."""

    id: str
    said: list[tuple[str, str]] = field(default_factory=list)

    def list_last(self) -> list[tuple[str, str]]:
        """Leave out what a model version said before its newest analysis."""
        return [
            (source, answer)
            for place, (source, answer) in enumerate(self.said)
            if not source.startswith("model") or source not in dict(self.said[place + 1 :])
        ]

    def compare(self) -> dict[Pair, Compared]:
        """Compare the answers of each pair: both answers, and whether they differ and are open."""
        said = self.list_last()
        models = {one: answer for one, answer in said if one.startswith("model")}
        people = {one: answer for one, answer in said if not one.startswith("model")}
        people = {one: answer for one, answer in people.items() if answer != "unsure"}
        all_people = next((a for one, a in reversed(said) if not one.startswith("model")), "unsure")
        place = {one: number for number, (one, _) in enumerate(said)}
        last = max(self.list_decisions(said), default=-1)
        pairs: dict[Pair, Compared] = {}
        for one, other in combinations(sorted(models), 2):
            is_new = last < max(place[one], place[other])
            differs = not agree(models[one], models[other])
            pairs[one, other] = (models[one], models[other], differs, differs and is_new)
        for one in models if all_people != "unsure" else ():
            differs = not agree(models[one], all_people)
            is_new = last < place[one]
            pairs[one, "people"] = (models[one], all_people, differs, differs and is_new)
        recent = self.get_people(said[self.find_settled(said) :])
        for one, other in combinations(sorted(people), 2):
            differs = not agree(people[one], people[other])
            is_open = one in recent and other in recent and not agree(recent[one], recent[other])
            pairs[one, other] = (people[one], people[other], differs, differs and is_open)
        return pairs

    def list_decisions(self, said: list[tuple[str, str]]) -> list[int]:
        return [
            number
            for number, (one, answer) in enumerate(said)
            if not one.startswith("model") and answer != "unsure"
        ]

    def get_people(self, said: list[tuple[str, str]]) -> dict[str, str]:
        latest = {one: answer for one, answer in said if not one.startswith("model")}
        return {one: answer for one, answer in latest.items() if answer != "unsure"}

    def find_settled(self, said: list[tuple[str, str]]) -> int:
        """Find the last decision about an image on which answers differed at that time."""
        settled, before = 0, -1
        for number in self.list_decisions(said):
            models = [a for one, a in said[before + 1 : number] if one.startswith("model")]
            earlier = [a for one, a in said[:number] if not one.startswith("model")]
            others = list(self.get_people(said[settled:number]).values())
            from_people = (
                bool(earlier)
                and earlier[-1] != "unsure"
                and any(not agree(one, earlier[-1]) for one in models)
            )
            if from_people or any(
                not agree(one, other)
                for these in (models, others)
                for one, other in combinations(these, 2)
            ):
                settled = number
            before = number
        return settled


async def add_reviewer(project: Field) -> tuple[str, str]:
    """Add a reviewer; return a token and the source."""
    async with project.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name=f"reviewer {uuid7()}")
        tx.session.add(user)
        await tx.session.flush()
        role = Role.REVIEWER
        tx.session.add(MemberRow(project_id=project.project, user_id=user.id, role=role.value))
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={project.project: role})
    return (await create_token(project.system, scope, NewToken(name="t"))).token, scope.actor


async def find(project: Field, image: Known, source: str, answer: str) -> None:
    """Let a model version analyse an image."""
    name, _, version = source.removeprefix("model:").partition("/")
    names = [] if answer == "blank" else answer.split(" + ")
    outside = await begin(
        project,
        image.id,  # type: ignore[arg-type]
        model_name=name,
        model_version=version,
    )
    if names:
        await outside.post([box(3000 * number, class_name=one) for number, one in enumerate(names)])
    assert (await outside.call("POST", "/finalize", {"status": "completed"})).status_code == 200
    image.said.append((source, answer))


async def state(
    project: Field, image: Known, reviewer: tuple[str, str], answer: str, **more: Any
) -> str:
    """Let a person identify an image; return the ID of the identification."""
    body: dict[str, Any] = {"images": [image.id], "kind": answer} | more
    if answer not in ("blank", "unsure", "confirm"):
        taxa = [{"label": one, "count": 1} for one in answer.split(" + ")]
        body |= {"kind": "correct", "taxa": taxa}
    sent = await project.call("POST", "/identifications", {"identifications": [body]}, reviewer[0])
    assert sent.status_code == 201, sent.text
    image.said.append((reviewer[1], answer))
    return str(sent.json()["identifications"][0]["id"])


async def get(project: Field, path: str, **query: Any) -> Any:
    parameters = urlencode({"project": project.project, **query})
    answer = await project.call("GET", f"{path}?{parameters}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def list_ids(project: Field, **query: Any) -> list[str]:
    page = await get(project, "/images", limit=100, **query)
    assert page["count"] == len(page["results"])
    return [one["id"] for one in page["results"]]


def disagree(found: dict[Pair, Compared], kind: str) -> bool:
    """Whether an image has an open disagreement of a kind."""
    kinds = set()
    for pair, (_, _, _, is_open) in found.items():
        if is_open:
            of_models = "model_people" if pair[1] == "people" else "models"
            kinds |= {"any", of_models if pair[0].startswith("model") else "people"}
    return kind in kinds


async def check_matrices(project: Field, compared: dict[str, dict[Pair, Compared]]) -> None:
    """Each cell has exactly the images of its filter, in both directions."""
    for pair, swapped in product({pair for each in compared.values() for pair in each}, (0, 1)):
        one, other = pair[swapped], pair[1 - swapped]
        matrix = await get(project, "/disagreements/matrix", source_a=one, source_b=other)
        found = [each[pair] for each in compared.values() if pair in each]
        expected = Counter((each[swapped], each[1 - swapped]) for each in found)
        cells = {(cell["answer_a"], cell["answer_b"]): cell for cell in matrix["cells"]}
        assert {key: cell["images"] for key, cell in cells.items()} == expected
        sums = (matrix["images"], matrix["differ"], matrix["open"])
        assert sums == (len(found), sum(each[2] for each in found), sum(each[3] for each in found))
        for cell in matrix["cells"]:
            conditions = {name: value for name, value in cell["filter"].items() if value}
            listed = await list_ids(project, **conditions)
            assert len(listed) == cell["images"]
            assert cell["agree"] is agree(cell["answer_a"], cell["answer_b"])
            if swapped:
                break
            assert all(
                compared[one][pair][:2] == (cell["answer_a"], cell["answer_b"]) for one in listed
            )
            opened = await list_ids(project, **conditions, comparison="open")
            assert len(opened) == cell["open"]


async def test_matrix_filters_and_orders_agree_with_what_was_said(system: AppContext) -> None:
    rng = random.Random(4)
    project = await make_field(system, IMAGES)
    known = [Known(str(image)) for image in project.images]
    people = [await add_reviewer(project) for _ in range(3)]
    for image in known:
        for _ in range(rng.randrange(2, 8)):
            if rng.random() < 0.5:
                await find(project, image, rng.choice(MODELS), rng.choice(FOUND))
            else:
                await state(project, image, rng.choice(people), rng.choice(STATED))
    compared = {image.id: image.compare() for image in known}
    newest = [str(image) for image in reversed(project.images)]
    pairs = sorted({pair for each in compared.values() for pair in each})
    sums = {}
    for pair in pairs:
        found = [each[pair] for each in compared.values() if pair in each]
        sums[pair] = (len(found), sum(one[2] for one in found), sum(one[3] for one in found))
    differ, is_open = (sum(one[place] for one in sums.values()) for place in (1, 2))
    assert differ > is_open > 5, "the test needs both"
    listed = (await get(project, "/disagreements"))["pairs"]
    assert {
        (one["source_a"], one["source_b"]): (one["images"], one["differ"], one["open"])
        for one in listed
    } == sums
    await check_matrices(project, compared)

    for pair, (name, place, value) in product(
        pairs[:4], (("agree", 2, False), ("differ", 2, True), ("open", 3, True))
    ):
        assert await list_ids(project, source_a=pair[0], source_b=pair[1], comparison=name) == [
            one for one in newest if pair in compared[one] and compared[one][pair][place] is value
        ]
    for kind in ("models", "model_people", "people", "any"):
        expected = [one for one in newest if disagree(compared[one], kind)]
        assert await list_ids(project, disagreement=kind) == expected, kind
    for order, kind in (("models_disagree", "models"), ("people_disagree", "people")):
        first = [one for one in newest if disagree(compared[one], kind)]
        whole = first + [one for one in newest if one not in first]
        assert await list_ids(project, order=order) == whole
        detail = (await project.call("GET", f"/images/{whole[4]}?order={order}")).json()
        assert (detail["previous_id"], detail["next_id"]) == (whole[3], whole[5])
    sources = {"source_a": pairs[0][0], "source_b": pairs[0][1], "blank": "true"}
    some = await get(project, "/disagreements/matrix", **sources)
    assert some["images"] == len(await list_ids(project, **sources))


async def test_one_decision_settles_a_disagreement_in_every_pair(system: AppContext) -> None:
    project = await make_field(system, 1)
    image = Known(str(project.images[0]))
    first, second = await add_reviewer(project), await add_reviewer(project)

    async def list_open() -> set[str]:
        pairs = (await get(project, "/disagreements"))["pairs"]
        return {one["kind"] for one in pairs if one["open"]}

    await find(project, image, "model:aa/1", "fox")
    await find(project, image, "model:aa/2", "deer")
    assert await list_open() == {"models"}
    settled = await state(project, image, first, "confirm")
    assert await list_open() == set()
    await project.call(
        "POST", "/identifications/withdraw", {"identifications": [settled]}, first[0]
    )
    assert await list_open() == {"models"}
    await state(project, image, first, "deer")
    assert await list_open() == set()
    await find(project, image, "model:aa/3", "fox")
    assert await list_open() == {"models", "model_people"}
    await state(project, image, second, "fox")
    assert await list_open() == set(), "the second reviewer saw what all others had said"
    await state(project, image, first, "deer")
    assert await list_open() == {"people"}
    await state(project, image, second, "fox")
    assert await list_open() == set(), "the second reviewer decided again"
    # Purging the image leaves nothing behind.
    await project.call("POST", "/images/delete", {"images": [image.id], "reason": "x"})
    assert (await get(project, "/disagreements"))["pairs"] == []
    matrix = await project.call(
        "GET",
        f"/disagreements/matrix?project={project.project}&source_a=model:aa/1&source_b=people",
    )
    assert (matrix.status_code, matrix.json()["cells"]) == (200, [])


async def test_parameters_of_comparisons_are_checked(system: AppContext) -> None:
    project = await make_field(system, 1)
    for query in (
        "source_a=people",
        "answer_a=fox",
        "comparison=open",
        "disagreement=all",
        "source_a=people&source_b=",
    ):
        answer = await project.call("GET", f"/images?project={project.project}&{query}")
        assert answer.status_code == 422, query
    unknown = f"project={project.project}&source_a=people&source_b=model:x/1"
    assert (await project.call("GET", f"/images?{unknown}")).json()["results"] == []
    matrix = (await project.call("GET", f"/disagreements/matrix?{unknown}")).json()
    assert (matrix["kind"], matrix["images"], matrix["cells"]) == ("model_people", 0, [])
    path = f"/disagreements/matrix?project={project.project}"
    assert (await project.call("GET", path)).status_code == 422
    assert (
        await project.call("GET", "/images?source_a=people&source_b=model:x/1")
    ).status_code == 422
