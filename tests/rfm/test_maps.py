"""Custom cells and cut points: saved with versions, and used by every answer and by scoring."""

from __future__ import annotations

import math
import random
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rfm import (
    BadRfmMap,
    CellRule,
    RfmMap,
    RfmMapRepository,
    Scores,
    SegmentText,
    apply_rule,
    compute_cut_points,
    map_at,
    saved_cut_points,
    score_columns,
    score_one,
    segment_in_use,
)
from loyalty_core.rfm import maps as rfm_map
from loyalty_core.rfm.cells import CELL_NAMES, segment_details
from loyalty_core.rfm.maps import RfmMapChanged, map_in_use
from loyalty_core.segments import SegmentationEngine, SegmentDraft, SegmentRepository
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore, audit
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase
from tests.ml.bases import base, fill, predictions
from tests.ml.fixtures import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse


WHALES = apply_rule(CELL_NAMES, CellRule("Whales", monetary=Scores(5, 5)))
OWN = RfmMap(WHALES, {"recency": (10.0, 20.0, 30.0, 40.0)}, {"Whales": SegmentText("Spend most.", "Call them.")})


def random_map(seed: int) -> RfmMap:
    """125 names of which some are awkward, and own cut points for two measures."""
    chance = random.Random(seed)
    names = [f"Own {place}" for place in range(110)] + ["Champions", "O'Brien; DROP", "春 100%", "Lost", 'Quo"te']
    return RfmMap(
        tuple(chance.choice(names) for _ in CELL_NAMES),
        {
            "recency": tuple(sorted(chance.uniform(0, 200) for _ in range(4))),  # pyright: ignore[reportArgumentType]
            "monetary": tuple(sorted(chance.uniform(0, 3000) for _ in range(4))),  # pyright: ignore[reportArgumentType]
        },
    )


@pytest.fixture
def maps(store: StateStore) -> RfmMapRepository:
    return RfmMapRepository(store)


def test_nothing_is_stored_at_first(maps: RfmMapRepository) -> None:
    assert maps.current() is maps.newest() is None
    assert maps.versions() == []
    maps.reset(actor="ann")
    assert maps.versions() == []


def test_a_map_is_stored_with_its_versions(maps: RfmMapRepository, store: StateStore) -> None:
    first = maps.save(OWN, actor="ann", expected_version=0)
    assert (first.version, first.saved_by) == (1, "ann")
    assert first == maps.current() == replace(OWN, version=1, saved_by="ann", saved_at=first.saved_at)
    second = maps.save(random_map(1), actor="bob", expected_version=1)
    assert second.to_json() == random_map(1).to_json()
    maps.reset(actor="eve")
    assert maps.current() is None
    assert [(one.number, one.actor, one.map) for one in maps.versions()] == [
        (3, "eve", None),
        (2, "bob", second),
        (1, "ann", first),
    ]
    maps.reset(actor="eve")
    assert len(maps.versions()) == 3
    assert first.saved_at is not None
    assert second.saved_at is not None
    assert maps.at(first.saved_at) == first
    assert maps.at(second.saved_at) == second
    with store.session(read_only=True) as session:
        found = audit.recent(session, subject_kind=rfm_map.SUBJECT_KIND)
        recorded = [(event.actor, event.action, event.details["version"]) for event in reversed(found)]
    assert recorded == [("ann", "updated", 1), ("bob", "updated", 2), ("eve", "reset", 3)]


