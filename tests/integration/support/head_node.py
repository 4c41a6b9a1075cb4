# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own view of a head node: what is stored, byte for byte. Shares no code with the collection."""

from __future__ import annotations

import http.client
import json
import ssl
import uuid as uuids
from collections.abc import Mapping
from typing import Any


class RawHeadNode:
    """Asks a head node by its JSON API (bcm-api.md 1.1), logged in as the administrator."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._context = ssl.create_default_context(cafile=environment["BCM_CA_PATH"])
        self._cookie = ""

    def call(self, service: str, call: str, *args: Any) -> Any:
        """Give the decoded answer of one call."""
        return self._post({"service": service, "call": call, "args": list(args)})

    def devices(self) -> dict[str, dict[str, Any]]:
        """Give all devices by host name."""
        return {device["hostname"]: device for device in self.call("cmdevice", "getDevices")}

    def categories(self) -> dict[str, dict[str, Any]]:
        """Give all categories by name."""
        return {category["name"]: category for category in self.call("cmdevice", "getCategories")}

    def image_name(self, uuid: str) -> str:
        """Give the name behind an image's uuid."""
        return next(str(image["name"]) for image in self.call("cmpart", "getSoftwareImages") if image["uuid"] == uuid)

    def provisioning(self) -> tuple[int, int]:
        """Give the number of requests that have a slot, and of those that wait for one."""
        answer = self.call("cmprov", "getProvisioningStatus", [])
        used = sum(node["slotsUsed"] for node in answer["provisioningNodeStatusList"])
        return used, len(answer["provisioningRequestStatusList"]) - used

    def remove_device(self, name: str) -> None:
        """Remove a device, as another client would."""
        answer = self.call("cmdevice", "removeDevice", self.devices()[name]["uuid"], 1)
        assert answer["success"], answer

    def assign_image(self, entity: dict[str, Any], image: str) -> None:
        """Give a device or a category another image, as another client would."""
        uuid = next(stored["uuid"] for stored in self.call("cmpart", "getSoftwareImages") if stored["name"] == image)
        proxy = {
            "baseType": "SoftwareImageProxy",
            "uuid": str(uuids.uuid4()),
            "parentSoftwareImage": uuid,
            "revisionID": -1,
        }
        self.update(entity, softwareImageProxy=proxy)

    def update(self, entity: dict[str, Any], **fields: Any) -> None:
        """Change fields of a device or a category, as another client would."""
        answer = self.call("cmdevice", f"update{entity['baseType']}", {**entity, **fields}, 0)
        assert answer["success"], answer

    def everything(self) -> dict[str, Any]:
        """Give all that the collection could change."""
        return {"devices": self.devices(), "categories": self.categories()}

    def _post(self, body: dict[str, Any]) -> Any:
        text = self._send(body)[0] if self._cookie else b"<html>"
        if text.startswith(b"<"):
            # The login page: the head node has restarted, or made all logins worthless.
            self._log_in()
            text = self._send(body)[0]
        return json.loads(text)

    def _log_in(self) -> None:
        environment = self._environment
        login = {"service": "login", "username": environment["BCM_USERNAME"], "password": environment["BCM_PASSWORD"]}
        self._cookie = self._send(login)[1].split(";")[0]

    def _send(self, body: dict[str, Any]) -> tuple[bytes, str]:
        # The name is that of every test certificate, also of one that does not carry the address.
        address = (self._environment["BCM_HEAD_NODE"], int(self._environment["BCM_PORT"]))
        connection = http.client.HTTPSConnection(*address, context=self._context, timeout=30)
        try:
            headers = {"Content-Type": "application/json", "Cookie": self._cookie}
            connection.request("POST", "/json", json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.read(), answer.headers.get("Set-Cookie", "")
        finally:
            connection.close()


def relaxed(environment: Mapping[str, str]) -> RawHeadNode:
    """Return a client for a head node whose certificate carries other names; its issuer is still checked."""
    head_node = RawHeadNode(environment)
    head_node._context.check_hostname = False
    return head_node
