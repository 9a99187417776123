"""Files that lie in memory, have no name on a disk, and are gone with the process.

For what a library wants as a file and nobody else may find: the key of a client's certificate
would otherwise stay in a temporary directory when the process is killed.
"""

from __future__ import annotations

import os

_descriptors: dict[bytes, int] = {}
"""One file for each content; kept open, as the library reads it again with each connection."""


def memory_path(content: bytes | str) -> str:
    """A path under which this process, and nobody after it, reads the content."""
    data = content.encode() if isinstance(content, str) else content
    if data not in _descriptors:
        descriptor = os.memfd_create("kuryr-runbook-login")
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        _descriptors[data] = descriptor
    return f"/proc/self/fd/{_descriptors[data]}"
