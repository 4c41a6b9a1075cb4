# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that servers boot, built for real."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import build_image

pytestmark = pytest.mark.boots
MOST_BYTES = 85 * 10**6


def digests(directory: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


def test_two_builds_are_the_same_to_the_bit(image: Path, tmp_path: Path) -> None:
    again = build_image(tmp_path)

    assert digests(again) == digests(image)
    assert {"vmlinuz", "initrd", "bill-of-materials.json", "SHA256SUMS"} <= set(digests(image))


def test_it_is_small_enough_to_be_loaded_by_many(image: Path) -> None:
    assert (image / "initrd").stat().st_size + (image / "vmlinuz").stat().st_size <= MOST_BYTES
