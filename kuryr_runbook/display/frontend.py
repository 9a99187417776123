"""Whether somebody looks who can answer: a person in the JupyterLab that the runbook started."""

from __future__ import annotations

import os
import sys

VARIABLE = "KURYR_RUNBOOK_JUPYTERLAB"
"""The process of the JupyterLab whose kernels may show widgets."""
PARENT = "JPY_PARENT_PID"
"""Names the process that started a kernel; each kernel has it from jupyter_client."""


def in_notebook() -> bool:
    """Whether rich output reaches a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def is_interactive() -> bool:
    """Whether this is a kernel of that JupyterLab.

    A headless run inherits the variable when it is started in there, but its kernels have another
    parent: so it shows no widget, and waits for nobody.
    """
    jupyterlab = os.environ.get(VARIABLE)
    return in_notebook() and bool(jupyterlab) and jupyterlab == os.environ.get(PARENT)
