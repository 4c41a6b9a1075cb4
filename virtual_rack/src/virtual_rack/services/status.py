# SPDX-License-Identifier: GPL-3.0-or-later
"""cmstatus: what the head node sees of devices, apart from their entities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from virtual_rack.entities.fields import Entity
from virtual_rack.head_node import HeadNode
from virtual_rack.services.calls import Args, Handler, Service


class StatusService:
    """Status, its flags and messages."""

    def __init__(self, head: HeadNode) -> None:
        self._board = head.board

    def calls(self) -> Service:
        """Give the calls by name."""
        return {
            "getStatus": lambda args: self._status(args.text(0)),
            "getStatusForDevices": lambda args: [self._status(uuid) for uuid in args.uuids()],
            "open": self._flag(closed=False),
            "close": self._flag(closed=True),
            "mute": self._flag(muted=True),
            "unmute": self._flag(muted=False),
            "setRestartRequired": self._require_restart,
            "clearRestartRequired": lambda args: self._change(args.uuids(), restart_reasons=()),
            "setInfoMessage": lambda args: self._change(args.uuids(), info_message=args.text(1)),
            "setUserMessage": lambda args: self._change(args.uuids(), user_message=args.text(1)),
            "setToolMessage": lambda args: self._change(args.uuids(), tool_message=args.text(1)),
        }

    def _status(self, uuid: str) -> Entity | None:
        status = self._board.get(uuid)
        return status.to_api() if status else None

    def _flag(self, **flag: bool) -> Handler:
        def change(args: Args) -> bool:
            message = {"user_message": args.text(1, "")} if args.flag(2) else {}
            return self._change(args.uuids(), **flag, **message)

        return change

    def _require_restart(self, args: Args) -> bool:
        reasons = tuple(args.uuids(1))
        for uuid in args.uuids():
            if status := self._board.get(uuid):
                self._board.change(uuid, restart_reasons=tuple(dict.fromkeys(status.restart_reasons + reasons)))
        return True

    def _change(self, devices: Iterable[str], **values: Any) -> bool:
        """Change what is seen. ASSUMED: these calls answer true; no answer was seen."""
        for uuid in devices:
            self._board.change(uuid, **values)
        return True
