# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A computer of its own for a test: systemd, on a copy of this one's files that vanishes with it.

Only systemd itself is started, none of the services that this computer has. All that is written goes to memory: the
root is an overlay, and /dev, /run and /tmp are new.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.system.support.namespaces import Namespace, script
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

_INSIDE = """#!/bin/bash
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t mqueue mqueue dev/mqueue
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
# The project may lie on another disk, or under what was just covered.
if [ ! -e ".$2/galaxy.yml" ]; then
    mkdir -p ".$2" "$1/upper-project" "$1/work-project"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper-project,workdir=$1/work-project" ".$2"
fi
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p run/systemd/system
# Nothing is started along with it: what cleans up or mounts at boot has no business here.
rm -rf usr/lib/systemd/system/*.target.wants etc/systemd/system/*.target.wants
printf '[Unit]\\nDefaultDependencies=no\\n' >run/systemd/system/alone.target
mkdir run/before
pivot_root . run/before
umount -l /run/before
exec /usr/bin/env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --system --unit=alone.target --log-target=console --show-status=no
"""
_PROJECT = Path(__file__).resolve().parents[3]
_SPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc")


class Computer:
    """A booted computer."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def run(
        self, *words: str, environment: Mapping[str, str] | None = None, check: bool = True, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as root; `given` is what it reads."""
        enter = ["nsenter", "--target", str(self._pid), *_SPACES, "--net", "--root", "--wd"]
        done = subprocess.run(
            [*enter, *words],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/root", **(environment or {})},
            input=given,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def write(self, path: str, text: str) -> None:
        """Write a file in it, where nothing of this computer's own /tmp and /run is seen."""
        self.run("tee", path, given=text)

    def says(self, *words: str) -> str:
        """Give what a command prints."""
        return self.run(*words).stdout.strip()


@contextlib.contextmanager
def booted(directory: Path, network: Namespace) -> Iterator[Computer]:
    """Boot a computer into a network for as long as the block lasts. Needs root and cgroups of the second version."""
    group = _own_group(f"{network.name}-booted")
    inside = script(directory / "boot", _INSIDE)
    place = directory / "computer"
    place.mkdir()
    into = f'echo $$ >{group}/cgroup.procs; exec "$@"'
    spaces = ["unshare", *_SPACES, "--fork", "--kill-child"]
    words = ["nsenter", f"--net=/run/netns/{network.name}", "sh", "-c", into, "sh", *spaces]
    words += [str(inside), str(place), str(_PROJECT)]
    with (directory / "boot.log").open("wb") as log:
        options = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        try:
            with started(words, limit_s=None, **options) as process:
                computer = Computer(_child_of(process, directory))
                _await_running(computer, directory)
                yield computer
        finally:
            _remove_group(group)


def _own_group(name: str) -> Path:
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    root = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    group = root / name
    group.mkdir(exist_ok=True)
    return group


def _remove_group(group: Path) -> None:
    until = time.monotonic() + 10
    for below in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        _remove(below, until)
    _remove(group, until)


def _remove(group: Path, until: float) -> None:
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _child_of(process: subprocess.Popen[str], directory: Path) -> int:
    until = time.monotonic() + 20
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < until and process.poll() is None:
        pids = children.read_text(encoding="utf-8").split()
        if pids and "systemd" in Path(f"/proc/{pids[0]}/comm").read_text(encoding="utf-8"):
            return int(pids[0])
        time.sleep(0.05)
    raise AssertionError(f"systemd did not start: {(directory / 'boot.log').read_text(encoding='utf-8')}")


def _await_running(computer: Computer, directory: Path) -> None:
    until = time.monotonic() + 20
    while "running" not in computer.run("systemctl", "is-system-running", check=False).stdout:
        assert time.monotonic() < until, (directory / "boot.log").read_text(encoding="utf-8")
        time.sleep(0.1)
