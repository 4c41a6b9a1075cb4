# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Updates of the firmware of one server: one at a time, each watched by the version that is read back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._bmc.power import Progress as Power
from .._https import errors as https
from .._https.exchange import Reply
from . import roles
from .adapters import foreign_pending
from .connection import BmcLogin, link_in, path_of_location
from .decide import plain
from .errors import (
    RedfishApiError,
    RedfishAuthError,
    RedfishConfigError,
    RedfishError,
    RedfishNotFound,
    RedfishProtocolError,
    RedfishTimeout,
    RedfishTransportError,
    SessionLost,
)
from .firmware import BIOS, BMC, Image, Next, Seen, TaskKind, Update, Watch, kind_of, look
from .harden import Reboots
from .images import CheckedImage
from .power import Machine
from .reader import Reader
from .session import Redfish
from .values import at, text_at
from .view import Body, Resource

_POLL_S = 5.0
# Members of an inventory that are not what runs.
_NOT_RUNNING = ("previous", "available")


@dataclass
class Updated:
    """What was done with one server, also where it then failed."""

    done: list[tuple[Update, str]] = field(default_factory=list)
    sent: bool = False
    rebooted: bool = False


@dataclass(frozen=True)
class Times:
    """How long an update may take, and the boot that brings it, in seconds."""

    update_s: float = 3600.0
    reboot_s: float = 1800.0


class Firmware:
    """The firmware of one server. Every method may raise RedfishError."""

    def __init__(self, redfish: Redfish, reader: Reader) -> None:
        self._redfish = redfish
        self._system = _only(reader, roles.SYSTEM)
        self._manager = _only(reader, roles.MANAGER)
        self._service: Resource | None = None

    @property
    def service(self) -> Resource:
        """Return the update service, read once."""
        if self._service is None:
            uri = link_in(at(self._redfish.root, "UpdateService") or None, "the root")
            if uri is None:
                raise RedfishApiError(f"{self._redfish.bmc.base} has no update service")
            self._service = self._redfish.get(uri)
        return self._service

    @property
    def system_uri(self) -> str:
        """Return where the system is."""
        return self._system.uri

    def versions(self, components: Iterable[str], *, again: bool = False) -> dict[str, str]:
        """Return the versions of these components, without those that the BMC does not show."""
        found: dict[str, str] = {}
        inventory: list[Resource] | None = None
        for component in components:
            if component == BIOS:
                body = self._redfish.get(self._system.uri).body if again else self._system.body
                version = text_at(body, "BiosVersion")
            elif component == BMC:
                body = self._redfish.get(self._manager.uri).body if again else self._manager.body
                version = text_at(body, "FirmwareVersion")
            else:
                inventory = self._inventory() if inventory is None else inventory
                version = _version_in(inventory, component)
            if version:
                found[component] = version
        return found

    def _inventory(self) -> list[Resource]:
        uri = link_in(at(self.service.body, "FirmwareInventory") or None, "the update service")
        return self._redfish.members(uri) if uri is not None else []

    def unfinished(self) -> list[tuple[str, str]]:
        """Return the tasks that have not ended, each with its address and state."""
        uri = link_in(at(self._redfish.root, "Tasks") or None, "the root")
        if uri is None:
            return []
        try:
            tasks = link_in(at(self._redfish.get(uri).body, "Tasks") or None, uri)
            members = self._redfish.members(tasks) if tasks is not None else []
        except RedfishNotFound:
            return []
        states = [(each.uri, text_at(each.body, "TaskState")) for each in members]
        return [(where, state) for where, state in states if kind_of(state) in (TaskKind.RUNNING, TaskKind.WAITING)]

    def check_way(self, image: Image) -> None:
        """Raise RedfishApiError where the BMC does not take an image this way."""
        self._target_of(image)

    def send(self, checked: CheckedImage, *, needs_boot: bool) -> Reply:
        """Send one image, or have the BMC fetch it."""
        image = checked.image
        target = self._target_of(image)
        later = {"@Redfish.OperationApplyTime": "OnReset"} if needs_boot and self._can_wait(image) else {}
        if image.file:
            # Immediately, which is what some do without being told, would reboot the server without asking.
            parameters = {"Targets": list(image.targets), **later}
            content_type, content = checked.as_multipart(parameters)
            return self._redfish.push(target, content_type, content)
        body: Body = {"ImageURI": image.url, "TransferProtocol": urlsplit(image.url).scheme.upper(), **later}
        if image.targets:
            body["Targets"] = list(image.targets)
        return self._redfish.post(target, body)

    def _target_of(self, image: Image) -> str:
        where, service = self._redfish.bmc.base, self.service
        if image.file:
            uri = link_in(at(service.body, "MultipartHttpPushUri") or None, service.uri)
            if uri is None:
                raise RedfishApiError(f"{where} takes no image that is sent to it; give it as url")
            largest = at(service.body, "MaxImageSizeBytes")
            size = _size_of(image.file)
            if isinstance(largest, int) and not isinstance(largest, bool) and size > largest > 0:
                raise RedfishApiError(f"{where} takes images of up to {largest:,} bytes; {image.file} has {size:,}")
            return uri
        action = at(service.body, "Actions", "#UpdateService.SimpleUpdate")
        uri = link_in(at(action, "target") or None, service.uri)
        offered = at(action, "TransferProtocol@Redfish.AllowableValues")
        protocol = urlsplit(image.url).scheme.upper()
        if uri is None or (isinstance(offered, list) and protocol not in offered):
            raise RedfishApiError(f"{where} fetches no image by {protocol}; give it as file")
        return uri

    def _can_wait(self, image: Image) -> bool:
        body = self.service.body
        action = at(body, "Actions", "#UpdateService.SimpleUpdate")
        for place in (body if image.file else action, body):
            offered = at(place, "@Redfish.OperationApplyTimeSupport", "SupportedValues")
            if isinstance(offered, list) and "OnReset" in offered:
                return True
        return False


