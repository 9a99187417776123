"""With which images the nodes are probed: there has to be a shell in one that each node can get."""

from __future__ import annotations

import re
from collections.abc import Collection

SHELLS = tuple(
    re.compile(rf"(^|[/-])({names})(:|$)")
    for names in (
        "busybox|alpine|debian|ubuntu",
        "kuryr|python|nginx|agnhost|netshoot|toolbox",
        "centos|fedora|rockylinux|almalinux|node|flannel|cilium",
    )
)
"""Names of images that have one, the surest first."""


def image_with_shell(images: Collection[str], preferred: Collection[str] = ()) -> str:
    """Of a node's images, one that surely or probably has a shell; empty: there is none.

    `preferred` are images that do.
    """
    tagged = sorted(name for name in images if "@" not in name)
    for name in preferred:
        if name in images:
            return name
    return next((name for it in SHELLS for name in tagged if it.search(name)), "")
