"""Prevents a deadlock in keystoneauth's login."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def log_in_once(plugin: Any) -> None:
    """Make a keystoneauth plugin refuse a login that it starts within its own login.

    It holds a lock while it logs in, and requests Keystone's versions meanwhile. If the answer to
    that is 401, it repeats the request with a token, for which it has to log in, so it would wait
    for its own lock (keystoneauth1 5.18, `discover.get_version_data`, `BaseIdentityPlugin`). If the
    second login fails, it takes the version from the end of auth_url, as after any other failure.
    """
    if hasattr(plugin, "get_access"):
        plugin.get_access = _not_within_itself(plugin.get_access)


def _not_within_itself(get_access: Callable[..., Any]) -> Callable[..., Any]:
    from keystoneauth1.exceptions import Unauthorized

    inside = threading.local()

    def guarded(session: Any, **options: Any) -> Any:
        if getattr(inside, "now", False):
            raise Unauthorized("Keystone answers 401 to a request for its versions")
        inside.now = True
        try:
            return get_access(session, **options)
        finally:
            inside.now = False

    return guarded
