"""How JupyterLab starts kernels for us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class KernelsHere(AsyncMappingKernelManager):
    """Kernels work in the directory from which JupyterLab was called, as those of runs do.

    So the relative paths of a site file name the same files everywhere.
    """

    def cwd_for_path(self, path: str, **_: Any) -> str:
        """The same for every notebook."""
        return str(Path.cwd())
