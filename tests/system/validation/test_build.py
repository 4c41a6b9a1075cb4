# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""build_validation_image.yml: what it builds, what it leaves as it is, and what it says where it can't."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import playbook_words
from ansible_collections.baremetal.bcm.tests.unit.child_process import run

_BUILDERS = {"apt-get", "mmdebstrap", "zstd", "depmod", "dpkg-deb"}


def build(directory: Path, place: Path, *options: str, path: str = "", **variables: Any) -> tuple[int, str]:
    """Run the playbook on this computer; its status and what it printed."""
    (directory / "tmp").mkdir(exist_ok=True)
    given = {"validation_image_directory": str(place), **variables}
    words, process = playbook_words(
        directory, given, *options, url="unused", token="unused", playbook="build_validation_image"
    )
    process["env"] = {**process["env"], "PATH": path or os.environ["PATH"], "TMPDIR": str(directory / "tmp")}
    done = run(words, limit_s=900, **process)
    return done.returncode, done.stdout + done.stderr


def test_a_computer_that_lacks_what_builds_it_is_told_the_packages_and_left_as_it_was(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for found in (*Path("/usr/bin").iterdir(), *Path("/usr/sbin").iterdir()):
        if found.name not in _BUILDERS and not (programs / found.name).exists():
            (programs / found.name).symlink_to(found)
    place = tmp_path / "place"

    status, printed = build(tmp_path, place, path=str(programs))

    assert status != 0
    assert "missing: apt-get install apt dpkg kmod mmdebstrap zstd" in printed
    assert not place.exists()
    assert not list((tmp_path / "tmp").glob("build-validation-image-*"))


def test_a_directory_that_is_not_absolute_is_refused(tmp_path: Path) -> None:
    status, printed = build(tmp_path, Path("image"))

    assert status != 0
    assert "takes a path from the root on" in printed


@pytest.mark.boots
class TestBuilt:
    """With an image that is there already."""

    @pytest.fixture
    @staticmethod
    def place(image: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(image.parent, tmp_path / "place"))

    @pytest.fixture
    @staticmethod
    def steps(tmp_path: Path) -> list[str]:
        (tmp_path / "steps").mkdir()
        (tmp_path / "steps/25-fabric").write_text("#!/bin/sh\n# summary: InfiniBand\n", encoding="utf-8")
        (tmp_path / "steps/packages.txt").write_text("infiniband-diags  # ibstat\n", encoding="utf-8")
        (tmp_path / "steps/modules.txt").write_text("mlx5_ib\nib_umad\n", encoding="utf-8")
        return [str(tmp_path / "steps")]

    def test_an_image_of_the_same_is_left_and_a_step_of_the_site_makes_another(
        self, place: Path, steps: list[str], tmp_path: Path
    ) -> None:
        before = {path.name: path.read_bytes() for path in (place / "image").iterdir()}
        status, again = build(tmp_path, place)
        assert (status, "changed=0" in again) == (0, True), again
        status, checked = build(tmp_path, place, "--check", validation_image_steps=steps)
        assert (status, "changed=1" in checked, "would be built" in checked) == (0, True, True), checked
        assert {path.name: path.read_bytes() for path in (place / "image").iterdir()} == before

        status, built = build(tmp_path, place, validation_image_steps=steps)
        assert (status, "changed=1" in built) == (0, True), built
        assert (place / "image/image-digest").read_bytes() != before["image-digest"]
        bill = json.loads((place / "image/bill-of-materials.json").read_text(encoding="utf-8"))
        assert "opt/validation/steps/25-fabric" in bill["files"]
        assert {"infiniband-diags", "libibumad3"} <= set(bill["packages"])
        found = run(
            ["sh", "-c", "zstd -dcq initrd | grep -aoE 'sbin/ibstat|/(mlx5_ib|ib_umad)[.]ko'"], cwd=place / "image"
        )
        assert {*found.stdout.split()} == {"sbin/ibstat", "/mlx5_ib.ko", "/ib_umad.ko"}
        sums = run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=place / "image")
        assert sums.returncode == 0, sums
