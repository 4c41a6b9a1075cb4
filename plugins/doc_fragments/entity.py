# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that devices and categories share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
notes:
  - An option that is not given leaves what is stored as it is. An empty text or list clears it.
  - The elements of lists are merged by their key. What is not named stays, unless the purge option says otherwise.
  - After every write the object is read back and compared. BCM drops what it does not understand and still reports
    success, so this is the only proof.
"""
