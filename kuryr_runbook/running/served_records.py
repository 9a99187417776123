"""An extension of JupyterLab's server: it shows the records' pages to whom it shows notebooks.

They are served as they are on disk, and nothing can be written there: JupyterLab itself would put
checkpoints beside a record's files when somebody opens one. Pages get an origin of their own, so
whatever is in them cannot use JupyterLab.
"""

from __future__ import annotations

import os
from typing import Any

from kuryr_runbook.display.frontend import RECORDS_VARIABLE
from kuryr_runbook.recording.standing import INDEX, RUNS

PLACE = "kuryr-runbook/runs/"


def _load_jupyter_server_extension(server: Any) -> None:
    """Called by the server when it starts; kernels inherit the variable."""
    from jupyter_server.base.handlers import AuthenticatedFileHandler
    from jupyter_server.utils import url_path_join

    class Pages(AuthenticatedFileHandler):
        """The runs' files, for those who are logged in."""

        def check_xsrf_cookie(self) -> None:
            """Pass: nothing can be changed, and browsers log in only for whole pages.

            A page with an origin of its own is a stranger when it links to another one.
            """

    place = url_path_join(server.web_app.settings["base_url"], PLACE)
    served = {"path": str(RUNS.absolute()), "default_filename": INDEX}
    server.web_app.add_handlers(".*$", [(f"{place}(.*)", Pages, served)])
    os.environ[RECORDS_VARIABLE] = place
