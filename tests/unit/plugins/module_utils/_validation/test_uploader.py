# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent makes of answers to its last message."""

from __future__ import annotations

import contextlib
import time
from typing import Any, cast

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.agent.link import Answer, Link, LinkError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.agent.uploader import Uploader


class Answers:
    """A link that gives these answers, one after the other."""

    def __init__(self, *answers: Answer | LinkError) -> None:
        self.left = list(answers)

    def request(self, *_request: Any) -> Answer:
        answer = self.left.pop(0)
        if isinstance(answer, LinkError):
            raise answer
        return answer


def finish(*answers: Answer | LinkError) -> bool:
    """Send the last message of a run; returns whether the agent takes it for accepted."""
    link = cast(Link, Answers(*answers))
    deadline = time.monotonic() + 30
    uploader = Uploader(link, "run", now=time.monotonic, uptime=lambda: 1.0, deadline=deadline)
    with contextlib.closing(uploader):
        uploader.event("finished")
        return uploader.drain(deadline)


@pytest.mark.parametrize("lost", [LinkError("no answer"), Answer(503, b"")])
def test_a_run_that_is_over_was_ended_by_the_message_whose_answer_was_lost(lost: Answer | LinkError) -> None:
    assert finish(lost, Answer(410, b'{"error": "the run is over"}')) is True


def test_a_run_that_is_over_before_its_last_message_was_ended_by_others() -> None:
    assert finish(Answer(410, b'{"error": "the run is over"}')) is False