class Updating:
    """The updates of one server, in order; `updated` knows how far they came."""

    def __init__(
        self, redfish: Redfish, firmware: Firmware, reboots: Reboots, *, updated: Updated, times: Times, marks: Path
    ) -> None:
        self._redfish = redfish
        self._firmware = firmware
        self._reboots = reboots
        self._updated = updated
        self._times = times
        self._mark = Mark.of(marks, redfish.bmc)
        self._is_out = False

    def refuse_foreign(self, reader: Reader, updates: Iterable[Update]) -> None:
        """Raise RedfishApiError where somebody else is at this server, or waits for its next boot.

        What an earlier run of ours began and did not see the end of is none of that.
        """
        unfinished = self._firmware.unfinished()
        if unfinished and (len(unfinished) > 1 or not any(self._mark.is_of(each.image) for each in updates)):
            states = ", ".join(f"{where.rpartition('/')[2]} {plain(state)}" for where, state in unfinished[:5])
            raise RedfishApiError(f"nothing was sent: {len(unfinished)} of its tasks have not ended ({states})")
        if any(each.needs_boot for each in updates):
            reader.read(roles.BIOS_PENDING)
            with contextlib.suppress(LookupError):
                pending = foreign_pending(reader.view, ())
                if pending:
                    names = ", ".join(map(str, map(plain, pending[:10])))
                    raise RedfishApiError(f"nothing was sent: BIOS values wait for its next boot: {names}")

    def update(self, update: Update, checked: CheckedImage) -> None:
        """Update one component and wait for its version. Raises RedfishError where that does not come."""
        component = update.image.component
        try:
            task = self._resumed(update.image)
            if task is None:
                task = self._begin(update, checked)
            version = self._follow(update, task)
        except RedfishApiError as error:
            raise RedfishApiError(f"{component} was not updated to {update.image.wanted}: {error}") from error
        self._mark.remove()
        self._updated.done.append((update, version))

    def _begin(self, update: Update, checked: CheckedImage) -> str:
        """Send an image, after noting that; returns where its task is."""
        # Read before, so that afterwards every refusal is one of the image.
        self._firmware.check_way(update.image)
        self._mark.write(update.image)
        try:
            return self._send(update, checked)
        except RedfishApiError:
            self._mark.remove()
            raise

    def _resumed(self, image: Image) -> str | None:
        """Return the task of an update that an earlier run of ours sent; None where there is none."""
        unfinished = self._firmware.unfinished() if self._mark.is_of(image) else []
        return unfinished[0][0] if unfinished else None

    def _send(self, update: Update, checked: CheckedImage) -> str:
        """Send the image; returns where its task is, "" where the BMC names none."""
        for last in (False, True):
            try:
                reply = self._firmware.send(checked, needs_boot=update.needs_boot)
            except RedfishError as error:
                if _may_be_taken(error):
                    self._updated.sent = True
                elif not last:
                    self._mark.remove()
                if not (isinstance(error, RedfishTransportError) and error.may_be_performed):
                    raise
                task = self._after_lost_answer(update)
                if task is not None:
                    return task
                if last:
                    raise
            else:
                self._updated.sent = True
                return self._task_of(reply)
        raise AssertionError

    def _after_lost_answer(self, update: Update) -> str | None:
        """Read what became of an image whose answer was lost: its task, "" for a new version, None for nothing."""
        until_s = self._redfish.clock.now_s() + self._times.update_s
        while True:
            seen = self._look(update, "")
            if seen.version is not None:
                unfinished = self._firmware.unfinished()
                if unfinished:
                    return unfinished[0][0]
                return "" if seen.version != update.before else None
            if self._redfish.clock.now_s() >= until_s:
                raise RedfishTimeout("the BMC did not come back after the image was sent")
            self._redfish.pause(_POLL_S)

    def _task_of(self, reply: Reply) -> str:
        with contextlib.suppress(https.NotJson, https.Unsound, RedfishProtocolError):
            task = link_in(reply.json(), "the answer")
            if task is not None and "/Task" in task:
                return task
        location = reply.headers.get("location", "")
        return (path_of_location(location, "a task") or "") if location else ""

    def _follow(self, update: Update, task: str) -> str:
        """Wait until the version is there; returns it."""
        clock = self._redfish.clock
        watch = Watch(update, clock.now_s(), self._times.update_s, self._times.reboot_s)
        with contextlib.ExitStack() as stack:
            while True:
                seen = self._look(update, task)
                watch, verdict, why = look(watch, seen, clock.now_s())
                if verdict is Next.DONE:
                    return seen.version or ""
                if verdict is Next.FAILED:
                    self._mark.remove()
                    raise RedfishApiError(why)
                if verdict is Next.REBOOT:
                    left_s = self._redfish.deadline_s - clock.now_s()
                    stack.enter_context(self._reboots.one(self._redfish.bmc.name, left_s))
                    self._reboot()
                self._redfish.pause(_POLL_S)

    def _reboot(self) -> None:
        self._redfish.phase = "reboot"
        power = Power()
        machine = Machine(self._redfish, power, uri=self._firmware.system_uri)
        machine.read_power()
        self._updated.rebooted = True
        machine.switch("reset" if power.after == "ON" else "on", self._times.reboot_s, _POLL_S, "")

    def _look(self, update: Update, task: str) -> Seen:
        """Look at version and task; a BMC that starts anew forgets sessions and lacks resources for a while."""
        try:
            if self._is_out:
                self._redfish.log_in_again()
                self._is_out = False
            version = self._firmware.versions([update.image.component], again=True).get(update.image.component)
            kind, message = self._look_at_task(task)
        except SessionLost:
            self._is_out = True
            return Seen(None)
        except (RedfishAuthError, RedfishTimeout):
            raise
        except (RedfishTransportError, RedfishApiError, RedfishProtocolError) as error:
            # A login that found nobody has left no session.
            self._is_out = self._is_out or isinstance(error, RedfishTransportError)
            return Seen(None)
        return Seen(version, kind, message)

    def _look_at_task(self, task: str) -> tuple[TaskKind, str]:
        if not task:
            return TaskKind.DONE, ""
        try:
            body = self._redfish.get(task).body
        except RedfishNotFound:
            return TaskKind.DONE, ""
        kind = kind_of(text_at(body, "TaskState") or text_at(body, "JobState"))
        if kind is TaskKind.DONE and text_at(body, "TaskStatus") == "Critical":
            kind = TaskKind.FAILED
        messages = at(body, "Messages")
        said = [text_at(each, "Message") for each in messages] if isinstance(messages, list) else []
        text = "; ".join(filter(None, said[:3])) or text_at(body, "Message")
        return kind, str(plain(text)).rstrip(".")


