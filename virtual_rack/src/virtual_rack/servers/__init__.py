# SPDX-License-Identifier: GPL-3.0-or-later
"""A bench of servers that really boot: QEMU without KVM, each with a BMC, on a switch that speaks LLDP."""
