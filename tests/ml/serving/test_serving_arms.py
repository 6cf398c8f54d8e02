"""Single, many and whole-base predictions during an A/B test: each customer is served by the version of their arm."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.ml.bundles import increase_share, load_bundle, start_experiment, stop_experiment, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import Challenger, ServedModels
from loyalty_core.warehouse.predictions import ScoringRun, last_run
from tests.ml.bases import CUSTOMERS, base, fill, predictions
from tests.ml.fixtures import bundle_parts, model_part, other_parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.ml.bundles import Bundle, Experiment
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

SHARE = 0.3


@pytest.fixture
def running(models_dir: Path) -> Experiment:
    return start_experiment(models_dir, write_bundle(models_dir, other_parts()), SHARE, "ann")


@pytest.fixture
def bundles(models_dir: Path, running: Experiment) -> dict[str, Bundle]:
    return {version: load_bundle(models_dir, version) for version in (running.champion, running.challenger)}


@pytest.fixture
def served(bundles: dict[str, Bundle], running: Experiment) -> ServedModels:
    return ServedModels(bundles[running.champion], Challenger(bundles[running.challenger], running))


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    fill(backend, base())
    return open_warehouse(backend.url)


def test_every_answer_is_by_the_version_of_the_own_arm(
    service: MLInferenceService, running: Experiment, served: ServedModels, models_dir: Path
):
    ids = [f"c{i}" for i in range(1, 41)]
    during = {one: (service.predict_churn(one), service.predict_nbo(one)) for one in ids}
    whole = {one: service.predict_customer(one) for one in ids}
    drivers = {one: service.offer_drivers(one, 3) for one in ids[:6]}
    versions = {one: served.for_customer(one).version for one in ids}
    assert {one: predicted.model_version for one, predicted in whole.items()} == versions
    assert {one: (predicted.churn, predicted.nbo) for one, predicted in whole.items()} == during
    assert set(versions.values()) == {running.champion, running.challenger}
    stop_experiment(models_dir)
    alone = {one: (service.predict_churn(one), service.predict_nbo(one)) for one in ids}
    for one in ids:
        assert (during[one] == alone[one]) == (versions[one] == running.champion)
    for one, found in drivers.items():
        assert (found == service.offer_drivers(one, 3)) == (versions[one] == running.champion)


def test_many_are_answered_as_one_by_one(service: MLInferenceService, running: Experiment):
    known = [f"c{i}" for i in range(1, 41)]
    ids = [*known[:20], "nobody", *known[20:]]
    churn, nbo = service.predict_churn_many(ids), service.predict_nbo_many(ids)
    assert churn == {one: service.predict_churn(one) for one in known}
    assert nbo == {one: service.predict_nbo(one) for one in known}
    assert list(churn) == list(nbo) == known
    assert service.predict_churn_many([]) == {}


def test_mean_drivers_are_those_of_both_arms(service: MLInferenceService, served: ServedModels, models_dir: Path):
    ids = [f"c{i}" for i in range(1, 9)]
    sizes = {
        one: {d.feature: abs(d.contribution) for d in service.predict_customer(one).churn_drivers.features}
        for one in ids
    }
    means = service.mean_drivers("churn", ids)
    for feature, mean in means.items():
        assert mean == pytest.approx(sum(size[feature] for size in sizes.values()) / len(ids))


def test_the_whole_base_is_scored_by_arm(
    warehouse: Warehouse, served: ServedModels, running: Experiment, bundles: dict[str, Bundle]
):
    result = score_base(warehouse, served, batch_rows=64)
    found = predictions(warehouse)
    versions = {customer: row["model_version"] for customer, row in found.items()}
    assert versions == {customer: served.for_customer(customer).version for customer in versions}
    assert result.customers == len(found) == CUSTOMERS
    counts = {version: list(versions.values()).count(version) for version in (running.champion, running.challenger)}
    assert result.arms == counts
    assert 0.2 < counts[running.challenger] / CUSTOMERS < 0.4
    assert result.model_version == f"{running.champion} and {running.challenger}"
    for version, bundle in bundles.items():
        score_base(warehouse, bundle)
        alone = predictions(warehouse)
        for customer in (one for one, of in versions.items() if of == version):
            assert without_time(found[customer]) == without_time(alone[customer])


def without_time(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "scored_at"}


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("bigint", lambda i: i),
        ("uuid", lambda i: f"123e4567-E89B-12d3-a456-{i:012}"),
        ("numeric(10, 2)", lambda i: i + 0.5),
        ("varchar(20)", lambda i: f"Ö{i}"),
    ],
)  # fmt: skip
def test_ids_of_every_type_have_the_same_arm_one_by_one(
    backend: Backend, open_warehouse: Open, served: ServedModels, kind: str, of: Callable[[int], Any]
):
    columns = (
        f"customer_id {kind}, days_since_last_transaction integer, transaction_count bigint, "
        "total_revenue double precision, avg_transaction_value numeric(12, 2), lifetime_value double precision"
    )
    fill(backend, [(of(i), *row[1:]) for i, row in enumerate(base(60))], columns)
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, served)
    service = MLInferenceService(warehouse=warehouse)
    found = {str(customer): row["model_version"] for customer, row in predictions(warehouse).items()}
    assert found == {customer: service.predict_customer(customer).model_version for customer in found}
    assert len(set(found.values())) == 2
    batches = list(warehouse.stream_arrow(sa.select(warehouse.features.c.customer_id)))
    in_bulk = [flag for batch in batches for flag in served.challenger.answers_many(batch.column(0)).tolist()]
    assert sum(in_bulk) == sum(version == served.challenger.models.version for version in found.values())


def test_a_nameless_row_is_counted_and_left_out(backend: Backend, open_warehouse: Open, served: ServedModels):
    fill(backend, [(None, *base(1)[0][1:]), *base(20)])
    result = score_base(open_warehouse(backend.url), served)
    assert (result.customers, result.failed) == (20, {"The customer id is blank.": 1})


def test_an_arm_with_one_answer_for_all_is_named(warehouse: Warehouse, models_dir: Path, running: Experiment):
    bundle = load_bundle(models_dir)
    stuck = replace(bundle, version=running.challenger, models=bundle.models | {"churn": OneAnswer()})
    result = score_base(warehouse, ServedModels(bundle, Challenger(stuck, running)))
    assert result.remarks == (
        f"Every customer of the version {running.challenger} has the same churn probability, 0.25: "
        "look at the model's inputs.",
    )


class OneAnswer:
    """A model that sees nothing of its inputs."""

    def predict(self, rows: Any) -> Any:
        return rows[:, :1] * 0 + 0.25


def test_a_run_names_both_versions(warehouse: Warehouse, served: ServedModels, running: Experiment):
    result = score_base(warehouse, served)
    run = last_run(warehouse)
    assert run == ScoringRun(result.scored_at, (running.champion, running.challenger), warehouse.identity.state)
    assert served.made(run)
    assert not ServedModels(served.champion).made(run)  # the test was stopped
    grown = replace(running, share=0.5, share_since=result.scored_at.replace(year=2100).isoformat())
    assert not ServedModels(served.champion, Challenger(served.challenger.models, grown)).made(run)
    score_base(warehouse, served.champion)
    assert ServedModels(served.champion).made(last_run(warehouse))
    assert not served.made(last_run(warehouse))  # the test began since


def test_offers_in_another_order_are_put_in_their_columns(warehouse: Warehouse, models_dir: Path):
    parts = bundle_parts()
    backwards = replace(parts, models=parts.models | {"nbo": model_part("nbo", (8, 7, 6, 5, 4, 3, 2, 1))})
    running = start_experiment(models_dir, write_bundle(models_dir, backwards), SHARE, "ann")
    champion, other = load_bundle(models_dir), load_bundle(models_dir, running.challenger)
    score_base(warehouse, ServedModels(champion, Challenger(other, running)))
    for row in predictions(warehouse).values():
        if row["confidence"] is not None:
            assert row[f"offer_{row['recommended_offer']}"] == pytest.approx(row["confidence"], abs=1e-6)


def test_a_larger_share_takes_effect_in_single_answers(
    service: MLInferenceService, running: Experiment, models_dir: Path
):
    ids = [f"c{i}" for i in range(1, 101)]
    before = {one for one in ids if service.predict_customer(one).model_version == running.challenger}
    increase_share(models_dir, 0.7)
    after = {one for one in ids if service.predict_customer(one).model_version == running.challenger}
    assert before < after
