# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the NetBox in memory lets do what: tokens, users, and permissions with constraints, as NetBox keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .store import Row, Store

SUPERUSER = "fa4e70c1fa4e70c1fa4e70c1fa4e70c1fa4e70c1"
_ACTIONS = {"GET": "view", "POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}
_MODELS = {
    "dcim/mac-addresses": "dcim.macaddress",
    "ipam/ip-addresses": "ipam.ipaddress",
    "extras/journal-entries": "extras.journalentry",
    "extras/custom-field-choice-sets": "extras.customfieldchoiceset",
    "virtualization/interfaces": "virtualization.vminterface",
}


def model_of(path: str) -> str:
    """Name the kind of object of a path, as permissions do."""
    return _MODELS.get(path) or path.replace("/", ".").removesuffix("s").replace("-", "")


class User:
    """The user of a token; None as its id is the superuser's."""

    def __init__(self, store: Store, user_id: int | None) -> None:
        self._store = store
        self._id = user_id

    def may(self, method: str, path: str) -> bool:
        """Whether there is such a right at all, for some objects or all."""
        return self._id is None or bool(self._grants(method, path))

    def may_with(self, method: str, path: str, row: Row) -> bool:
        """Whether there is such a right with this object, as it is now."""
        return self._id is None or any(_fits(grant["constraints"], row) for grant in self._grants(method, path))

    def _grants(self, method: str, path: str) -> list[Row]:
        return [
            grant
            for grant in self._store.rows["users/permissions"].values()
            if self._id in grant["users"]
            and model_of(path) in grant["object_types"]
            and _ACTIONS.get(method) in grant["actions"]
        ]


def user_of(store: Store, token: str) -> User | None:
    """Find the user of a token."""
    if token == SUPERUSER:
        return User(store, None)
    found = (row for row in store.rows["users/tokens"].values() if row["token"] == token)
    return next((User(store, row["user"]) for row in found), None)


def _fits(constraints: Mapping[str, Any] | None, row: Row) -> bool:
    for name, value in (constraints or {}).items():
        field, _mark, how = name.partition("__")
        if how == "in" and row.get(field) not in value:
            return False
        if how == "" and row.get(field) != value:
            return False
    return True
