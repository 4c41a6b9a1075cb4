# SPDX-License-Identifier: GPL-3.0-or-later
"""Firmware: what is there, and images that replace it."""

from __future__ import annotations

import asyncio
import ipaddress
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

from virtual_rack.redfish.hands import Hands
from virtual_rack.redfish.messages import Json, refused
from virtual_rack.redfish.modes import Firmware, Mode
from virtual_rack.redfish.tasks import Task, Tasks
from virtual_rack.redfish.tree import ROOT, Answer, Caller, Resource, Tree, link

SERVICE = f"{ROOT}/UpdateService"
INVENTORY = f"{SERVICE}/FirmwareInventory"
PUSH = f"{SERVICE}/update-multipart"
# An image of the rack's is any file that begins with this word, the component and the version, on its first line.
MAGIC = "virtual-rack-firmware"
_FLASHING_S = 30.0
_LARGEST = 64 * 2**20
_FETCH_S = 10.0


class Updates:
    """The firmware of one machine; `reset_bmc` lets the BMC start again and then calls what it is given."""

    def __init__(
        self, tree: Tree, mode: Mode, tasks: Tasks, hands: Hands, *, reset_bmc: Callable[[Callable[[], None]], None]
    ) -> None:
        self.versions = {each.component: each.version for each in mode.firmware}
        self._staged: tuple[str, Task] | None = None
        self._task: Task | None = None
        self._tree, self._mode, self._tasks, self._hands = tree, mode, tasks, hands
        self._reset_bmc = reset_bmc
        tree.add(
            SERVICE,
            "UpdateService.v1_14_1.UpdateService",
            "Update Service",
            ServiceEnabled=True,
            FirmwareInventory=link(INVENTORY),
            MultipartHttpPushUri=PUSH,
            MaxImageSizeBytes=_LARGEST,
        )
        protocols = {"TransferProtocol": ("HTTP", "HTTPS")}
        tree.action(SERVICE, "UpdateService.SimpleUpdate", self._fetch, values=protocols)
        # What is posted there is no JSON: the service gives it to `push`.
        tree.resources[PUSH] = Resource({}, post=lambda _body, _caller: Answer(415), is_action=True)
        tree.collection(INVENTORY, "SoftwareInventory")
        for firmware in mode.firmware:
            self._show(firmware)

    def push(self, parameters: Json, image: bytes) -> Answer:
        """Take an image that was sent. Raises RedfishError."""
        targets = parameters.get("Targets", [])
        if not isinstance(targets, list):
            raise refused(400, "PropertyValueTypeError", targets, "Targets", related="Targets")
        return self._begin(image, targets).accepted()

    def finish_boot(self) -> None:
        """Use the BIOS that was waiting for this self test."""
        if self._staged is not None:
            version, task = self._staged
            self._staged = None
            self._use("BIOS", version, task)

    async def _fetch(self, body: Json, _caller: Caller) -> Answer:
        uri = body.get("ImageURI")
        if not isinstance(uri, str):
            raise refused(400, "ActionParameterMissing", "UpdateService.SimpleUpdate", "ImageURI")
        if "://" not in uri and isinstance(body.get("TransferProtocol"), str):
            uri = f"{body['TransferProtocol'].lower()}://{uri}"
        if not _is_here(uri):
            raise refused(400, "ActionParameterValueNotInList", uri, "ImageURI", "UpdateService.SimpleUpdate")
        self._refuse_second()
        image = await asyncio.to_thread(_download, uri)
        return self._begin(image, body.get("Targets", [])).accepted()

    def _begin(self, image: bytes, targets: list[str]) -> Task:
        self._refuse_second()
        for target in targets:
            if target not in self._tree.resources:
                raise refused(400, "ResourceMissingAtURI", target, related="Targets")
        task = self._task = self._tasks.begin("Firmware Update")
        self._hands.later(_FLASHING_S, lambda: self._flash(image, task))
        return task

    def _refuse_second(self) -> None:
        if self._task is not None and not self._task.has_ended:
            raise refused(503, "ServiceTemporarilyUnavailable", 30, Retry_After="30")

    def _flash(self, image: bytes, task: Task) -> None:
        words = image.split(b"\n", 1)[0].decode("ascii", "replace").split()
        if len(words) != 3 or words[0] != MAGIC or words[1] not in self.versions:
            self._tasks.end(task, problem="The image is not for this system.")
        elif self._hands.strikes("firmware_fails"):
            self._tasks.end(task, problem="The image could not be written.")
        elif words[1] == "BIOS":
            task.state, task.percent = "Pending", 90
            self._staged = (words[2], task)
        elif words[1] == "BMC":
            task.percent = 90
            self._reset_bmc(lambda: self._use("BMC", words[2], task))
        else:
            self._use(words[1], words[2], task)

    def _use(self, component: str, version: str, task: Task) -> None:
        firmware = next(each for each in self._mode.firmware if each.component == component)
        self._tree.leave(INVENTORY, self._path(firmware))
        self.versions[component] = version
        self._show(firmware)
        self._tasks.end(task)

    def _path(self, firmware: Firmware) -> str:
        version = f"-{self.versions[firmware.component]}" if self._mode.firmware_by_version else ""
        return f"{INVENTORY}/{'Installed-' if version else ''}{firmware.member}{version}"

    def _show(self, firmware: Firmware) -> None:
        self._tree.add(
            self._path(firmware),
            "SoftwareInventory.v1_10_2.SoftwareInventory",
            firmware.name,
            Version=self.versions[firmware.component],
            SoftwareId=firmware.member,
            Updateable=True,
            Status={"State": "Enabled", "Health": "OK"},
        )
        self._tree.join(INVENTORY, self._path(firmware))


def _is_here(uri: str) -> bool:
    """Say whether an address is one of this computer's own: nothing leaves it."""
    try:
        parts = urllib.parse.urlsplit(uri)
        return parts.scheme in ("http", "https") and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _download(uri: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(uri, timeout=_FETCH_S) as answer:
            content: bytes = answer.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise refused(400, "ResourceAtUriUnauthorized", f"{uri}: {error}") from None
    if len(content) > _LARGEST:
        raise refused(400, "GeneralError", f"The image is larger than {_LARGEST} bytes.")
    return content
