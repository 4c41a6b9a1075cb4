# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Firmware: what is to be updated, in which order, and what an update under way needs next. Pure.

A version that is read back is the only proof (Ironic's way): tasks and jobs may be gone after a restart of the BMC, or
say that they are done when the image only waits for a boot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from .._values.word import Word
from .adapters import version_key
from .errors import RedfishConfigError

BMC, BIOS = "bmc", "bios"
_ORDER = {BMC: 0, BIOS: 1}
_HEX = set("0123456789abcdef")
# How long a BMC may be away after its own update began, and how long a version may take to follow the task's end.
AWAY_S = 600.0


@dataclass(frozen=True)
class Wanted:
    """A version that is wanted: that one, or with `is_least` that or a newer one."""

    version: str
    is_least: bool

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{'>=' if self.is_least else '=='}{self.version}"

    def is_met_by(self, version: str) -> bool:
        """Return whether a version is what is wanted."""
        seen, wanted = version_key(version), version_key(self.version)
        return bool(seen) and (seen >= wanted if self.is_least else seen == wanted)


@dataclass(frozen=True)
class Image:
    """A file or URL that brings one component to what is wanted, on servers of these types, of all without any."""

    component: str
    wanted: Wanted
    file: str = ""
    url: str = ""
    sha256: str = ""
    device_types: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Return where it comes from."""
        return self.file or self.url


@dataclass(frozen=True)
class Update:
    """One component to be updated. All but the BMC may need the server's boot."""

    image: Image
    before: str

    @property
    def needs_boot(self) -> bool:
        """Return whether the server may have to boot for it."""
        return self.image.component != BMC

    def to_ansible(self) -> dict[str, Any]:
        """Return the update as the module returns it."""
        return {
            "component": self.image.component,
            "before": self.before,
            "wanted": str(self.image.wanted),
            "image": self.image.source,
            "disruption": "reboot" if self.needs_boot else "restarts the BMC",
        }


@dataclass(frozen=True)
class FirmwarePlan:
    """What is to be updated on one server, in order; `left` says by component why something is not."""

    updates: tuple[Update, ...]
    left: Mapping[str, str]


def wanted_of(text: str, component: str) -> Wanted:
    """Read what the user wants, such as >=2.19 or ==2.19.1. Raises RedfishConfigError."""
    sign, version = text.strip()[:2], text.strip()[2:].strip()
    if sign not in (">=", "==") or not version_key(version):
        raise RedfishConfigError(f'version of {component} must be like ">=2.19" or "==2.19.1", not {text!r}')
    return Wanted(version, sign == ">=")


def image_of(given: Mapping[str, Any]) -> Image:
    """Read one entry of the option `firmware`. Raises RedfishConfigError."""
    component = given["component"].strip()
    lower = component.lower()
    sha256 = given["sha256"].strip().lower()
    if len(sha256) != 64 or set(sha256) - _HEX:
        raise RedfishConfigError(f"sha256 of the image for {component} must be 64 hexadecimal digits")
    if bool(given["file"]) == bool(given["url"]):
        raise RedfishConfigError(f"the image for {component} needs file or url, one of them")
    if given["url"] and not _is_plain(given["url"]):
        # The url is not named: it may hold a password.
        raise RedfishConfigError(
            f"url of the image for {component} must be like https://files.example.com/bios.bin, without account"
        )
    return Image(
        component=lower if lower in _ORDER else component,
        wanted=wanted_of(given["version"], component),
        file=given["file"] or "",
        url=given["url"] or "",
        sha256=sha256,
        device_types=tuple(given["device_types"] or ()),
        targets=tuple(given["targets"] or ()),
    )


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def images_for(images: Iterable[Image], device_type: str) -> list[Image]:
    """Return the images for one type of server, in the order in which they are used: BMC, BIOS, others.

    Raises RedfishConfigError where two are for the same component.
    """
    fitting = [each for each in images if not each.device_types or device_type in each.device_types]
    names = [each.component for each in fitting]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise RedfishConfigError(f"firmware has several images for {doubled} of device type {device_type or 'unknown'}")
    return sorted(fitting, key=lambda each: _ORDER.get(each.component, len(_ORDER)))


def plan_firmware(
    images: Iterable[Image], versions: Mapping[str, str], *, allow_downgrade: bool = False, reboot_refused: str = ""
) -> FirmwarePlan:
    """Return what is to be updated; `versions` are those there, by component, without those that were not found.

    With `reboot_refused`, the reason, nothing that takes effect at a boot.
    """
    updates: list[Update] = []
    left: dict[str, str] = {}
    for image in images:
        version = versions.get(image.component)
        if version is None:
            left[image.component] = "the BMC shows no firmware of that name"
        elif image.wanted.is_met_by(version):
            continue
        elif version_key(version) > version_key(image.wanted.version) and not allow_downgrade:
            left[image.component] = f"it has {version}, which is newer than {image.wanted}: allow_downgrade"
        elif image.component != BMC and reboot_refused:
            left[image.component] = reboot_refused
        else:
            updates.append(Update(image, version))
    return FirmwarePlan(tuple(updates), left)


class TaskKind(Word):
    """What a task or a job says of itself."""

    RUNNING = "running"
    WAITING = "waiting"  # for a boot
    DONE = "done"  # or there is none, or none any more
    FAILED = "failed"


_TASK_KINDS = {
    TaskKind.WAITING: ("Pending", "Suspended", "Scheduled", "RebootPending"),
    TaskKind.DONE: ("Completed", "CompletedWithWarnings", "RebootCompleted"),
    TaskKind.FAILED: (
        *("Exception", "Killed", "Cancelled", "Interrupted"),
        *("Failed", "RebootFailed", "CompletedWithErrors"),
    ),
}


def kind_of(state: str) -> TaskKind:
    """Return what a TaskState, or a JobState of Dell's, means; of an unknown one that it has not ended."""
    if not state:
        return TaskKind.DONE
    return next((kind for kind, states in _TASK_KINDS.items() if state in states), TaskKind.RUNNING)


@dataclass(frozen=True)
class Seen:
    """What was seen at one look; `version` is None where the BMC did not answer."""

    version: str | None
    task: TaskKind = TaskKind.DONE
    message: str = ""


class Next(Word):
    """What an update needs next."""

    WAIT = "wait"
    REBOOT = "reboot"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Watch:
    """An update under way: since when, and since when the BMC is away, the task has ended, the server boots."""

    update: Update
    begun_s: float
    timeout_s: float = 3600.0
    reboot_timeout_s: float = 1800.0
    away_since_s: float | None = None
    ended_s: float | None = None
    rebooted_s: float | None = None


def look(watch: Watch, seen: Seen, now_s: float) -> tuple[Watch, Next, str]:
    """Return the watch after one look, what is needed next, and of a failure why."""
    if seen.version is None:
        since_s = now_s if watch.away_since_s is None else watch.away_since_s
        watch = replace(watch, away_since_s=since_s)
        if now_s - since_s >= AWAY_S:
            return watch, Next.FAILED, f"the BMC has not answered for {AWAY_S:g} s; its version is unknown"
        return watch, Next.WAIT, ""
    watch = replace(watch, away_since_s=None)
    if seen.task is TaskKind.DONE and watch.ended_s is None:
        watch = replace(watch, ended_s=now_s)
    verdict, why = _judge(watch, seen, now_s)
    if verdict is Next.REBOOT:
        watch = replace(watch, rebooted_s=now_s)
    return watch, verdict, why


def _judge(watch: Watch, seen: Seen, now_s: float) -> tuple[Next, str]:
    update, version = watch.update, seen.version or ""
    is_over = now_s - watch.begun_s >= watch.timeout_s
    if update.image.wanted.is_met_by(version):
        # A task that still runs would refuse the next update.
        return (Next.WAIT if seen.task is TaskKind.RUNNING and not is_over else Next.DONE), ""
    still = f"{update.before} is there still" if version == update.before else f"it has {version} now"
    if seen.task is TaskKind.FAILED:
        return Next.FAILED, f"{seen.message or 'the BMC says that it failed'}; {still}"
    if version != update.before and seen.task is TaskKind.DONE:
        return Next.FAILED, f"{still}, which is not {update.image.wanted}: is it the right image?"
    if seen.task is TaskKind.RUNNING:
        return (Next.FAILED if is_over else Next.WAIT), f"it was not done within {watch.timeout_s:g} s; {still}"
    if update.needs_boot:
        return _judge_boot(watch, still, now_s)
    since_s = watch.begun_s if watch.ended_s is None else watch.ended_s
    return (Next.FAILED if now_s - since_s >= AWAY_S else Next.WAIT), f"the update ended, and {still}"


def _judge_boot(watch: Watch, still: str, now_s: float) -> tuple[Next, str]:
    if watch.rebooted_s is None:
        return Next.REBOOT, ""
    is_over = now_s - watch.rebooted_s >= watch.reboot_timeout_s
    why = f"the server was rebooted, and {watch.reboot_timeout_s:g} s later {still}"
    return (Next.FAILED if is_over else Next.WAIT), why
