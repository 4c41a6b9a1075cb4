# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that is offered: its digest, and what becomes of one that was changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server import image as image_module
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.image import Image, ImageError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings

DIGEST = "ab" * 32


@pytest.fixture(name="built")
def _built(tmp_path: Path) -> Path:
    """An image as the builder leaves it."""
    files = {"vmlinuz": b"kernel", "initrd": b"image", "image-digest": f"{DIGEST}\n".encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    (tmp_path / "SHA256SUMS").write_text("".join(sums), encoding="ascii")
    return tmp_path


def image_of(directory: Path | str, **settings: Any) -> Image:
    return Image(Settings(url="http://192.0.2.1", data_directory="/x", image_directory=str(directory), **settings))


def test_the_digest_is_the_one_beside_the_image_unless_the_settings_have_one(built: Path) -> None:
    assert image_of(built).digest() == DIGEST
    assert image_of(built, image_digest="cd" * 32).digest() == "cd" * 32
    assert image_of("", image_digest="cd" * 32).digest() == "cd" * 32


def test_an_image_of_a_site_s_own_without_digest_and_sums_has_none(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(b"image")

    assert image_of(tmp_path).digest() == ""


@pytest.mark.parametrize("name", ["vmlinuz", "initrd", "image-digest"])
def test_a_file_that_was_changed_after_the_image_was_built_is_found(built: Path, name: str) -> None:
    image = image_of(built)
    assert image.digest() == DIGEST
    (built / name).write_bytes((built / name).read_bytes() + b"x")

    for _time in range(2):
        with pytest.raises(ImageError, match=f"{name} is not what SHA256SUMS"):
            image.digest()


def test_a_file_that_is_gone_is_found_and_one_that_is_there_again_is_taken(built: Path) -> None:
    image = image_of(built)
    (built / "initrd").rename(built / "away")
    with pytest.raises(ImageError, match="can't be read"):
        image.digest()
    (built / "away").rename(built / "initrd")

    assert image.digest() == DIGEST


def test_files_are_read_once_until_they_change(built: Path) -> None:
    image = image_of(built)
    with mock.patch.object(image_module, "_sha256", wraps=image_module._sha256) as reading:
        assert [image.digest() for _time in range(5)] == [DIGEST] * 5
        assert reading.call_count == 3
        os.utime(built / "initrd", (1, 1))
        image.digest()
        assert reading.call_count == 6
