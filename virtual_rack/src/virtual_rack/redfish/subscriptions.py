# SPDX-License-Identifier: GPL-3.0-or-later
"""Where events and syslog shall be sent. The rack stores that and sends nothing."""

from __future__ import annotations

from itertools import count

from virtual_rack.redfish.documents import SUBSCRIPTIONS
from virtual_rack.redfish.messages import Json, RedfishError, message, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.rules import Each, Flag, Rule, Rules, Text, sift, words
from virtual_rack.redfish.tree import Answer, Caller, Tree

_SYSLOG = ("SyslogTLS", "SyslogTCP", "SyslogUDP", "SyslogRELP")
_MOST = 8


class Subscriptions:
    """The subscriptions of one BMC."""

    def __init__(self, tree: Tree, mode: Mode) -> None:
        self._tree = tree
        self._numbers = count(1)
        protocols = ("Redfish", *_SYSLOG) if mode.has_syslog else ("Redfish",)
        kinds = ("RedfishEvent", "Syslog") if mode.has_syslog else ("RedfishEvent",)
        self._rules: dict[str, Rule | Rules] = {
            "Destination": Text(),
            "Protocol": words(*protocols),
            "SubscriptionType": words(*kinds),
            "Context": Text(null=True),
            "EventFormatType": words("Event", "MetricReport"),
            "RegistryPrefixes": Each(Text(), 32),
            "ResourceTypes": Each(Text(), 32),
            "EventTypes": Each(Text(), 32),
            "VerifyCertificate": Flag(),
            "DeliveryRetryPolicy": words("TerminateAfterRetries", "SuspendRetries", "RetryForever"),
        }
        tree.collection(SUBSCRIPTIONS, "EventDestination").post = self._make

    def _make(self, body: Json, _caller: Caller) -> Answer:
        for key in ("Destination", "Protocol"):
            if key not in body:
                raise refused(400, "PropertyMissing", key, related=key)
        taken, problems = sift({}, body, self._rules)
        if problems:
            raise RedfishError(400, problems)
        if taken["Protocol"] == "Redfish" and not taken["Destination"].startswith(("https://", "http://")):
            raise RedfishError(400, [message("PropertyValueError", "Destination", related="Destination")])
        if len(self._tree.document(SUBSCRIPTIONS)["Members"]) >= _MOST:
            raise refused(400, "CreateLimitReachedForResource")
        path = f"{SUBSCRIPTIONS}/{next(self._numbers)}"
        kind = "RedfishEvent" if taken["Protocol"] == "Redfish" else "Syslog"
        shown = {"SubscriptionType": kind, "Context": None} | taken
        made = self._tree.add(path, "EventDestination.v1_15_0.EventDestination", "Event Subscription", **shown)
        made.rules = {"Context": Text(null=True), "VerifyCertificate": Flag()}
        made.delete = lambda _caller: self._remove(path)
        self._tree.join(SUBSCRIPTIONS, path)
        return Answer(201, made.shown(), {"Location": path})

    def _remove(self, path: str) -> Answer:
        self._tree.leave(SUBSCRIPTIONS, path)
        return Answer(204)