def test_two_who_save_at_once_do_not_overwrite_each_other(maps: RfmMapRepository) -> None:
    maps.save(OWN, actor="ann", expected_version=0)
    with pytest.raises(RfmMapChanged, match="ann saved version 1"):
        maps.save(random_map(1), actor="bob", expected_version=0)
    maps.reset(actor="ann")
    with pytest.raises(RfmMapChanged, match="ann restored the defaults with version 2"):
        maps.save(random_map(1), actor="bob", expected_version=1)
    assert maps.current() is None
    together, outcomes = threading.Barrier(4), []

    def save(number: int) -> None:
        together.wait()
        try:
            outcomes.append(maps.save(random_map(number), actor=str(number), expected_version=2).version)
        except RfmMapChanged:
            outcomes.append(0)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 3]
    assert [one.number for one in maps.versions()] == [3, 2, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": CELL_NAMES[:-1]}, "124 of 125 have one"),
        ({"names": ("", *CELL_NAMES[1:])}, "124 of 125 have one"),
        ({"names": ("no purchases", *CELL_NAMES[1:])}, "The name is reserved for customers who never bought"),
        ({"names": ("LOST", *CELL_NAMES[1:])}, "Another is called"),
        ({"names": ("L\u043est", *CELL_NAMES[1:])}, "It looks like “L"),
        ({"names": ("x" * 61, *CELL_NAMES[1:])}, "61 characters"),
        ({"names": ("a\x00b", *CELL_NAMES[1:])}, "cannot be stored"),
        ({"cut_points": {"recency": (1, 2, 4, 3)}}, "smallest first"),
        ({"cut_points": {"recency": (1, 2, 3)}}, "four numbers"),
        ({"cut_points": {"recency": (1, 2, 3, float("inf"))}}, "cut points of recency"),
        ({"cut_points": {"tenure": (1, 2, 3, 4)}}, "cut points of tenure"),
        ({"names": WHALES, "texts": {"Whales": SegmentText("x" * 401)}}, "meaning is too long"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRfmMap, match=message):
        RfmMap(**change)


@pytest.mark.parametrize("content", [None, [], {}, {"names": 5, "cut_points": {}, "texts": {}}])
def test_damaged_content_is_refused(content: Any) -> None:
    with pytest.raises(BadRfmMap, match="not an RFM map"):
        RfmMap.from_json(content)


def test_details_are_the_maps_then_the_products_then_neutral() -> None:
    assert OWN.details("Whales").advice == "Call them."
    assert OWN.details("Champions") == segment_details("Champions")
    assert RfmMap(WHALES).details("Whales").meaning == "A custom segment."
    assert dict(RfmMap(texts={"Nobody": SegmentText("a", "b"), "Lost": SegmentText()}).texts) == {}


@pytest.fixture
def demo_copies(
    demo_warehouse: Path, tmp_path: Path, open_warehouse: Callable[..., Warehouse]
) -> Callable[[str, Callable[[], str]], Warehouse]:
    """All customers of the demo on a database of either kind."""

    def open_copy(kind: str, postgres: Callable[[], str]) -> Warehouse:
        file = shutil.copy(demo_warehouse, tmp_path / "demo.duckdb")
        demo = open_warehouse(f"duckdb:///{file}")
        if kind == "duckdb":
            return demo
        view = demo.features
        names = ("last_purchase_days_ago", "transaction_count", "total_revenue")
        rows = demo.rows(sa.select(view.c.customer_id, *(view.c[name] for name in names)))
        database = PostgresDatabase(postgres())
        fill(
            database,
            [
                (row["customer_id"], *(None if row[n] is None else float(row[n]) for n in names), None, None)
                for row in rows
            ],
            "customer_id varchar(40), last_purchase_days_ago double precision, transaction_count double precision, "
            "total_revenue double precision, avg_transaction_value numeric(12, 2), lifetime_value double precision",
        )
        return open_warehouse(database.url)

    return open_copy


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
@pytest.mark.parametrize("seed", [1, 2])
def test_sql_gives_every_customer_of_the_demo_what_python_gives(
    kind: str, seed: int, demo_copies: Any, request: pytest.FixtureRequest
) -> None:
    warehouse = demo_copies(kind, lambda: request.getfixturevalue("postgres_database"))
    points = random_map(seed).apply(compute_cut_points(warehouse))
    view = warehouse.features
    columns = (column.label(f"rfm_{name}") for name, column in score_columns(view, points).items())
    measures = (view.c[name] for name in points.columns)
    rows = warehouse.rows(sa.select(view.c.customer_id, *measures, *columns))
    assert len(rows) == 2_000
    assert len({row["rfm_rfm_segment"] for row in rows}) > 20
    for row in rows:
        assert tuple(row.values())[-4:] == score_one(row, points), row


@pytest.fixture
def database(tmp_path: Path) -> DuckDBFile:
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(file, base())
    return file


@pytest.fixture
def warehouse(database: DuckDBFile, tmp_path: Path, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    return open_warehouse(database.url, state_database_url=f"sqlite:///{tmp_path / 'state.db'}")


@pytest.fixture
def saved_maps(warehouse: Warehouse) -> Iterator[RfmMapRepository]:
    with StateStore(warehouse.settings.state_database_url) as store:
        store.migrate()
        yield RfmMapRepository(store)


def score(warehouse: Warehouse) -> Any:
    return score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))


def test_single_answers_follow_a_map_and_go_back(warehouse: Warehouse, saved_maps: RfmMapRepository) -> None:
    service = MLInferenceService(warehouse=warehouse)
    ids = [f"c{i}" for i in range(500)]
    before = service.calculate_rfm_many(ids)
    saved_maps.save(OWN, actor="ann", expected_version=0)
    after = service.calculate_rfm_many(ids)
    assert after["c499"]["segment"] == before["c499"]["segment"] == "No Purchases"
    bought = {name: answer for name, answer in after.items() if answer["segment"] != "No Purchases"}
    assert {a["monetary"] for a in bought.values() if a["segment"] == "Whales"} == {5}
    assert {a["segment"] for a in bought.values() if a["monetary"] == 5} == {"Whales"}
    # c1 has bought 13 days ago, which is above one cut point.
    assert service.calculate_rfm("c1")["recency"] == 4
    assert all(after[name]["frequency"] == before[name]["frequency"] for name in ids)
    assert list(after["c1"]) == ["customer_id", "recency", "frequency", "monetary", "segment"]
    assert segment_in_use(warehouse.settings, "Whales").meaning == "Spend most."
    saved_maps.reset(actor="ann")
    assert service.calculate_rfm_many(ids) == before
    assert segment_in_use(warehouse.settings, "Whales").meaning == "A custom segment."


