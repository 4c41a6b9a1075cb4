# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of a rack that runs in the same program."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from virtual_rack.serve import Running


class Client:
    """A client that trusts the rack's authority and nothing of the machine it runs on."""

    def __init__(self, running: Running, *, certificate: str | None = None) -> None:
        self.running = running
        self.context = ssl.create_default_context(cafile=running.directory / "ca.pem")
        if certificate:
            self.context.load_cert_chain(
                running.directory / f"{certificate}.pem", running.directory / f"{certificate}.key"
            )
        self.http = httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{running.port}", verify=self.context, trust_env=False, timeout=10
        )
        self.admin = httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.admin_port}", trust_env=False)

    async def log_in(self, username: str = "admin", password: str = "head-secret") -> httpx.Response:
        body = {"service": "login", "username": username, "password": password}
        return await self.http.post("/json", json=body)

    async def ask(self, service: str, call: str, *args: Any, **keys: Any) -> httpx.Response:
        return await self.http.post("/json", json={"service": service, "call": call, "args": list(args), **keys})

    async def call(self, service: str, call: str, *args: Any, **keys: Any) -> Any:
        answer = await self.ask(service, call, *args, **keys)
        assert answer.status_code == 200, answer.text
        return answer.json()
