"""The inputs of the releases' images and CNI plugins."""

from __future__ import annotations

from kuryr_runbook.model.releases.parts import (
    CniPlugin,
    ConstraintSet,
    ConstraintsName,
    GoBuild,
    ImageInputs,
)

GO_PLUGIN_ASKS = "127.0.0.1:5036"
"""localhost:5036 in the plugin's source, the same in all releases."""

SDISTS = {
    "1.1.2": "38d526a926d6e8264ab11137b351f07237b8acb0e20459e0203fc235ec02c38f",
    "2.1.0": "ee1826d5646dd887cf9aa4f4fc7f5fb85aad413362c20084ed1b8264560f07da",
    "3.1.0": "db19e3dcb63f9db5d3ed88ebc2c5fc2bcaafbd1949299dfdeb3cbb20013a6f22",
    "4.0.1": "fa69f13607068320e6058102327f65a6f06060e7accbab03a19ac3b7fbe69e36",
    "5.0.0": "1a3be061a9970f26018b0c054481847f40640afd0a391614e22db3155c8e9533",
    "6.0.1": "4c9acb3cd3a274cd8ea30566b75a516dee66b1c873e5cdf084503be8a70a0dc5",
    "7.0.0": "97915fe0f6d3c1fdc2dcdc1178bf8c37191b80be142672445c5f1df62a37e112",
    "8.0.0": "213b5343d43b4a2ab9e219f4bb1a25bb384520b6516964f20621e2e7c4f39520",
    "9.0.0": "d86117c205250cb5f6eb5bda8e3da9fd2617fef483ede2002024f7e9017f3e78",
    "10.0.0": "b0b140038afc177291a07c456027917c681036ae5169cef033c41211e7218dfb",
}
"""Version to SHA-256 of the source distributions with a Go plugin."""

DEBIAN = "docker.io/library/debian:bookworm-slim"

MODERN = ConstraintSet(file="constraints/modern.txt", python="3.11", base_image=DEBIAN)
"""The versions of 2024.1, the last release: every release runs with them."""


def go_plugin(version: str, build: GoBuild) -> CniPlugin:
    """The Go plugin from the source distribution of that version."""
    return CniPlugin(
        built_from=version,
        sdist_sha256=SDISTS[version],
        build=build,
        daemon_address=GO_PLUGIN_ASKS,
    )


HISTORIC_PYTHONS = {
    "stein": "3.6",
    "train": "3.6",
    "ussuri": "3.8",
    "victoria": "3.8",
    "wallaby": "3.8",
    "yoga": "3.9",
    "zed": "3.9",
    "2023.1": "3.9",
    "2023.2": "3.10",
    "2024.1": "3.11",
}
"""Releases with a historic set: what PyPI had on the day of the release's last version, with
upstream's constraints of `pins`, and a protobuf that accepts the release's generated code."""


def image_inputs(name: str, *unnamed: str) -> ImageInputs:
    """The inputs of a release's image; `unnamed`: what it imports but does not require."""
    sets = {ConstraintsName.MODERN: MODERN}
    if name in HISTORIC_PYTHONS:
        python = HISTORIC_PYTHONS[name]
        official = f"docker.io/library/python:{python}-slim-bullseye"
        sets[ConstraintsName.HISTORIC] = ConstraintSet(
            file=f"constraints/historic-{name}.txt",
            python=python,
            base_image=DEBIAN if python == MODERN.python else official,
        )
    return ImageInputs(constraint_sets=sets, unnamed_requirements=unnamed)
