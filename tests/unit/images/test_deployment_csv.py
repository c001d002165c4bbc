"""The CSV sheet of deployments: its largest file, and the time that it takes."""

from datetime import datetime
from typing import Any

from tests.support.deployment_values import FULL

from trapline.server.images.formats.deployment_csv import (
    MOST_BYTES,
    MOST_ROWS,
    parse_csv,
    render_csv,
)
from trapline.wire.deployments import NewDeployment, load_time_zones

TIMES = ("started_at", "ended_at")


def test_the_largest_sheet_can_be_imported() -> None:
    rows: list[dict[str, Any]] = [
        FULL
        | {name: datetime.fromisoformat(FULL[name]) for name in TIMES}
        | {"name": f"Kaltenbach ford {number}"}
        for number in range(MOST_ROWS)
    ]
    content = render_csv(rows).encode()
    assert len(content) < MOST_BYTES
    sheet = parse_csv(content)
    assert sheet.errors == []
    read = [
        NewDeployment.model_validate({"project": 1, **values}).model_dump(exclude={"project"})
        for values in sheet.rows.values()
    ]
    expected = NewDeployment.model_validate({"project": 1, **FULL}).model_dump(exclude={"project"})
    assert [one | {"name": FULL["name"]} for one in read] == [expected] * MOST_ROWS
    assert [one["name"] for one in read] == [row["name"] for row in rows]


def test_time_zones_are_loaded_once() -> None:
    """A lookup of 13 ms for each of 50,000 rows would take eleven minutes."""
    assert load_time_zones() is load_time_zones()
    assert "Europe/Berlin" in load_time_zones()
