# SPDX-License-Identifier: GPL-3.0-or-later
"""Initialize and finalize scripts: each takes its time, and ends as the faults say. None is executed."""

from __future__ import annotations

from collections.abc import Callable

from virtual_rack.faults import Faults
from virtual_rack.nodes.assignment import Script
from virtual_rack.nodes.machine import Machine

# ASSUMED: how long a script takes. The log of one installation settles it.
SCRIPT_S = 1.0


class ScriptRunner:
    """Runs the scripts of one phase, and notes each on the machine."""

    def __init__(self, *, faults: Faults, later: Callable[[Machine, float, Callable[[], None]], None]) -> None:
        self._faults = faults
        self._later = later

    def run(
        self,
        machine: Machine,
        scripts: tuple[Script, ...],
        *,
        names: tuple[str, ...],
        finished: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        """Run one after the other; the first that fails is the last."""
        if not scripts:
            finished()
            return
        script, *rest = scripts

        def end() -> None:
            fault = self._faults.strike("script_fails", node=names, script=script.phase)
            status = int(fault.options.get("exit_status", 1)) if fault else 0
            machine.note_script(script, status)
            if status == 0:
                self.run(machine, tuple(rest), names=names, finished=finished, failed=failed)
            else:
                failed(f"{script.phase} script of {script.owner} failed with exit status {status}")

        self._later(machine, SCRIPT_S, end)
