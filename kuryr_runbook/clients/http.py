"""Plain HTTP from the machine that runs the runbook, without the environment's proxies."""

from __future__ import annotations

import requests

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import LONGEST_REASON, MALFORMED
from kuryr_runbook.clients.exchanges import exchange
from kuryr_runbook.clients.transport import web_session
from kuryr_runbook.model.errors import UnreachableError

MOST_CHARACTERS = 300


def get_text(address: str, port: int) -> str:
    """The text at `/`, at most 300 characters. Raises UnreachableError unless the status is 200."""
    url = f"http://{address}:{port}/"
    with web_session() as web:
        web.trust_env = False
        try:
            with exchange(url, bounds=exchanges.WORDS, remedy=f"check what answers at {url}"):
                answer = web.get(url, allow_redirects=False)
        except (requests.exceptions.RequestException, *MALFORMED) as error:
            reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
            raise UnreachableError(f"{url} does not answer: {reason}") from error
    if answer.status_code != requests.codes.ok:
        raise UnreachableError(f"{url} answers {answer.status_code}, not 200")
    return answer.text[:MOST_CHARACTERS]
