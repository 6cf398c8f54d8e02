"""The registry of models, in the order in which screens and reports show them."""

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks.base import ModelTask
from loyalty_core.ml.tasks.churn import CHURN
from loyalty_core.ml.tasks.churn_timing import CHURN_TIMING
from loyalty_core.ml.tasks.nbo import NBO
from loyalty_core.ml.tasks.uplift import UPLIFT
from loyalty_core.ml.tasks.uptake import UPTAKE

TASKS: dict[str, ModelTask] = {task.name: task for task in (CHURN, CHURN_TIMING, NBO, UPTAKE, UPLIFT)}


class UnknownModel(LoyaltyError):
    """There is no model with that name."""

    code = "unknown_model"


def task_named(name: str) -> ModelTask:
    """The task with that name; raises `UnknownModel`."""
    if task := TASKS.get(name):
        return task
    raise UnknownModel(f"There is no model called {name!r}.", remedy=f"Known models: {', '.join(TASKS)}.")


def title_of(name: str) -> str:
    """The title of a model; its name when it is not registered."""
    return TASKS[name].title if name in TASKS else name
