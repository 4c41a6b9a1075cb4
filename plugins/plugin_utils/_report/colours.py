# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Colours of the page and its chart, each as one for light paper and one for dark."""

from __future__ import annotations

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase

# Phases in the order of a boot, then how it ends. Told apart in grey and by colour-blind eyes too: neighbours differ in
# lightness. A phase that is not here, such as a status this collection does not know, is drawn as `other`.
PHASE_COLOURS: dict[str, tuple[str, str]] = {
    Phase.RESTARTING: ("#c9b3dd", "#8f74ad"),
    Phase.POWERED: ("#b4bcc6", "#5d6875"),
    Phase.BOOTING: ("#7cc4e8", "#4aa3d1"),
    Phase.REBOOTING: ("#d98e04", "#e0a030"),
    Phase.INSTALLER: ("#4fb3a0", "#3f9a88"),
    Phase.QUEUED: ("#f2dc8a", "#80713a"),
    Phase.INSTALLING: ("#2167ae", "#5b9fe6"),
    Phase.INIT: ("#9acb5d", "#8fbf55"),
    Phase.UP: ("#1a6b2f", "#3fce65"),
    Phase.FAILED: ("#c8102e", "#ff6470"),
}
OTHER = "other"
FILLS: dict[str, tuple[str, str]] = {**PHASE_COLOURS, OTHER: ("#d5d5d5", "#777777")}
INK = {
    "paper": ("#ffffff", "#14171a"),
    "ink": ("#1b1f24", "#e6e8ea"),
    "faint": ("#5b6570", "#9aa4ae"),
    "line": ("#dfe3e8", "#31373d"),
    "hover": ("#eef3f8", "#20262c"),
}
