# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines and how the head node sees them: boot, installer, slots, status."""
