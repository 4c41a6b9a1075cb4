# SPDX-License-Identifier: GPL-3.0-or-later
"""One BMC that speaks Redfish: its resources put together, and what happens to it as time goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from virtual_rack.rack_file import ipmi_can_have
from virtual_rack.redfish.accounts import Accounts, Lockout
from virtual_rack.redfish.bios import Bios, SecureBoot
from virtual_rack.redfish.certificates import Certificates, Effects, Identity
from virtual_rack.redfish.documents import add_standard
from virtual_rack.redfish.hands import Hands
from virtual_rack.redfish.messages import Json, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.sessions import Sessions
from virtual_rack.redfish.subscriptions import Subscriptions
from virtual_rack.redfish.system import System
from virtual_rack.redfish.tasks import Tasks, date
from virtual_rack.redfish.tree import Answer, Caller, Tree
from virtual_rack.redfish.updates import Updates
from virtual_rack.redfish.vendors import add_vendor

# How long a BMC is away when it starts again, simulated.
RESTART_S = 60.0
_POWERS = "ConfigureComponents"
_RESETS = ("GracefulRestart", "ForceRestart")


@dataclass(frozen=True)
class Told:
    """Whom a BMC tells: that it goes away or is back, that accounts changed, that it has another certificate."""

    on_presence: Callable[[], None] = lambda: None
    on_accounts: Callable[[], None] = lambda: None
    on_identity: Callable[[Identity], None] = lambda _identity: None


@dataclass(frozen=True)
class Settings:
    """How a BMC is delivered, beside its mode: values that somebody left pending, members a page, 0 for all."""

    pending_bios: Mapping[str, str] = field(default_factory=dict)
    page_size: int = 0


class Bmc:
    """The Redfish side of a machine's BMC."""

    def __init__(self, mode: Mode, hands: Hands, identity: Identity, *, settings: Settings, told: Told) -> None:
        self.mode, self.hands = mode, hands
        self.page_size = settings.page_size
        self.is_away = False
        self.requests = self.writes = 0
        self._told = told
        self._waiting: list[Callable[[], None]] = []
        self._is_due = False
        self._life = hands.machine.life
        self._next_identity: Identity | None = None
        self.tree = tree = Tree()
        self.paths = add_standard(tree, mode, hands.machine)
        places = tuple(f"{self.paths.manager}/{place}" for place in ("Jobs", "Oem/Dell/Jobs"))
        self._jobs = places if mode.bios_needs_job else ()
        self.tasks = Tasks(tree, mode, date_s=hands.date_s, jobs=self._jobs)
        self.accounts = Accounts(
            tree,
            mode,
            now_s=hands.now_s,
            lockout=self._lockout,
            refuses=lambda: hands.suffers("bmc_refuses_credentials") is not None,
            on_change=self._note_accounts,
        )
        self.sessions = Sessions(
            tree,
            mode,
            self.accounts,
            real_s=hands.real_s,
            is_full=lambda: hands.suffers("redfish_sessions_full") is not None,
        )
        self.vendor = add_vendor(tree, mode, self.paths, restart=self.restart)
        self._system = System(tree, mode, self.paths, hands)
        self.bios = Bios(tree, mode, self.tasks, system=self.paths.system)
        self.bios.pending = dict(settings.pending_bios)
        self._secure_boot = SecureBoot(tree, mode, system=self.paths.system) if mode.has_secure_boot else None
        self.updates = Updates(tree, mode, self.tasks, hands, reset_bmc=self._restart_then)
        effects = Effects(use=self._take_identity, restart=self.restart, later=hands.later)
        Certificates(tree, mode, self.paths, identity, address=hands.machine.spec.bmc.address, do=effects)
        Subscriptions(tree, mode)
        for place in self._jobs:
            tree.resources[place].post = self._make_job
        self._finish_manager()
        self.accounts.add_first(hands.machine.spec.bmc.username, hands.machine.spec.bmc.password)

    @property
    def speaks_ipmi(self) -> bool:
        """Say whether IPMI over LAN is on, and the BMC there."""
        return not self.is_away and bool(self.tree.document(self.paths.network)["IPMI"]["ProtocolEnabled"])

    def accepts(self, name: str, password: str) -> bool:
        """Say whether an account may power the machine; nothing is counted."""
        known = ((one.name, one.password) for one in self.accounts.all.values() if one.enabled and one.may(_POWERS))
        return bool(name) and (name, password) in known

    def ipmi_users(self) -> tuple[tuple[str, str], ...]:
        """Give the accounts that may power the machine and that IPMI has room for."""
        able = (one for one in self.accounts.all.values() if one.enabled and one.may(_POWERS))
        return tuple((one.name, one.password) for one in able if ipmi_can_have(one.name, one.password))

    def note_machine(self) -> None:
        """Look whether the machine has begun to boot; its self test then takes the time that it takes."""
        machine = self.hands.machine
        if machine.life == self._life or not machine.power:
            return
        self._life = life = machine.life
        self._system.begin_boot()
        self.hands.later(machine.spec.times.post, lambda: self._finish_boot(life))

    def restart(self) -> None:
        """Start again: away for a while, without sessions."""
        self._restart_then(lambda: None)

    def come_back(self) -> None:
        """End a restart, unless it hangs."""
        if self.is_away and self._is_due and self.hands.suffers("redfish_reboot_hangs") is None:
            self.is_away = False
            # Those opened by the last requests before it went away are gone with it.
            self.sessions.end_all()
            waiting, self._waiting = self._waiting, []
            if self._next_identity is not None:
                self._told.on_identity(self._next_identity)
                self._next_identity = None
            for action in waiting:
                action()
            self._told.on_presence()

    def _restart_then(self, action: Callable[[], None]) -> None:
        self._waiting.append(action)
        if not self.is_away:
            self.is_away = True
            self._is_due = False
            self.sessions.end_all()
            self._told.on_presence()
            self.hands.later(RESTART_S, self._be_due)

    def _be_due(self) -> None:
        self._is_due = True
        self.come_back()

    def _lockout(self) -> Lockout:
        return self.vendor.lockout()

    def _note_accounts(self) -> None:
        self.sessions.end_void()
        self._told.on_accounts()

    def _finish_boot(self, life: int) -> None:
        if self.hands.machine.life != life or self.hands.suffers("never_boots") is not None:
            return
        self.bios.finish_boot(self.hands.date_s())
        self.updates.finish_boot()
        if self._secure_boot is not None and self.bios.applied:
            self._secure_boot.finish_boot(self.bios.applied)

    def _take_identity(self, identity: Identity) -> None:
        if self.mode.certificate_needs_reset:
            self._next_identity = identity
        else:
            self._told.on_identity(identity)

    def _finish_manager(self) -> None:
        manager = self.tree.resources[self.paths.manager]
        manager.live = lambda: {
            "FirmwareVersion": self.updates.versions["BMC"],
            "DateTime": date(self.hands.date_s()),
            "PowerState": "On",
        }
        self.tree.action(self.paths.manager, "Manager.Reset", self._reset, values={"ResetType": _RESETS})
        system = self.tree.resources[self.paths.system]
        show = self._system.show
        system.live = lambda: show() | {"BiosVersion": self.updates.versions["BIOS"]}

    def _reset(self, body: Json, _caller: Caller) -> Answer:
        kind = body.get("ResetType", _RESETS[0])
        if kind not in _RESETS:
            raise refused(400, "ActionParameterValueNotInList", kind, "ResetType", "Manager.Reset")
        self.restart()
        return Answer(204)

    def _make_job(self, body: Json, _caller: Caller) -> Answer:
        if body.get("TargetSettingsURI") != self.bios.settings_path:
            raise refused(400, "PropertyValueNotInList", body.get("TargetSettingsURI"), "TargetSettingsURI")
        task = self.bios.commit()
        return Answer(200, {"@Message.ExtendedInfo": []}, {"Location": f"{self._jobs[0]}/{task.number}"})
