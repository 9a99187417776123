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

WHEELS = {
    "1.0.1": "ef38acfbd7ef2aecf4bb7faf64b895a23ab94cd39e848a595a2aa7f430ecd48f",
    "1.1.2": "065d484b931ddffe5edb7a69e673f532c7d4fd8406c9a790afb9414acfbf2de7",
    "2.1.0": "c05c68c10498f765f70a10e63b658700025c838849e6534aab5ac329e4e22a4e",
    "3.1.0": "9a27a3c2e53c05f70f5976b10c76f5fa31e51887e2765e08ea94a27573c7813b",
    "4.0.1": "9cfae179c7bcdaaf73b331d7fc1aac2672f4267cad8d354735e3069b1a26cade",
    "5.0.0": "525530c638bea372e5c1ceadd53ddc7cc2eb39c673b0c5b5166e3dfdd527c7af",
    "6.0.1": "1cdada5cc8ac796e2cadb767a7817894b6d8d3383cfc3c0b6c95c1fe8c4c2e43",
    "7.0.0": "db552fa44ee0911ba5d4047bfcce2012ffa3baae8a082d5e4cd9c5e3b17f1732",
    "8.0.0": "11c1733b48f40132554f7aac5024c140b74704fc36cb35a8e92df47c0216ad09",
    "9.0.0": "fce04074608d28c5925dcf45d25eb164f91f2f00124916dfba139ae747c4e313",
    "10.0.0": "bf189ea59adb79bc03ae294dd24f932b475931b2801a06fd0519f9d832f0f260",
}
"""Version of kuryr-kubernetes to the SHA-256 of its wheel."""

DEBIAN = "docker.io/library/debian:bookworm-slim"

MODERN = ConstraintSet(
    file="constraints/modern.txt",
    build_file="constraints/build-3.11.txt",
    python="3.11",
    base_image=DEBIAN,
)
"""The newest versions with which the releases run: one set for all."""


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
"""Releases with a historic set: upstream's constraints of `pins` on a Python of the release, and
the newest versions of all else that suit both."""


def image_inputs(name: str, version: str) -> ImageInputs:
    """What the image of that version of a release is made of."""
    sets = {ConstraintsName.MODERN: MODERN}
    if name in HISTORIC_PYTHONS:
        python = HISTORIC_PYTHONS[name]
        official = f"docker.io/library/python:{python}-slim-bullseye"
        sets[ConstraintsName.HISTORIC] = ConstraintSet(
            file=f"constraints/historic-{name}.txt",
            build_file=f"constraints/build-{python}.txt",
            python=python,
            base_image=DEBIAN if python == MODERN.python else official,
        )
    return ImageInputs(constraint_sets=sets, wheel_sha256=WHEELS[version])
