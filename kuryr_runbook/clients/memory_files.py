"""Files that exist only in memory, and disappear with the process.

For secrets that a library only accepts as a file: the key of a client's certificate would otherwise
stay in a temporary directory when the process is killed.
"""

from __future__ import annotations

import os

_descriptors: dict[bytes, int] = {}
"""One file for each content; kept open, since the library reads it again for each connection."""


def memory_path(content: bytes | str) -> str:
    """A path to the content, for this process and as long as it lives."""
    data = content.encode() if isinstance(content, str) else content
    if data not in _descriptors:
        descriptor = os.memfd_create("kuryr-runbook-login")
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        _descriptors[data] = descriptor
    return f"/proc/self/fd/{_descriptors[data]}"
