"""What a model learned from, in words: the balance of its labels, and the channels of its contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.ml.tasks import ChoiceTask, ChurnTimingTask, UpliftTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.tasks import ModelTask

_MAX_OFFERS = 12


def describe_balance(task: ModelTask, rows: Mapping[str, Any]) -> str:
    """The shares of the labels among the rows learned from and tested; empty if not recorded.

    Also empty for models whose labels are neither offers nor one yes or no.
    """
    parts = rows.get("classes_by_part")
    if not parts or isinstance(task, UpliftTask | ChurnTimingTask):
        return ""
    learned, tested = parts["train"], parts["test"]
    if isinstance(task, ChoiceTask):
        shares = [f"{offer} {_share(learned, offer)} / {_share(tested, offer)}" for offer in learned]
        more = f", and {len(shares) - _MAX_OFFERS} more" if len(shares) > _MAX_OFFERS else ""
        return f"Shares of the offers, learned from / tested: {', '.join(shares[:_MAX_OFFERS])}{more}."
    yes = task.class_names(())[1]
    return f"Of the rows learned from, {_share(learned, '1')} {yes}; of those tested, {_share(tested, '1')}."


def describe_channels(window: Mapping[str, Any]) -> str:
    """By which channels the customers were contacted whom the model learned from; empty where that is not known."""
    channels: Mapping[str, int] = window.get("channels", {})
    if not channels:
        return ""
    if len(channels) == 1:
        return f"Learned from contacts by {next(iter(channels))}: what contacts by other channels change is not known."
    by_channel = ", ".join(f"{name} {rows:,}" for name, rows in channels.items())
    return f"One model for contacts by all channels ({by_channel}); for one channel, train with the option channel."


def _share(classes: Mapping[str, int], name: str) -> str:
    return f"{classes[name] / max(sum(classes.values()), 1):.1%}"
