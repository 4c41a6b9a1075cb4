# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing running nodes up to date with their images, without a restart."""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace

from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.nodes.machine import Machine
from virtual_rack.nodes.provisioning import Provisioning
from virtual_rack.nodes.registry import Registry
from virtual_rack.nodes.slots import Request
from virtual_rack.nodes.transfers import Transfers


class ImageUpdates:
    """Syncs images to nodes that are UP; takes slots like an installation does."""

    def __init__(self, *, registry: Registry, provisioning: Provisioning, transfers: Transfers) -> None:
        self._registry = registry
        self._provisioning = provisioning
        self._transfers = transfers

    def start(self, device: Entity | None, *, dry_run: bool, session: str) -> str:
        """Ask for an update of one node; give the request's uuid, the zero uuid when there is nothing to do."""
        machine = self._registry.machine_of(device) if device else None
        if device is None or machine is None or machine.running is None:
            return ZERO_UUID
        request = Request(
            uuid=str(uuids.uuid4()),
            image=self._registry.image_of(device).uuid,
            destination=device["uuid"],
            mode="UPDATE",
            from_installer=False,
            dry_run=dry_run,
            session=session or ZERO_UUID,
        )
        life = machine.life
        self._provisioning.ask(request, start=lambda: self._run(machine, device, request, life))
        return request.uuid

    def _run(self, machine: Machine, device: Entity, request: Request, life: int) -> None:
        self._transfers.begin(
            request.uuid,
            names=self._registry.names_of(machine),
            seconds=machine.spec.times.install_sync,
            finished=lambda: self._done(machine, device, request, life),
            # ASSUMED: a failed update is told by nothing but its request, which leaves the list.
            failed=lambda _: self._provisioning.finish(request.uuid),
        )

    def _done(self, machine: Machine, device: Entity, request: Request, life: int) -> None:
        if machine.life == life and not request.dry_run:
            image = self._registry.image_of(device)
            machine.disk = replace(machine.disk, image=image)
            machine.running = image
        self._provisioning.finish(request.uuid)
