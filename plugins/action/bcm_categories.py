# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of bcm_categories, which spares a process where the module would run on the controller."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from ansible_collections.baremetal.bcm.plugins.modules import bcm_categories
from ansible_collections.baremetal.bcm.plugins.plugin_utils.module_action import ModuleAction


class ActionModule(ModuleAction):
    """An action that brings categories to what is wanted."""

    MODULE: ClassVar[ModuleType] = bcm_categories
