# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide draws what decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.diagram import draw, update_page

PAGE = Path(__file__).parents[5] / "docs/validation.md"


def test_the_guide_is_drawn_from_the_transition_table_and_the_interface() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert update_page(text) == text
    assert "failed --> discovered: readmitted" in draw()
    with pytest.raises(ValueError, match="has no place"):
        update_page("# A page")
