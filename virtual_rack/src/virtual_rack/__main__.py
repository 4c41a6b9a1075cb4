# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m virtual_rack`."""

from __future__ import annotations

import sys

from virtual_rack.cli import main

sys.exit(main())
