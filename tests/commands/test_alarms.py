"""What a training says and decides about histories that would deceive: the right word, and activated or not."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.analytics.monitoring import read_monitoring
from loyalty_core.commands.train import NOT_ACTIVATED, main
from loyalty_core.ml.bundles import list_versions, load_bundle, read_active
from loyalty_core.ml.tasks import CHURN
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.settings import get_settings
from loyalty_core.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from tests.workbench import Configure

    Values = npt.NDArray[np.float64]

FEATURES = ("recency", "spend", "visits")
QUICK = TrainingOptions(teacher="none", epochs=12, architecture=(8,), members=1, batch_size=128, learning_rate=0.02)
ACTIVATED, HELD, TO_CONFIRM, REFUSED = "activated", "not activated", "needs confirmation", "refused"


class History(NamedTuple):
    """Customers with features that act together on whether they churn; `extra` is a further feature."""

    features: dict[str, Values]
    churned: Values
    extra: Values | list[str | None] | None = None
    days: npt.NDArray[np.datetime64] | None = None
    customers: npt.NDArray[np.intp] | None = None


def healthy(rows: int = 3_000, base: float = -1.6, seed: int = 3) -> History:
    random = np.random.default_rng(seed)
    features = {name: random.normal(size=rows) for name in FEATURES}
    logit = base + 1.4 * features["recency"] - 1.4 * features["spend"] + 1.4 * features["visits"]
    return History(features, (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(float))


def exact_leak() -> History:
    one = healthy()
    return one._replace(extra=one.churned * 7)


def near_leak() -> History:
    """A normal with a mean 2.51 higher for churners: an AUC of .962."""
    one = healthy()
    return one._replace(extra=2.51 * one.churned + np.random.default_rng(1).normal(size=len(one.churned)))


def leak_by_blanks() -> History:
    """A date of the complaint that only some of the leavers have."""
    one = healthy()
    random = np.random.default_rng(2)
    filled = (one.churned == 1) & (random.random(len(one.churned)) < 0.6)
    return one._replace(extra=np.where(filled, random.integers(1, 90, len(filled)), np.nan))


def leak_in_a_text() -> History:
    one = healthy()
    closed = (one.churned == 1) & (np.random.default_rng(2).random(len(one.churned)) < 0.5)
    return one._replace(extra=["closed" if gone else None if row % 3 else "open" for row, gone in enumerate(closed)])


def months(rows: int, count: int = 8) -> npt.NDArray[np.datetime64]:
    return np.datetime64("2025-01") + np.sort(np.arange(rows) % count).astype("timedelta64[M]")


def label_drift() -> History:
    """From 8 % in the first month to 40 % in the eighth."""
    parts = [healthy(500, base, seed) for seed, base in enumerate(np.linspace(-4.3, -0.7, 8))]
    features = {name: np.concatenate([part.features[name] for part in parts]) for name in FEATURES}
    return History(features, np.concatenate([part.churned for part in parts]), days=months(4_000))


def immature_labels() -> History:
    """In the last two of eight months, most of those who will leave have not left yet."""
    one = healthy(4_000)
    known = np.random.default_rng(4).random(4_000) < np.where(np.arange(4_000) < 3_000, 1, 0.25)
    return one._replace(churned=one.churned * known, days=months(4_000))


def shuffled_labels() -> History:
    one = healthy()
    return one._replace(churned=np.random.default_rng(5).permutation(one.churned))


def few_churners() -> History:
    """0.4 % of 10,000."""
    one = healthy(10_000, base=-9.5)
    most = np.argsort(
        one.features["spend"] - one.features["recency"] + 2 * np.random.default_rng(9).normal(size=10_000)
    )[:40]
    return one._replace(churned=np.isin(np.arange(10_000), most).astype(float))


def copies() -> History:
    one = healthy()
    picked = np.random.default_rng(6).choice(3_000, 900, replace=False)
    features = {name: np.concatenate([values, values[picked]]) for name, values in one.features.items()}
    return History(features, np.concatenate([one.churned, one.churned[picked]]))


def months_of_the_same_customers() -> History:
    """Legitimate: 800 customers in each of six months, with features that move a little."""
    one, random = healthy(800), np.random.default_rng(7)
    features = {name: np.tile(values, 6) + random.normal(0, 0.3, 4_800) for name, values in one.features.items()}
    return History(features, np.tile(one.churned, 6), days=months(4_800, 6), customers=np.tile(np.arange(800), 6))


def constant_features() -> History:
    one = healthy()
    return one._replace(features={name: np.ones(3_000) for name in FEATURES})


def one_constant_feature() -> History:
    return healthy()._replace(extra=np.full(3_000, 7.0))


def one_blank_feature() -> History:
    return healthy()._replace(extra=np.full(3_000, np.nan))


def numbers_in_the_order_of_the_label() -> History:
    """Rows of leavers, appended to those of others."""
    one = healthy()
    place = np.argsort(one.churned + np.random.default_rng(8).normal(0, 0.8, 3_000))
    return one._replace(extra=np.argsort(place).astype(float))


class Done(NamedTuple):
    """How a training ended, and what it said."""

    decision: str
    said: str


class Trainer:
    """Trains churn on a history with the command, in a folder of its own."""

    def __init__(self, folder: Path, configure: Configure, printed: pytest.CaptureFixture[str]) -> None:
        self._folder, self._configure, self._printed = folder, configure, printed

    def train(self, history: History, *arguments: str) -> Done:
        """Write the history, with its customers as the features view, and train."""
        mapping = {name: name for name in (*history.features, *(["extra"] if history.extra is not None else []))}
        extra = {} if history.extra is None else {"extra": pa.array(history.extra, from_pandas=True)}
        rows = len(history.churned)
        customers = np.arange(rows) if history.customers is None else history.customers
        days = {} if history.days is None else {"snapshot_date": history.days.astype("datetime64[D]")}
        columns = {"customer_id": [f"C{one}" for one in customers], **history.features, **extra}
        table = pa.table({**columns, **days, "churned": history.churned.astype(int)})
        with duckdb.connect(str(self._folder / "warehouse.duckdb")) as connection:
            connection.register("rows", table)
            connection.execute("CREATE TABLE customer_churn_history AS SELECT * FROM rows")
            connection.execute(f"CREATE TABLE customer_features_view AS SELECT {', '.join(columns)} FROM rows")
        self._configure(
            dwh_url="duckdb:///warehouse.duckdb",
            ml_feature_mapping=json.dumps(mapping),
            ml_model_input_size=len(mapping),
        )
        return self.train_again(*arguments)

    def train_again(self, *arguments: str) -> Done:
        """Train on what is there; the command says what else it takes where the version is not activated."""
        self._printed.readouterr()
        code = main(QUICK, QUICK, ["--model", CHURN.name, *arguments])
        printed = self._printed.readouterr()
        said = " ".join(f"{printed.out} {printed.err}".split())
        if code == 0:
            return Done(ACTIVATED, said)
        if code == 5:
            return Done(REFUSED, said)
        assert code == NOT_ACTIVATED, said
        return Done(TO_CONFIRM if "--accept-leak" in printed.err else HELD, said)

    def shift_view(self) -> None:
        """The customers of today spend far more than those of the history."""
        with duckdb.connect(str(self._folder / "warehouse.duckdb")) as connection:
            connection.execute("UPDATE customer_features_view SET spend = spend + 2")

    def drift(self) -> str:
        """Why monitoring says that it is time to act."""
        settings = get_settings()
        with closing(Warehouse(settings)) as warehouse:
            found = read_monitoring(warehouse, load_bundle(settings.models_dir).manifest)
        reasons = found.retraining().reasons
        return " ".join(one.clause for one in reasons if one.kind == "drift" and one.when != "not yet")


@pytest.fixture
def trainer(tmp_path: Path, configure: Configure, capfd: pytest.CaptureFixture[str]) -> Trainer:
    return Trainer(tmp_path, configure, capfd)


@pytest.mark.parametrize(
    ("history", "decision", "word"),
    [
        (healthy, ACTIVATED, "Adds a lot over ranking by"),
        (exact_leak, TO_CONFIRM, "'extra' is 7 say “churned”: it gives away the label."),
        (near_leak, TO_CONFIRM, "The feature 'extra' alone almost determines the label (AUC 0.95"),
        (
            leak_by_blanks,
            TO_CONFIRM,
            "where the feature 'extra' is filled say “churned”: it gives away the label.",
        ),
        (
            leak_in_a_text,
            TO_CONFIRM,
            "where the feature 'extra' is 'closed' say “churned”: it gives away the label.",
        ),
        (numbers_in_the_order_of_the_label, TO_CONFIRM, "The feature 'extra' looks like an id, yet it predicts"),
        (label_drift, ACTIVATED, "The share of rows that say “churned” rises from"),
        (immature_labels, HELD, "The newest labels are probably not final:"),
        (shuffled_labels, HELD, "Adds nothing over ranking by"),
        (few_churners, HELD, "only 6 churners could be tested"),
        (lambda: healthy(300), HELD, "There are 300 rows; 1,000 or more are recommended."),
        (copies, ACTIVATED, "900 of 3,900 customers are copies of another customer under another id."),
        (constant_features, REFUSED, "No feature has different values"),
        (one_constant_feature, ACTIVATED, "The feature 'extra' has the same value in every row."),
        (one_blank_feature, ACTIVATED, "The feature 'extra' is blank in every row."),
    ],
)
@pytest.mark.slow
def test_the_right_word_and_the_right_decision(
    trainer: Trainer, history: Callable[[], History], decision: str, word: str
) -> None:
    done = trainer.train(history())
    assert word in done.said, done.said
    assert done.decision == decision, done.said
    if decision == TO_CONFIRM:
        assert "Churn: grade D. It may be reading the answer, because 'extra' seems to give away the label" in done.said


@pytest.mark.slow
def test_months_of_the_same_customers_are_no_copies_and_do_not_flatter(trainer: Trainer) -> None:
    done = trainer.train(months_of_the_same_customers())
    assert "copies" not in done.said
    metrics = load_bundle(get_settings().models_dir).manifest["models"]["churn"]
    assert metrics["rows"]["left_out"] > 0
    assert metrics["metrics"]["auc"] < 0.9  # the truth has .89; a model that recites its customers has .97


@pytest.mark.slow
def test_a_leak_is_activated_once_it_is_confirmed_by_its_name(trainer: Trainer) -> None:
    assert trainer.train(exact_leak()).decision == TO_CONFIRM
    models = get_settings().models_dir
    (version,) = list_versions(models)
    for confirmed in ([], ["--accept-leak", "spend"]):
        assert main(QUICK, QUICK, ["--activate", version, *confirmed]) == 1
        assert read_active(models) is None
    assert main(QUICK, QUICK, ["--activate", version, "--accept-leak", "extra"]) == 0
    assert load_bundle(models).version == version


@pytest.mark.slow
def test_a_base_unlike_what_was_learned_stays_an_alarm_after_training_again(trainer: Trainer) -> None:
    assert trainer.train(healthy()).decision == ACTIVATED
    assert trainer.drift() == ""
    trainer.shift_view()
    assert "Spend" in trainer.drift()
    assert trainer.train_again().decision == ACTIVATED
    assert "Spend" in trainer.drift()
