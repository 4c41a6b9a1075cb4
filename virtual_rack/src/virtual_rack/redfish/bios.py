# SPDX-License-Identifier: GPL-3.0-or-later
"""BIOS settings and Secure Boot: what is written waits until the machine's next power-on self test has ended."""

from __future__ import annotations

from virtual_rack.redfish.messages import Json, message, refused
from virtual_rack.redfish.modes import BiosAttribute, Mode, registry_name
from virtual_rack.redfish.rules import FLAG, Word
from virtual_rack.redfish.tasks import Task, Tasks, date
from virtual_rack.redfish.tree import Answer, Caller, Resource, Tree, link

_APPLY_TIME = "@Redfish.SettingsApplyTime"
_COMMITTED = "Pending configuration values are already committed, unable to perform another set operation."


class Bios:
    """The BIOS settings of one machine."""

    def __init__(self, tree: Tree, mode: Mode, tasks: Tasks, *, system: str) -> None:
        self.applied = {attribute.name: attribute.values[0] for attribute in mode.bios}
        self.pending: dict[str, str] = {}
        self._password = ""
        self._pending_password: str | None = None
        self._tree, self._mode, self._tasks = tree, mode, tasks
        self._task: Task | None = None
        self._path, self._settings = f"{system}/Bios", f"{system}/Bios/{mode.settings}"
        self._applied_date = ""
        tree.document(system)["Bios"] = link(self._path)
        bios = tree.add(self._path, "Bios.v1_2_3.Bios", "BIOS Configuration")
        bios.privilege = "ConfigureComponents"
        tree.action(self._path, "Bios.ResetBios", self._reset, privilege="ConfigureComponents")
        if mode.bios:
            self._add_settings(bios)

    def finish_boot(self, date_s: float) -> None:
        """Apply what is pending, at the end of a self test."""
        if self._pending_password is not None:
            self._password, self._pending_password = self._pending_password, None
        if not self.pending or (self._mode.bios_needs_job and self._task is None):
            return
        self.applied |= self._without_conflicts() if self._mode.drops_conflicts else self.pending
        self.pending = {}
        self._applied_date = date(date_s)
        if self._task is not None:
            self._tasks.end(self._task)
            self._task = None

    def commit(self) -> Task:
        """Make the job that applies what is pending. Raises RedfishError when there is one, or nothing to do."""
        if self._task is not None:
            raise refused(400, "GeneralError", _COMMITTED)
        if not self.pending:
            raise refused(400, "GeneralError", "No pending data present to create a job.")
        self._task = self._tasks.begin("Configure: BIOS.Setup.1-1", state="Pending")
        self._task.on_cancel = self._drop
        return self._task

    @property
    def settings_path(self) -> str:
        """Where the pending values are."""
        return self._settings

    def _add_settings(self, bios: Resource) -> None:
        bios.document["AttributeRegistry"] = registry_name(self._mode)
        bios.live = self._show
        self._tree.action(self._path, "Bios.ChangePassword", self._change_password, privilege="ConfigureComponents")
        settings = self._tree.add(self._settings, "Bios.v1_2_3.Bios", "BIOS Configuration Pending Settings")
        settings.document["AttributeRegistry"] = registry_name(self._mode)
        settings.live = lambda: {"Attributes": self._shown_pending()}
        settings.rules = {"Attributes": {each.name: Word(each.values) for each in self._mode.bios}}
        settings.patch = self._patch
        settings.privilege = "ConfigureComponents"
        if self._mode.bios_needs_job:
            clear = "Oem/DellManager.ClearPending"
            self._tree.action(self._settings, clear, self._clear, privilege="ConfigureComponents")

    def _show(self) -> Json:
        settings: Json = {"@odata.type": "#Settings.v1_4_0.Settings", "SettingsObject": link(self._settings)}
        if not self._mode.refuses_apply_time:
            settings["SupportedApplyTimes"] = ["OnReset"]
        if self._applied_date:
            settings |= {"Time": self._applied_date, "Messages": [message("Success")]}
        return {"Attributes": self.applied, "@Redfish.Settings": settings}

    def _shown_pending(self) -> Json:
        return self.pending if self._mode.shows_only_pending else self.applied | self.pending

    def _patch(self, body: Json, changes: Json, _caller: Caller) -> Json | Answer:
        wanted = changes.get("Attributes", {})
        apply_time = self._apply_time(body)
        if self._task is not None:
            raise refused(400, "GeneralError", _COMMITTED)
        conflict = self._conflict_of(self.applied | self.pending | wanted)
        if conflict and not self._mode.drops_conflicts:
            one, other = conflict
            raise refused(400, "PropertyValueConflict", f"Attributes/{one.name}", f"Attributes/{other.name}")
        changed = {name: value for name, value in wanted.items() if self.applied[name] != value}
        kept = {name: value for name, value in self.pending.items() if name not in wanted}
        self.pending = kept | (wanted if self._mode.bios_needs_job else changed)
        if self._mode.bios_needs_job and apply_time:
            return self.commit().accepted()
        if self._mode.tells_of_reboot and not self._mode.bios_needs_job and self.pending:
            said = [message("Success"), message("ResetRequired", "the system", "ForceRestart")]
            return Answer(200, {"@Message.ExtendedInfo": said})
        return {}

    def _apply_time(self, body: Json) -> str:
        if _APPLY_TIME not in body:
            return ""
        if self._mode.refuses_apply_time:
            raise refused(400, "PropertyUnknown", _APPLY_TIME, related=_APPLY_TIME)
        given = body[_APPLY_TIME]
        apply_time = given.get("ApplyTime") if isinstance(given, dict) else None
        if apply_time != "OnReset":
            raise refused(400, "PropertyValueNotInList", apply_time, f"{_APPLY_TIME}/ApplyTime")
        return "OnReset"

    def _conflict_of(self, values: dict[str, str]) -> tuple[BiosAttribute, BiosAttribute] | None:
        if self._mode.conflict is None or any(values.get(name) != value for name, value in self._mode.conflict):
            return None
        by_name = {attribute.name: attribute for attribute in self._mode.bios}
        (one, _), (other, _) = self._mode.conflict
        return by_name[one], by_name[other]

    def _without_conflicts(self) -> dict[str, str]:
        conflict = self._conflict_of(self.applied | self.pending)
        names = {attribute.name for attribute in conflict} if conflict else set()
        return {name: value for name, value in self.pending.items() if name not in names}

    def _drop(self) -> None:
        self.pending, self._task = {}, None

    def _clear(self, _body: Json, _caller: Caller) -> Answer:
        if self._task is not None:
            raise refused(400, "GeneralError", _COMMITTED)
        self.pending = {}
        return Answer(200, {"@Message.ExtendedInfo": [message("Success")]})

    def _reset(self, _body: Json, _caller: Caller) -> Answer:
        if self._task is not None:
            raise refused(400, "GeneralError", _COMMITTED)
        self.pending = {each.name: each.values[0] for each in self._mode.bios}
        if self._mode.bios_needs_job:
            self.commit()
        return Answer(200, {"@Message.ExtendedInfo": [message("Success")]})

    def _change_password(self, body: Json, _caller: Caller) -> Answer:
        for key in ("PasswordName", "OldPassword", "NewPassword"):
            if not isinstance(body.get(key), str):
                raise refused(400, "ActionParameterMissing", "Bios.ChangePassword", key)
        if body["OldPassword"] != self._password:
            raise refused(400, "GeneralError", "The old password is not right.")
        self._pending_password = body["NewPassword"]
        return Answer(200, {"@Message.ExtendedInfo": [message("Success")]})


class SecureBoot:
    """UEFI Secure Boot: what is wanted, and what the last boot had."""

    def __init__(self, tree: Tree, mode: Mode, *, system: str) -> None:
        self._mode = mode
        path = f"{system}/SecureBoot"
        tree.document(system)["SecureBoot"] = link(path)
        self._resource = tree.add(
            path,
            "SecureBoot.v1_1_2.SecureBoot",
            "UEFI Secure Boot",
            SecureBootEnable=False,
            SecureBootCurrentBoot="Disabled",
            SecureBootMode="UserMode",
        )
        self._resource.rules = {"SecureBootEnable": FLAG}
        self._resource.privilege = "ConfigureComponents"

    def finish_boot(self, bios: dict[str, str]) -> None:
        """Start with it, if it is wanted and the machine starts by UEFI."""
        by_uefi = bios[self._mode.bios[0].name] != self._mode.bios[0].values[0]
        wanted = self._resource.document["SecureBootEnable"]
        self._resource.document["SecureBootCurrentBoot"] = "Enabled" if wanted and by_uefi else "Disabled"
