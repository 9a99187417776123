"""Run inside the image: writes a list of what is installed to /out/inventory.json.

Written for Python 3.6, which the image may have.
"""

import json
import subprocess
from typing import Any, Iterator, List

DPKG = ["dpkg-query", "--show", "--showformat", "${Package}\t${Version}\t${Architecture}\n"]


def python_packages() -> Iterator[List[Any]]:
    """Name, version and licence of each package."""
    try:
        from importlib import metadata
    except ImportError:
        import pkg_resources

        for found in pkg_resources.working_set:
            yield [found.project_name, found.version, ""]
    else:
        for item in metadata.distributions():
            licence = (item.metadata["License"] or "").strip().splitlines()
            yield [item.metadata["Name"], item.version, licence[0] if len(licence) == 1 else ""]


found = {
    "python": sorted(python_packages()),
    "debian": sorted(
        line.split("\t") for line in subprocess.check_output(DPKG).decode().splitlines()
    ),
}
with open("/out/inventory.json", "w") as file:
    json.dump(found, file)
