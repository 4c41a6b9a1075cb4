# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMCs of a rack that speak Redfish (DMTF DSP0266) beside IPMI."""
