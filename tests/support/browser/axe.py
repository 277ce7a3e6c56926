"""axe-core in the page: the faults that WCAG 2.2 A and AA know, as one readable text."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page: Page) -> str:
    """Empty when axe finds nothing; else one line per fault with where it is."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _RULES}, "resultTypes": ["violations"]})
    return "\n".join(
        f"{fault['id']}: {fault['help']}: {node['html'][:160]} | {node['failureSummary'][:300]}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    )
