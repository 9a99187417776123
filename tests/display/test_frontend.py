"""Who may be asked: only a kernel of the JupyterLab that the runbook started."""

from __future__ import annotations

import pytest

from kuryr_runbook.display import frontend
from kuryr_runbook.display.frontend import PARENT, VARIABLE, is_interactive


@pytest.mark.parametrize(
    ("notebook", "jupyterlab", "parent", "expected"),
    [
        (True, "100", "100", True),
        (True, "100", "200", False),
        (True, None, "100", False),
        (True, None, None, False),
        (False, "100", "100", False),
    ],
    ids=["its kernel", "a headless run in there", "another JupyterLab", "a shell", "a command"],
)
def test_who_may_be_asked(
    monkeypatch: pytest.MonkeyPatch,
    notebook: bool,
    jupyterlab: str | None,
    parent: str | None,
    expected: bool,
) -> None:
    monkeypatch.setattr(frontend, "in_notebook", lambda: notebook)
    for name, value in ((VARIABLE, jupyterlab), (PARENT, parent)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert is_interactive() is expected
