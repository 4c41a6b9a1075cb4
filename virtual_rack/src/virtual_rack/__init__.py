# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine room in software, run by a simulated BCM head node."""
