"""Senders in processes of their own, killed while the receiver has a message and they have not written that down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loyalty_core.store.messages import OutboxRecord
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from tests.campaigns.sending.conftest import Post
    from tests.fixtures.receivers import Receiver

ROOT = Path(__file__).parents[3]


def start(post: Post, *options: str) -> subprocess.Popen[bytes]:
    settings = post.settings()
    values = {
        "DWH_URL": settings.dwh_url,
        "STATE_DATABASE_URL": settings.state_database_url,
        "WEBHOOK_URL": str(settings.webhook_url),
        "WEBHOOK_SECRET": post.values["webhook_secret"],
        "CONTACT_SECRET": post.values["contact_secret"],
        "SENDING_PER_SECOND": "{}",
        "SENDING_WHEN_IN_DOUBT": settings.sending_when_in_doubt,
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen([sys.executable, "-m", "loyalty_core.campaigns", *options], env={**os.environ, **values})


def let_leases_expire(post: Post) -> None:
    """As if the time for which a dead sender is waited for had passed."""
    with post.store.session() as session:
        session.query(OutboxRecord).filter(OutboxRecord.claimed_at.is_not(None)).update(
            {"claimed_at": datetime.now(UTC) - timedelta(hours=1)}
        )
        session.query(OutboxRecord).filter_by(status="waiting").update(
            {"due_at": datetime.now(UTC) - timedelta(seconds=1)}
        )


def kill(started: list[subprocess.Popen[bytes]]) -> int:
    """Kill the sender, which has not got the answer yet."""
    os.kill(started[0].pid, signal.SIGKILL)
    started[0].wait(PATIENCE_SECONDS)
    return 204


@pytest.mark.slow
@pytest.mark.parametrize("when_in_doubt", ["ask", "again"])
def test_killed_between_sending_and_recording(post: Post, receiver: Receiver, when_in_doubt: str):
    post.uses(webhook_url=receiver.url, sending_when_in_doubt=when_in_doubt)
    messages = post.queue(*("AB" * 10), channel="webhook")
    for after in (0, 3, 1):
        started: list[subprocess.Popen[bytes]] = []
        receiver.answers.extend([204] * after)
        receiver.answers.append(partial(kill, started))
        started.append(start(post))
        assert started[0].wait(PATIENCE_SECONDS) == -signal.SIGKILL
        let_leases_expire(post)
    for _ in range(3):
        assert start(post, "--once").wait(PATIENCE_SECONDS) == 0
        let_leases_expire(post)
    copies = {webhook_id: count for webhook_id, count in Counter(receiver.ids).items() if count > 1}
    records = [post.message(message) for message in messages]
    assert set(receiver.ids) == {record.key for record in records}
    if when_in_doubt == "ask":
        assert copies == {}
        assert Counter(record.status for record in records) == {"sent": 17, "in_doubt": 3}
    else:
        assert {record.status for record in records} == {"sent"}
        # The receiver can drop each second copy by its id, and each is counted.
        assert copies == {record.key: 2 for record in records if record.possible_copies}
        assert len(copies) == 3


@pytest.mark.slow
def test_a_sender_ends_at_sigterm_after_its_message(post: Post, receiver: Receiver):
    post.uses(webhook_url=receiver.url)
    post.queue(*("AB" * 10), channel="webhook")
    started: list[subprocess.Popen[bytes]] = []

    def terminate() -> int:
        started[0].terminate()
        return 204

    receiver.answers.extend([204, 204, terminate])
    started.append(start(post))
    assert started[0].wait(PATIENCE_SECONDS) == 0
    with post.store.session(read_only=True) as session:
        statuses = Counter(record.status for record in session.query(OutboxRecord))
    # The signal may arrive after the next message has been begun.
    assert statuses["sent"] == len(receiver.ids)
    assert statuses["sent"] + statuses["waiting"] == 20
    assert 3 <= statuses["sent"] < 20
