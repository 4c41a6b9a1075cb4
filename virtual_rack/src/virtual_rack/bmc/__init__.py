# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines' management controllers, which speak IPMI 2.0 over UDP."""
