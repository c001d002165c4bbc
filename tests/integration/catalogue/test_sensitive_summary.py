"""The summary of a project with a sensitive taxon."""

import pytest
from tests.support.sensitive_project import NAME, make_reserve

from trapline.server.catalogue.actions import day_counts
from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext


@pytest.mark.parametrize("is_cached", [False, True])
async def test_the_summary_names_deployments_as_the_caller_sees_them(
    system: AppContext, monkeypatch: pytest.MonkeyPatch, *, is_cached: bool
) -> None:
    reserve = await make_reserve(system)
    if is_cached:
        monkeypatch.setattr(day_counts, "LONG_S", -1)
        monkeypatch.setattr(day_counts, "KEPT_FOR", 1e9)
    while await update_day_counts(system, Scope.system()):
        pass
    await reserve.restrict(viewer="0.1", reviewer="0.1")
    path = f"/summary?project={reserve.field.project}"
    for role in ("owner", "viewer", "manager", "reviewer"):
        found = await reserve.get(role, path)
        names = {one["deployment_id"]: one["name"] for one in found["deployments"]}
        is_exact = role in ("owner", "manager")
        assert names[reserve.open] == "Gate"
        assert (names[reserve.hidden] == NAME) == is_exact, role
        assert found["is_behind"] == (is_cached and role != "owner")
