# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP: the head node's API over TLS, and the admin API."""
