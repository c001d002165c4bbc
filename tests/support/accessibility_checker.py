"""Check the accessibility of a page with axe-core."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
# Ariakit's spans before and after a menu forward the focus immediately, so it never stays on one of
# them.
_RUN = """async () => {
  const found = await axe.run({ exclude: [['span[data-focus-trap]']] },
      { resultTypes: ['violations'] })
  const listChecks = (node) => [...node.any, ...node.all, ...node.none]
  const say = (node) => ({
    where: node.target.join(' '),
    html: node.html.slice(0, 200),
    why: listChecks(node).map((check) => check.message).join('; '),
  })
  return found.violations.flatMap(
    ({ id, impact, nodes }) => nodes.map((node) => ({ id, impact, ...say(node) })))
}"""


def read_axe() -> str:
    """Axe's own code; without the page's packages the test is skipped, or fails where CI is set."""
    if not SOURCE.exists():
        words = "axe-core is not there: the page was not checked (make web)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return SOURCE.read_text(encoding="utf-8")


def find_barriers(page: Page, axe: str) -> list[str]:
    """Every serious or critical finding on the page as it is now: rule, place and reason."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [
        f"{one['id']} ({one['impact']}) at {one['where']}: {one['why']}\n    {one['html']}"
        for one in found
        if one["impact"] in GRAVE
    ]
