"""What a training job reports while it runs."""

from __future__ import annotations

from loyalty_core.jobs.report import Report
from loyalty_core.ml.training.progress import Progress
from loyalty_core.work.training import ProgressReporter


def epoch(number: int, of: int, seconds_left: float) -> Progress:
    return Progress("training", "churn", 7_043, number, of, 0.5, 0.4182, seconds_left)


def test_epochs_that_are_added_later_count():
    report = Report()
    reporter = ProgressReporter(report)
    reporter.show(epoch(4, 4, 90))
    reporter.show(epoch(5, 8, 5_340))
    state, events = report.unreported()
    assert (state.done, state.total) == (5, 8)
    assert state.message == "Churn: 7,043 rows, epoch 5 of 8, validation loss 0.4182, at most 89 min left"
    assert [event["epoch"] for event in events] == [4, 5]
