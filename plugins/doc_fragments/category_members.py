# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that say which nodes a category may decide for."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  members:
    description: Nodes the caller knows to be affected.
    type: list
    elements: str
    default: []
  allow_member_change:
    description:
      - Whether image or disk setup may be changed although nodes that O(members) does not name belong to the category.
      - Each of them would be installed anew at its next boot.
    type: bool
    default: false
"""