@dataclass(frozen=True)
class Mark:
    """A file that says which image was sent to a BMC, so that a run after a kill goes on where that one was."""

    path: Path

    @classmethod
    def of(cls, directory: Path, bmc: BmcLogin) -> Mark:
        """Return the mark of one BMC."""
        key = hashlib.sha256(bmc.base.lower().encode()).hexdigest()[:16]
        return cls(directory / f"bmc-{key}.update.json")

    def is_of(self, image: Image) -> bool:
        """Return whether it says that this image was sent."""
        try:
            kept: Any = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(kept, Mapping) and kept == _kept(image)

    def write(self, image: Image) -> None:
        """Note that an image is about to be sent; on disk before this returns. Raises RedfishConfigError."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(_kept(image), file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RedfishConfigError(f"could not write {self.path}: {error.strerror}; nothing was sent") from error

    def remove(self) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def _may_be_taken(error: RedfishError) -> bool:
    """Return whether the BMC may have taken the image that it was being sent; 503 is said before anything is done."""
    if isinstance(error, RedfishTransportError):
        return error.may_be_performed
    return isinstance(error, RedfishApiError) and error.status >= 500 and error.status != 503


def _kept(image: Image) -> dict[str, str]:
    return {"component": image.component, "sha256": image.sha256}


def _size_of(path: str) -> int:
    """Return the size of a file; 0 where there is none, which its checksum will tell."""
    with contextlib.suppress(OSError):
        return Path(path).expanduser().stat().st_size
    return 0


def _only(reader: Reader, role: str) -> Resource:
    found = reader.read(role)
    if not found.resources:
        raise RedfishError(found.error or f"the BMC shows no {role}")
    return found.resources[0]


def _version_in(inventory: Iterable[Resource], component: str) -> str:
    wanted = component.lower()
    running = [each for each in inventory if not text_at(each.body, "Id").lower().startswith(_NOT_RUNNING)]
    for name in ("Id", "Name", "SoftwareId"):
        fitting = [each for each in running if text_at(each.body, name).lower() == wanted]
        versions = {text_at(each.body, "Version") for each in fitting}
        if len(versions) == 1:
            return versions.pop()
    return ""
