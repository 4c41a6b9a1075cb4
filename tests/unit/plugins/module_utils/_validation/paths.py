# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand in the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[5]
PACKAGE = ROOT / "plugins" / "module_utils" / "_validation"
STEPS = ROOT / "validation_image" / "steps"
PROFILES = ROOT / "roles" / "validation_server" / "files" / "profiles"