def test_a_segment_is_predicted_with_the_map(warehouse: Warehouse, saved_maps: RfmMapRepository) -> None:
    service = MLInferenceService(warehouse=warehouse)
    with StateStore(warehouse.settings.state_database_url) as store:
        engine = SegmentationEngine(warehouse, SegmentRepository(store))
        segment = engine.create(SegmentDraft("Everyone", {}), actor="ann")
    saved_maps.save(OWN, actor="ann", expected_version=0)
    found = service.predict_segment(segment.id, "rfm")["statistics"]["segment_distribution"]
    answers = service.calculate_rfm_many([f"c{i}" for i in range(500)]).values()
    assert found["Whales"] == sum(answer["segment"] == "Whales" for answer in answers) > 0
    assert found["No Purchases"] == 50


def test_scoring_follows_a_map_and_goes_back(warehouse: Warehouse, saved_maps: RfmMapRepository) -> None:
    score(warehouse)
    before, computed = predictions(warehouse), saved_cut_points(warehouse)
    for number, chosen in enumerate((OWN, random_map(3))):
        saved_maps.save(chosen, actor="ann", expected_version=number)
        points = score(warehouse).cut_points
        assert (points.recency, points.cell_names) == (chosen.cut_points["recency"], chosen.names)
        rows = predictions(warehouse)
        answers = MLInferenceService(warehouse=warehouse).calculate_rfm_many(rows)
        for name, row in rows.items():
            scores = (row["recency"], row["frequency"], row["monetary"], row["rfm_segment"])
            assert scores == tuple(answers[name].values())[1:]
    # What was computed for the base stays as it is for the day when the map goes.
    assert saved_cut_points(warehouse) == computed
    saved_maps.reset(actor="ann")
    score(warehouse)
    scores = ("recency", "frequency", "monetary", "rfm_segment")
    assert {name: [row[s] for s in scores] for name, row in predictions(warehouse).items()} == {
        name: [row[s] for s in scores] for name, row in before.items()
    }


def test_a_map_wins_over_the_settings(
    database: DuckDBFile, tmp_path: Path, open_warehouse: Callable[..., Warehouse]
) -> None:
    warehouse = open_warehouse(
        database.url,
        state_database_url=f"sqlite:///{tmp_path / 'state.db'}",
        rfm_cut_points={"recency": [1, 2, 3, 4], "frequency": [7, 8, 9, 10]},
    )
    with StateStore(warehouse.settings.state_database_url) as store:
        store.migrate()
        RfmMapRepository(store).save(OWN, actor="ann", expected_version=0)
    points = score(warehouse).cut_points
    assert points.recency == OWN.cut_points["recency"]
    assert points.frequency == (7, 8, 9, 10)
    assert points.custom == ("recency",)


def test_125_names_of_ones_own_fit(warehouse: Warehouse, saved_maps: RfmMapRepository) -> None:
    saved_maps.save(RfmMap(tuple(f"Cell {place}" for place in range(125))), actor="ann", expected_version=0)
    score(warehouse)
    for row in predictions(warehouse).values():
        place = 25 * row["recency"] + 5 * row["frequency"] + row["monetary"] - 31
        assert row["rfm_segment"] in {f"Cell {place}", "No Purchases"}


def test_without_a_state_store_there_is_no_map(warehouse: Warehouse, tmp_path: Path) -> None:
    assert map_in_use(warehouse.settings) is None
    assert not (tmp_path / "state.db").exists()
    assert MLInferenceService(warehouse=warehouse).calculate_rfm("c1")["segment"] in CELL_NAMES


def test_another_process_is_followed_after_a_moment(
    warehouse: Warehouse, saved_maps: RfmMapRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rfm_map, "time", SimpleNamespace(monotonic=lambda: 0.0))
    assert map_in_use(warehouse.settings) is None
    monkeypatch.setattr(rfm_map, "clear_map_cache", lambda: None)
    saved_maps.save(OWN, actor="ann", expected_version=0)
    assert map_in_use(warehouse.settings) is None
    assert map_at(warehouse.settings) == saved_maps.current()
    monkeypatch.setattr(rfm_map, "time", SimpleNamespace(monotonic=lambda: math.inf))
    assert map_in_use(warehouse.settings) == saved_maps.current()


def test_in_an_outage_the_last_known_map_stays_in_use(
    warehouse: Warehouse, saved_maps: RfmMapRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = saved_maps.save(OWN, actor="ann", expected_version=0)
    assert map_in_use(warehouse.settings) == saved
    damaged = Settings(dwh_url=warehouse.settings.dwh_url, state_database_url=f"sqlite:///{tmp_path / 'damaged.db'}")
    (tmp_path / "damaged.db").write_text("no database, and long enough to be read as one " * 9)
    with pytest.raises(StateStoreUnavailable):
        map_in_use(damaged)

    def fail(settings: Settings) -> None:
        raise StateStoreUnavailable("away")

    monkeypatch.setattr(rfm_map, "map_at", fail)
    monkeypatch.setattr(rfm_map, "time", SimpleNamespace(monotonic=lambda: math.inf))
    assert map_in_use(warehouse.settings) == saved
