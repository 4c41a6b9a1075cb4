# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of CMDaemon, one file each; no HTTP in here."""
