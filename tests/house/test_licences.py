"""Nothing that the extras server and worker install contains GPL code."""

from tests.house.licences import check, list_installed, open_installed, read_allowed


def test_each_distribution_of_the_server_and_the_worker_has_an_allowed_licence() -> None:
    """Metadata alone does not show it: a wheel may contain libraries under another licence."""
    allowed = read_allowed()
    names = list_installed()
    assert {"fastapi", "numpy", "onnxruntime", "pi-heif", "starlette"} <= set(names)
    assert not [problem for name in names for problem in check(open_installed(name), allowed).problems]


def test_each_exception_is_needed_and_has_a_reason() -> None:
    """An exception that is left behind would let the next version of a distribution pass unseen."""
    allowed = read_allowed()
    bare = {**allowed, "distributions": {}, "mentions": {}}
    for name in (*allowed["distributions"], *allowed["mentions"]):
        assert check(open_installed(name), bare).problems, name
    assert all(one["reason"] and one["licence"] for one in allowed["distributions"].values())
    assert all(allowed["mentions"].values())
