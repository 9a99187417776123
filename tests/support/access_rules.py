"""Access rules as keystonemiddleware compares them with requests (auth_token, `_path_matches`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kuryr_runbook.specs.access_rules import AccessRule

PARTS = re.compile(r"\*\*|\*|[^*]+")
MEANING = {"**": ".*", "*": "[^/]+"}


def permits(rules: Iterable[AccessRule], service: str, method: str, path: str) -> bool:
    """Whether a service of that type takes a request; the path is without the query."""
    return any(
        (rule.service, rule.method) == (service, method) and _pattern(rule.path).fullmatch(path)
        for rule in rules
    )


def _pattern(path: str) -> re.Pattern[str]:
    """Text is not escaped there, so that a dot is any character."""
    return re.compile("".join(MEANING.get(part, part) for part in PARTS.findall(path)))
