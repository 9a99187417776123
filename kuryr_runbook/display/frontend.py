"""Whether there is somebody to ask: a person in the JupyterLab that the runbook started."""

from __future__ import annotations

import os
import sys

VARIABLE = "KURYR_RUNBOOK_JUPYTERLAB"
"""Environment variable with the process id of the JupyterLab whose kernels may show widgets."""
RECORDS_VARIABLE = "KURYR_RUNBOOK_RECORDS_URL"
"""Environment variable with the path at which that JupyterLab's server shows the runs."""
PARENT = "JPY_PARENT_PID"
"""Process id of whatever started a kernel; jupyter_client sets it for each kernel."""


def in_notebook() -> bool:
    """Whether rich output reaches a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def is_interactive() -> bool:
    """Whether this is a kernel of that JupyterLab.

    A headless run that is started from inside it inherits the variable, but its kernels have
    another parent: they show no widgets, and wait for nobody.
    """
    jupyterlab = os.environ.get(VARIABLE)
    return in_notebook() and bool(jupyterlab) and jupyterlab == os.environ.get(PARENT)
