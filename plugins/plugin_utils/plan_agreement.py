# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file of a plan: a check writes it, a run is held to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.draw_up import PlanDrawer
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.plan_file import RunPlan, read_plan
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.files import write_whole


@dataclass(frozen=True)
class PlanAgreement:
    """Where the plan is: in a file, or in a word that an earlier job handed on; one of them is given."""

    path: str | None
    content: str | None

    def agree(self, drawer: PlanDrawer, say: Callable[[str], None], *, check_mode: bool) -> dict[str, Any]:
        """Write the plan, or compare with it; returns the result as bcm_plan documents it.

        Raises BcmConfigError where the plan no longer holds, with all that differs, and BcmError as the calls do.
        """
        if check_mode and self.content is None:
            plan = drawer.draw()
            write_whole(str(self.path), plan.to_text())
            say(f"Plan: {plan.summary()}; written to {self.path}, digest {plan.digest}")
            return _shown(plan)
        planned = read_plan(self._read(), "content" if self.content is not None else str(self.path))
        left = drawer.hold(planned)
        say(f"Plan: it holds, digest {planned.digest}; {left.summary()}")
        return _shown(planned)

    def _read(self) -> str:
        if self.content is not None:
            return self.content
        try:
            return Path(str(self.path)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not a text"
            raise BcmConfigError(
                f"could not read the plan {self.path}: {reason}; write it with --check, on the computer that runs it"
            ) from error


def _shown(plan: RunPlan) -> dict[str, Any]:
    return {"changed": False, "digest": plan.digest, "content": plan.to_word(), "planned": plan.body["nodes"]}
