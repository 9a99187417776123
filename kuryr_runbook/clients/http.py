"""Plain HTTP from where the runbook runs, past any proxy of the environment."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

from kuryr_runbook.model.errors import UnreachableError


def get_text(address: str, port: int, *, seconds: float) -> str:
    """What stands at `/`, at most 300 characters. Raises UnreachableError for all but a 200."""
    connection = HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        text = response.read(300).decode(errors="replace")
    except (OSError, HTTPException) as error:
        raise UnreachableError(
            f"http://{address}:{port}/ does not answer: {type(error).__name__}: {error}"
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise UnreachableError(f"http://{address}:{port}/ answers {response.status}, not 200")
    return text
