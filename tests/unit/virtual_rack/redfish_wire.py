# SPDX-License-Identifier: GPL-3.0-or-later
"""A BMC that speaks Redfish, without a network: requests are answered in the same program."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.serialization import Encoding

from virtual_rack.certificates import issue_bmc, open_authority
from virtual_rack.in_process import Bench
from virtual_rack.nodes.machine import Machine
from virtual_rack.redfish.bmc import Bmc, Settings, Told
from virtual_rack.redfish.certificates import Identity, key_text
from virtual_rack.redfish.hands import Hands
from virtual_rack.redfish.modes import MODES
from virtual_rack.redfish.service import Request, Service
from virtual_rack.redfish.tree import Answer

USERNAME, PASSWORD = "bmcadmin", "bmc-secret"
POST_S = 10.0
ROOT = "/redfish/v1"


class Wire:
    """A BMC on the bench, and somebody who asks it."""

    def __init__(self, bench: Bench, directory: Path, mode: str, **settings: Any) -> None:
        machine = bench.head.machines.named("node1")
        assert machine is not None
        pair = issue_bmc(open_authority(directory), address="127.0.20.1")
        identity = Identity(pair.certificate.public_bytes(Encoding.PEM).decode(), key_text(pair.key))
        self.bench, self.machine = bench, machine
        self.real_s = 0.0
        self.identities: list[Identity] = []
        hands = Hands(bench.head, machine, real_s=lambda: self.real_s)
        told = Told(on_identity=self.identities.append)
        self.bmc = Bmc(MODES[mode], hands, identity, settings=Settings(**settings), told=told)
        machine.front = self.bmc
        self._service = Service(self.bmc)
        bench.head.boots.listen(self._note)

    def _note(self, machine: Machine) -> None:
        if machine is self.machine:
            self.bmc.note_machine()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: tuple[str, str] | None = (USERNAME, PASSWORD),
        **headers: str,
    ) -> Answer:
        """Ask something; a header's name is written with `_` for `-`."""
        split = urlsplit(path)
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        if user is not None and "x-auth-token" not in named:
            named["authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        content = b"" if body is None else json.dumps(body).encode()
        return asyncio.run(self._service.answer(Request(method, split.path, query, named, content)))

    def get(self, path: str, **options: Any) -> dict[str, Any]:
        """Read a resource."""
        answer = self.ask("GET", path, **options)
        assert answer.status == 200, (path, answer)
        assert isinstance(answer.body, dict)
        return answer.body

    def patch(self, path: str, body: Any, **options: Any) -> int:
        """Change a resource; gives the status."""
        return self.ask("PATCH", path, body, **options).status

    def push(self, image: bytes) -> Answer:
        """Send a firmware image."""
        path = self.get(f"{ROOT}/UpdateService")["MultipartHttpPushUri"]
        authorization = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        parts = {"UpdateParameters": b"{}", "UpdateFile": image}
        return asyncio.run(
            self._service.answer(Request("POST", path, {}, {"authorization": authorization}, b"", parts))
        )

    def reset(self, kind: str) -> int:
        """Power the machine; gives the status."""
        target = f"{self.bmc.paths.system}/Actions/ComputerSystem.Reset"
        return self.ask("POST", target, {"ResetType": kind}).status

    def is_away(self) -> bool:
        """Return whether the BMC is starting again."""
        return self.bmc.is_away

    def boot(self) -> None:
        """Start the machine, and wait until its self test has ended."""
        assert self.reset("ForceRestart" if self.machine.power else "On") < 300
        self.bench.step(POST_S)

    @property
    def bios(self) -> dict[str, str]:
        """The BIOS settings that hold."""
        attributes: dict[str, str] = self.get(f"{self.bmc.paths.system}/Bios")["Attributes"]
        return attributes

    @property
    def settings(self) -> str:
        """Where the pending ones are."""
        path: str = self.get(f"{self.bmc.paths.system}/Bios")["@Redfish.Settings"]["SettingsObject"]["@odata.id"]
        return path


def keys_of(answer: Answer) -> list[str]:
    """Give the keys of the messages that an answer has."""
    assert isinstance(answer.body, dict)
    said = answer.body.get("error", answer.body).get("@Message.ExtendedInfo", [])
    return [one["MessageId"].rsplit(".", 1)[1] for one in said]
