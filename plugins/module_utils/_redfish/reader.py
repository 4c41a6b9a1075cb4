# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading of a BMC's resources by their roles, each at most once."""

from __future__ import annotations

from dataclasses import replace

from .adapters import version_key
from .connection import link_in
from .errors import RedfishApiError, RedfishNotFound, RedfishProtocolError
from .quirks import vendor_of
from .roles import MANAGER, PLACES, ROOT, SYSTEM, Place
from .session import ROOT as ROOT_URI
from .session import Redfish
from .values import MISSING, at, text_at
from .view import NOT_EXPOSED, Reading, Resource, View

# What a BMC answers for what it does not have: some say not implemented, or not allowed.
_ABSENT = frozenset({404, 405, 501})


class Reader:
    """The readings of one BMC so far; `serial` chooses among the systems of an enclosure."""

    def __init__(self, redfish: Redfish, serial: str = "") -> None:
        self._redfish = redfish
        self._serial = serial
        self._readings = {ROOT: Reading((Resource(ROOT_URI, redfish.root),))}
        self.vendor = vendor_of(redfish.root)
        self.read(MANAGER)
        manager = self._readings[MANAGER].resources
        self.vendor = vendor_of(redfish.root, manager[0].body if manager else None)

    @property
    def view(self) -> View:
        """Return what was read so far."""
        return View(dict(self._readings), self.vendor, self._redfish.bmc.username)

    def read(self, role: str, *, again: bool = False) -> Reading:
        """Read one role, and those it stands below; where that was done before, only with `again`.

        A resource that can't be read is an error of its own; what means the end of the talk is raised (RedfishError).
        """
        if role in self._readings and not again:
            return self._readings[role]
        place = PLACES[role]
        if place.fixed and self._has_fixed_uris:
            self._readings[role] = found = self._read_at(role, place, place.fixed)
            return found
        above = self.read(place.below)
        if not above.is_exposed or not above.resources:
            found = replace(NOT_EXPOSED, error=above.error)
        else:
            found = self._read_below(role, place, above.resources[0])
        self._readings[role] = found
        return found

    def _read_below(self, role: str, place: Place, above: Resource) -> Reading:
        try:
            uri = self._uri_of(role, place, above)
        except RedfishProtocolError as error:
            return replace(NOT_EXPOSED, error=str(error))
        return NOT_EXPOSED if uri is None else self._read_at(role, place, uri)

    def _read_at(self, role: str, place: Place, uri: str) -> Reading:
        try:
            if not place.is_collection:
                return Reading((self._redfish.get(uri),), uri=uri)
            members = self._redfish.members(uri)
        except (RedfishApiError, RedfishProtocolError) as error:
            is_absent = isinstance(error, RedfishNotFound) or getattr(error, "status", 0) in _ABSENT
            return replace(NOT_EXPOSED, error="" if is_absent else str(error))
        return Reading(tuple(self._chosen(members) if role == SYSTEM else members), uri=uri)

    @property
    def _has_fixed_uris(self) -> bool:
        """Return whether this service stands where its schemas say, as all do since Redfish 1.6 (DSP0266, 7.1.4)."""
        return version_key(text_at(self._redfish.root, "RedfishVersion")) >= version_key("1.6")

    def _uri_of(self, role: str, place: Place, above: Resource) -> str | None:
        value = at(above.body, *place.link) if place.link else MISSING
        if value is MISSING and place.other_link:
            value = at(above.body, *place.other_link)
        if value is MISSING and place.path:
            return f"{above.uri}{place.path}"
        if role == MANAGER:
            value = value[0] if isinstance(value, list) and value else self._first_manager()
        return None if value is MISSING else link_in(value, above.uri)

    def _first_manager(self) -> object:
        uri = link_in(at(self._redfish.root, "Managers") or None, "the root")
        members = self._redfish.members(uri) if uri else []
        return {"@odata.id": members[0].uri} if members else MISSING

    def _chosen(self, systems: list[Resource]) -> list[Resource]:
        """The system with our serial number; the first one where none has it."""
        fitting = [each for each in systems if self._serial and at(each.body, "SerialNumber") == self._serial]
        return fitting or systems[:1]
