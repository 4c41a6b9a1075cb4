# SPDX-License-Identifier: GPL-3.0-or-later
"""What the head node stores: shapes, defaults, rules, database."""
