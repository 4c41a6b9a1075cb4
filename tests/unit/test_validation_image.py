# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builder of the validation image, as far as it needs no Debian package."""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parents[2] / "validation_image"


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_validation_image", HERE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(*members: tuple[str, bytes, bytes]) -> io.BytesIO:
    """Make an archive of members with a name, a type and a content or target, each with another time and owner."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for number, (name, kind, content) in enumerate(members):
            member = tarfile.TarInfo(name)
            member.type, member.mtime, member.uid, member.mode = kind, number, number, 0o755
            if kind == tarfile.REGTYPE:
                member.size = len(content)
            else:
                member.linkname = content.decode()
            tar.addfile(member, io.BytesIO(content))
    return io.BytesIO(archive.getvalue())


def test_what_lies_in_bin_and_lib_is_merged_into_usr(builder: ModuleType) -> None:
    members = tree(
        ("./bin", tarfile.DIRTYPE, b""),
        ("./bin/tool", tarfile.REGTYPE, b"tool"),
        ("./usr/lib/thing", tarfile.REGTYPE, b"thing"),
        ("./lib/link", tarfile.SYMTYPE, b"thing"),
        ("./usr/bin/same", tarfile.LNKTYPE, b"./bin/tool"),
        ("./usr/share/doc/page", tarfile.REGTYPE, b"page"),
    )
    found = builder.from_tar(members, ["usr/share/doc/*"])

    assert {path: entry.content for path, entry in found.items()} == {
        "usr/bin/tool": b"tool",
        "usr/lib/thing": b"thing",
        "usr/lib/link": b"thing",
        "usr/bin/same": b"tool",
    }


def test_firmware_that_a_site_s_packages_bring_lies_where_the_kernel_looks(builder: ModuleType) -> None:
    members = tree(("./lib/firmware/bnx2x/bnx2x-e2.fw", tarfile.REGTYPE, b"code"))
    found = builder.from_tar(members, builder.read_list(HERE / "left_out.txt"))

    assert set(found) == {"usr/lib/firmware/bnx2x/bnx2x-e2.fw"}
    assert builder.own_files([])["lib"].content == b"usr/lib"


def test_no_card_is_promised_whose_driver_needs_firmware_that_debian_keeps_apart(builder: ModuleType) -> None:
    modules = set(builder.read_list(HERE / "modules.txt"))

    assert not {"bnx2x", "qed", "qede"} & modules
    assert {"nvme", "vmd"} <= modules


def test_the_archive_depends_on_nothing_but_the_entries(builder: ModuleType) -> None:
    entries = [builder.Entry("b", 0o100644, b"two"), builder.Entry("a", 0o120777, b"b"), builder.Entry("d", 0o040755)]
    archives = [io.BytesIO(), io.BytesIO()]
    builder.write_cpio(entries, archives[0])
    builder.write_cpio(reversed(entries), archives[1])

    assert archives[0].getvalue() == archives[1].getvalue()


@pytest.mark.skipif(shutil.which("cpio") is None, reason="needs cpio")
def test_cpio_unpacks_the_archive(builder: ModuleType, tmp_path: Path) -> None:
    archive = io.BytesIO()
    entries = {"etc/name": builder.Entry("etc/name", 0o100600, b"odd"), "run": builder.Entry("run", 0o040755)}
    builder.write_cpio(builder.complete(entries), archive)
    subprocess.run(["cpio", "-idm", "--quiet"], input=archive.getvalue(), cwd=tmp_path, check=True, timeout=60)

    assert (tmp_path / "etc/name").read_bytes() == b"odd"
    assert (tmp_path / "etc/name").stat().st_mtime == builder.EPOCH
    assert (tmp_path / "run").is_dir()


def test_the_image_has_the_agent_the_steps_and_those_of_a_site(builder: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "25-gpu").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "README").write_text("", encoding="utf-8")
    found = builder.own_files([tmp_path])
    steps = sorted(path.rpartition("/")[2] for path in found if path.startswith("opt/validation/steps/"))

    assert steps == ["01-init", "02-memory", "03-disk", "04-lldp", "05-report", "25-gpu"]
    assert "opt/validation/validation/agent/__main__.py" in found


def test_a_step_with_a_wrong_name_ends_the_build_and_is_not_left_out(builder: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "50-My_gpu").write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(builder.BuildError, match="50-My_gpu is no name of a step"):
        builder.own_files([tmp_path])


def test_init_runs_by_the_image_s_own_shell(builder: ModuleType) -> None:
    found = builder.own_files([])

    assert found["init"].content.startswith(b"#!/bin/busybox sh\n# SPDX")
    assert found["init"].mode == 0o100755


def test_nobody_can_log_in(builder: ModuleType) -> None:
    found = builder.own_files([])
    accounts = [line.split(":") for line in found["etc/passwd"].content.decode().splitlines()]

    assert {account[1] for account in accounts} == {"*"}
    assert {account[6] for account in accounts} == {"/bin/false"}
    listed = "\n".join(builder.read_list(HERE / "packages.txt"))
    assert not re.search("openssh|dropbear|telnet|login", listed)


def test_a_program_that_is_missing_is_told_with_its_package(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(builder.BuildError, match="apt-get install apt dpkg kmod mmdebstrap zstd"):
        builder.build(tmp_path / "out", [], None)


class Apt:
    """A computer whose sources have these versions."""

    def __init__(self, **versions: str) -> None:
        self.versions = {"python3": "3.11", "linux-image-6.1": "6.1", **versions}

    def resolve(self, _names: list[str]) -> dict[str, str]:
        return self.versions


def test_the_digest_changes_with_what_the_image_is_made_of_and_with_nothing_else(
    builder: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "25-gpu").write_text("#!/bin/sh\n", encoding="utf-8")

    def digest(steps: list[Path], **versions: str) -> str:
        return str(builder.read_inputs(Apt(**versions), steps, None).key)

    plain = digest([])
    assert digest([]) == plain
    assert len({plain, digest([tmp_path]), digest([], python3="3.12")}) == 3


def test_the_image_holds_the_digest_that_lies_beside_it(builder: ModuleType, tmp_path: Path) -> None:
    inputs = builder.read_inputs(Apt(), [], None)
    entry = inputs.own["opt/validation/image-digest"]

    assert entry.content.decode().strip() == inputs.key
    assert b"--image-digest-file /opt/validation/image-digest" in inputs.own["init"].content
    assert not builder.is_built(tmp_path, inputs.key)
    (tmp_path / "image").mkdir()
    (tmp_path / "image/image-digest").write_bytes(entry.content)
    assert builder.is_built(tmp_path, inputs.key)
