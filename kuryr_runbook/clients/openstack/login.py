"""keystoneauth's login, kept from waiting for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def log_in_once(plugin: Any) -> None:
    """Have a keystoneauth plugin refuse a login that it would begin within its own login.

    It holds a lock while it logs in. On the way it asks Keystone for its versions, and when that is
    answered with 401 it asks again with a token, for which it has to log in: it would wait for the
    lock that it has (keystoneauth1 5.18, `discover.get_version_data`, `BaseIdentityPlugin`). Told
    that it may not, it takes the version from the end of auth_url, as for any other failure.
    """
    if hasattr(plugin, "get_access"):
        plugin.get_access = _not_within_itself(plugin.get_access)


def _not_within_itself(get_access: Callable[..., Any]) -> Callable[..., Any]:
    from keystoneauth1.exceptions import Unauthorized

    inside = threading.local()

    def guarded(session: Any, **options: Any) -> Any:
        if getattr(inside, "now", False):
            raise Unauthorized("Keystone answers 401 to the question for its versions")
        inside.now = True
        try:
            return get_access(session, **options)
        finally:
            inside.now = False

    return guarded
