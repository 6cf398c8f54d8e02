"""The models that this product trains and serves, in the order of screens and reports."""

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks.base import ModelTask
from loyalty_core.ml.tasks.churn import CHURN
from loyalty_core.ml.tasks.nbo import NBO

TASKS: dict[str, ModelTask] = {task.name: task for task in (CHURN, NBO)}


class UnknownModel(LoyaltyError):
    """There is no model of that name."""

    code = "unknown_model"


def task_named(name: str) -> ModelTask:
    """The task of that name; raises `UnknownModel`."""
    if task := TASKS.get(name):
        return task
    raise UnknownModel(f"There is no model called {name!r}.", remedy=f"Known: {', '.join(TASKS)}.")


def title_of(name: str) -> str:
    """What screens call the model of that name; one that is not registered goes by its name."""
    return TASKS[name].title if name in TASKS else name
