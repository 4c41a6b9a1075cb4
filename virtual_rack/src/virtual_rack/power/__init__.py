# SPDX-License-Identifier: GPL-3.0-or-later
"""How the head node switches machines on and off."""
