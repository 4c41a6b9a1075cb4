# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.files import write_whole


def test_a_file_is_written_with_its_directories_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "report"

    write_whole(str(path), "Grüße\n")

    assert path.read_bytes() == "Grüße\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["report"]


def test_a_file_is_for_its_owner_alone_even_where_an_older_one_was_not(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("older, and longer")
    path.chmod(0o644)

    write_whole(str(path), "new")

    assert path.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_disk_that_is_full_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(half: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device", str(half), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    (tmp_path / "report").write_text("older")

    with pytest.raises(BcmConfigError, match=f"^could not write the report to {tmp_path}/report: No space left"):
        write_whole(str(tmp_path / "report"), "new")

    assert [entry.read_text(encoding="utf-8") for entry in tmp_path.iterdir()] == ["older"]


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BcmConfigError, match=f"could not write the report to {tmp_path}/file/report: "):
        write_whole(str(tmp_path / "file" / "report"), "new")


def test_text_without_an_encoding_is_written_all_the_same(tmp_path: Path) -> None:
    write_whole(str(tmp_path / "report"), "be\ud800fore")

    assert (tmp_path / "report").read_text(encoding="utf-8") == "be\\ud800fore"
