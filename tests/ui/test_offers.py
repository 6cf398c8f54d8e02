"""The Next best offer screen: what it shows is what SQL says, and it follows its inputs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loyalty_core.analytics.offers import OfferTerms, Policy
from loyalty_core.analytics.offers.mix import OfferFigures, OfferMix, OfferValue, SegmentOffers
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.store.segments import SegmentRecord
from loyalty_core.ui import formatting
from loyalty_core.ui.navigation import OFFERS, SEGMENTS
from loyalty_core.ui.offers.offer_charts import by_segment
from loyalty_core.ui.offers.policy_state import CAP, LEVER, VALUE, edited, fitted
from loyalty_core.ui.segments.address import decode_rule, encode_rule
from tests.fixtures.screens import OpenScreen, plain, texts_of
from tests.ml.fixtures import bundle_parts, without_nbo
from tests.segments.scored import keep, mock_file, segment
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure, Query


IDS = range(1, 9)
RICH = {">": [{"var": "total_revenue"}, 800]}
PLAIN = Policy({offer: OfferTerms() for offer in IDS})
PUSHED = Policy({**PLAIN.offers, 3: OfferTerms(lever=3.0, cap=120), 5: OfferTerms(lever=0.0), 7: OfferTerms(rule=RICH)})


@pytest.fixture
def scored(demo_settings: Configure, predictions_file: Path) -> Configure:
    """The demo with predictions of mock models."""
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    return demo_settings


def metrics_of(app: AppTest) -> dict[str, AppTest]:
    return {metric.label.partition(" · ")[0]: metric for metric in app.metric}


def figure(app: AppTest, start: str) -> Any:
    """The chart whose description starts so."""
    chart = next(chart for chart in app.get("plotly_chart") if chart.proto.alt.startswith(start))
    return json.loads(chart.proto.spec)


def names_of(sql: Query) -> dict[int, str]:
    return dict(sql("SELECT offer_id, name FROM offers"))


def link_of(policy: Policy) -> str:
    return encode_rule(policy.to_json())


def terms_table(app: AppTest) -> pd.DataFrame:
    return app.data_editor[0].value


def with_policy(app: AppTest) -> dict[str, int]:
    table = terms_table(app)
    return dict(zip(table["Offer"], table["With policy"], strict=True))


def text_of(app: AppTest) -> str:
    return " ".join(texts_of(app))


def test_key_figures(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(OFFERS)
    assert not app.exception
    shown = metrics_of(app)
    [(confidence,)] = sql("SELECT avg(confidence) FROM customers")
    [(top, share)] = sql(
        f"SELECT recommended_offer, count(*) / {DEMO_CUSTOMERS} FROM customers GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    )
    [(expected,)] = sql(
        "WITH basket AS (SELECT sum(total_revenue) / sum(transaction_count) AS amount FROM customers) "
        "SELECT sum(CASE recommended_offer "
        + " ".join(f"WHEN {offer} THEN offer_{offer}::DOUBLE * offer_uptake" for offer in IDS)
        + " END * (amount * margin - cost)) FROM customers JOIN offers ON offer_id = recommended_offer, basket"
    )
    assert shown["With an offer"].value == f"{DEMO_CUSTOMERS:,}"
    assert shown["Mean confidence"].value == f"{confidence:.1%}"
    assert (shown["Top offer"].value, shown["Top offer"].delta) == (f"{share:.0%}", names_of(sql)[top])
    assert f"accept: {formatting.money(expected)}." in plain(shown["Expected value"].help)
    [(conversions,)] = sql("SELECT sum(confidence * offer_uptake) FROM customers")
    assert shown["Expected conversions"].value == formatting.count(round(conversions))


def test_without_an_offer_model_the_screen_says_why(
    demo_settings: Configure, predictions_file: Path, tmp_path: Path, open_screen: OpenScreen
):
    table = pq.read_table(mock_file(predictions_file))
    blank = tmp_path / "customer_predictions.parquet"
    for name in ("recommended_offer", "confidence"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.nulls(table.num_rows, table.schema.field(place).type))
    pq.write_table(table, mock_file(blank))
    demo_settings(predictions_file=blank, ml_mock_mode=True)
    app = open_screen(OFFERS)
    assert [plain(info.value) for info in app.info] == [
        "Nobody in scope has an offer: the version that scored the customers has no offer model."
    ]
    folder = get_settings().models_dir
    activate(folder, write_bundle(folder, replace(without_nbo(), left_out={"nbo": "No table of offers."})), by="ann")
    [said] = [plain(info.value) for info in open_screen(OFFERS).info]
    assert said == "The training of the active version left out Next best offer: No table of offers."


def test_without_an_uptake_model_no_conversions_and_no_money_are_shown(
    demo_settings: Configure, predictions_file: Path, tmp_path: Path, open_screen: OpenScreen
):
    table = pq.read_table(mock_file(predictions_file))
    place = table.schema.get_field_index("offer_uptake")
    blank = tmp_path / "customer_predictions.parquet"
    nothing = pa.nulls(table.num_rows, pa.float64())
    pq.write_table(table.set_column(place, "offer_uptake", nothing), mock_file(blank))
    demo_settings(predictions_file=blank, ml_mock_mode=True)
    app = open_screen(OFFERS)
    assert not app.exception
    assert not {"Expected conversions", "Expected value"} & set(metrics_of(app))
    assert any("How many customers take an offer is not known" in plain(info.value) for info in app.info)
    assert "more value, if all customers are equally likely to take an offer" in plain(app.info[0].value)
    assert "Expected value" not in app.dataframe[0].value.columns
    assert any("Then train Offer uptake" in plain(info.value) for info in app.info)
    folder = get_settings().models_dir
    activate(folder, write_bundle(folder, replace(bundle_parts(), left_out={"uptake": "Adds nothing."})), by="ann")
    asked = [plain(info.value) for info in open_screen(OFFERS).info]
    assert any(text.endswith("active version left out Offer uptake: Adds nothing.") for text in asked)
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(PUSHED))
    assert metrics_of(app)["Value compared with the recommendations"].value.endswith("%")


def test_the_headline_says_what_is_advised_and_why(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(OFFERS)
    [(by_priority,)] = sql(
        "WITH basket AS (SELECT sum(total_revenue) / sum(transaction_count) AS amount FROM customers), "
        "worth AS (SELECT offer_id, round(amount * margin - cost, 2) AS value FROM offers, basket) "
        "SELECT sum(greatest(0, "
        + ", ".join(
            f"offer_{one}::DOUBLE * offer_uptake * (SELECT value FROM worth WHERE offer_id = {one})" for one in IDS
        )
        + ")) FROM customers"
    )
    shown = metrics_of(app)["Expected value"]
    assert f"no gain: {formatting.money(by_priority)}." in plain(shown.help)
    advice = plain(app.info[0].value)
    assert "We advise giving offers by **propensity × value**" in advice
    assert f"that brings {shown.value}" in advice


def test_the_chart_and_the_table_write_the_same_shares(scored: Configure, open_screen: OpenScreen):
    app = open_screen(OFFERS)
    chart = json.loads(next(one for one in app.get("plotly_chart") if "%" in one.proto.alt).proto.spec)
    drawn = dict(zip(chart["data"][0]["y"], chart["data"][0]["text"], strict=True))
    table = app.dataframe[0].value
    assert {offer: f"{share:.1%}" for offer, share in zip(table["Offer"], table["Share"], strict=True)} == drawn


def test_the_mix_and_the_table_of_offers(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(OFFERS)
    counts = dict(sql("SELECT recommended_offer, count(*) FROM customers GROUP BY 1"))
    names = names_of(sql)
    table = app.dataframe[0].value
    assert dict(zip(table["Offer"], table["Customers"], strict=True)) == {
        names[offer]: counts.get(offer, 0) for offer in IDS
    }
    [(mean, basket)] = sql("SELECT avg(offer_4::DOUBLE), sum(total_revenue) / sum(transaction_count) FROM customers")
    row = table.set_index("Offer").loc[names[4]]
    assert row["Mean propensity"] == pytest.approx(mean, abs=0.0005)
    assert row["Value"] == pytest.approx(float(basket) * 0.38 - 12, abs=0.005)
    bars = figure(app, names[max(counts, key=lambda offer: counts[offer])])["data"][0]
    assert dict(zip(bars["y"], bars["x"], strict=True)) == {names[offer]: counts.get(offer, 0) for offer in IDS}
    assert len(figure(app, "Customers by confidence")["data"][0]["y"]) == 20


def test_offers_by_segment(scored: Configure, open_screen: OpenScreen, sql: Query):
    assert any("Segments that you save appear here" in info.value for info in open_screen(OFFERS).info)
    keep(get_services().segmentation, "Rich", RICH)
    heat = figure(open_screen(OFFERS), "Share of each segment's members")
    [(members,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    [(best,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800 AND recommended_offer = 2")
    assert heat["layout"]["yaxis"]["ticktext"] == [f"All in scope ({DEMO_CUSTOMERS / 1000:g}K)", f"Rich ({members})"]
    assert heat["data"][0]["z"][1][1] == pytest.approx(best / members)


def test_offers_and_segments_that_are_written_alike_are_cells_of_their_own(configure: Configure):
    offers = (OfferFigures(offer, 5, 0.5, 0.1, OfferValue(1, False), None, None) for offer in (1, 2))
    found = OfferMix(10, 10, tuple(offers), (0,) * 20, None, None, None)
    names = {"tea": "Customers in Oslo who bought tea", "coffee": "Customers in Oslo who bought coffee"}
    segments = [SegmentOffers(one, 10, {1: 4, 2: 6}) for one in names]
    heat = by_segment(found, segments, lambda offer: f"10 % off your next basket in the month {offer}", names)
    drawn, texts = heat.data
    assert (list(drawn.x), list(drawn.y)) == ([0, 1], [0, 1, 2])
    assert [*texts.text] == ["50", "50", "40", "60", "40", "60"]
    assert len(set(heat.layout.xaxis.ticktext)) == 1
    assert heat.layout.yaxis.ticktext[1:] == ("Customers in Oslo who… (10)",) * 2


def test_a_segment_that_cannot_be_computed_hides_no_others(scored: Configure, open_screen: OpenScreen, sql: Query):
    services = get_services()
    for name, rule in (("Rich", RICH), ("Of other data", RICH), ("Built on it", segment("of-other-data"))):
        keep(services.segmentation, name, rule)
    with services.store.session() as session:
        record = session.get_one(SegmentRecord, "of-other-data")
        record.rule = {"==": [{"var": "column_of_other_data"}, 1]}
    heat = figure(open_screen(OFFERS), "Share of each segment's members")
    [(members,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    assert heat["layout"]["yaxis"]["ticktext"][1:] == [f"Rich ({members})"]


def test_everything_follows_the_scope(scored: Configure, open_screen: OpenScreen, sql: Query):
    keep(get_services().segmentation, "Rich", RICH)
    app = open_screen(OFFERS, scope="Rich", view="Arbitration")
    [(members,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    assert metrics_of(app)["With an offer"].value == f"{members:,}"
    assert sum(with_policy(app).values()) == members


def test_save_as_segment_opens_the_editor_with_the_offers_customers(scored: Configure, open_screen: OpenScreen):
    keep(get_services().segmentation, "Rich", RICH)
    app = open_screen(OFFERS, scope="Rich")
    app.menu_button[0].click(2).run()
    assert app.query_params["edit"] == "1"
    rule = {"and": [{"==": [{"var": "segment:rich"}, True]}, {"==": [{"var": "recommended_offer"}, 2]}]}
    assert decode_rule(app.query_params["rule"]) == rule
    assert SEGMENTS.title == "Segments"


def test_a_link_carries_the_policy(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(PUSHED))
    assert not app.exception
    names = names_of(sql)
    table = terms_table(app).set_index("Offer")
    assert (table.loc[names[3], LEVER], table.loc[names[3], CAP]) == ("3", "120")
    assert table.loc[names[7], "Who may get it"] == "Total revenue is more than 800"
    assert table.loc[names[1], "Who may get it"] == "All customers"
    taken = with_policy(app)
    assert (taken[names[3]], taken[names[5]]) == (120, 0)
    assert sum(taken.values()) == DEMO_CUSTOMERS
    shown = metrics_of(app)
    assert shown["Customers with an offer"].value == f"{DEMO_CUSTOMERS:,}"
    # At the link's values of 1 each.
    [(plain,)] = sql("SELECT sum(confidence * offer_uptake) FROM customers")
    assert shown["Expected conversions as recommended"].value == formatting.count(round(plain))
    assert app.query_params["terms"] == link_of(PUSHED)


def test_a_link_that_cannot_be_read_is_left_out(scored: Configure, open_screen: OpenScreen):
    app = open_screen(OFFERS, view="Arbitration", terms="nonsense", policy="gone")
    assert not app.exception
    assert "There is no offer policy with the id gone" in app.toast[0].value
    assert "terms" not in app.query_params
    assert set(terms_table(app)[LEVER]) == {"1"}


def test_reasons_for_no_offer(scored: Configure, open_screen: OpenScreen, sql: Query):
    capped = Policy({offer: OfferTerms(cap=100, rule=RICH) for offer in IDS})
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(capped))
    [(poor,)] = sql("SELECT count(*) FROM customers WHERE coalesce(total_revenue <= 800, true)")
    given = sum(with_policy(app).values())
    reasons = [bar.proto.text for bar in app.get("progress")]
    assert f"No offer they are eligible for: **{poor:,}**" in reasons
    assert f"All their offers are at their caps: **{DEMO_CUSTOMERS - poor - given:,}**" in reasons
    assert "Not scored: **0**" in reasons


def test_saving_loading_and_changing_a_policy(scored: Configure, open_screen: OpenScreen):
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(PUSHED))
    app.text_input[0].input("Winter push").run()
    app.button(key="policy-save-now").click().run()
    saved = get_services().policies.get("winter-push")
    assert (saved.version, saved.policy) == (1, PUSHED)
    assert app.query_params["policy"] == "winter-push"
    assert "terms" not in app.query_params
    assert "Version 1, saved by" in text_of(app)

    other = open_screen(OFFERS, view="Arbitration", policy="winter-push")
    assert terms_table(other)[LEVER].tolist() == terms_table(app)[LEVER].tolist()
    other.selectbox(key="policy-load").select("").run()
    assert set(terms_table(other)[LEVER]) == {"1"}
    assert "policy" not in other.query_params

    app.button(key="policy-delete").click().run()
    assert get_services().policies.list() == []
    assert terms_table(app)[LEVER].tolist()[2] == "3"


def test_a_name_that_is_taken_is_refused(scored: Configure, open_screen: OpenScreen):
    get_services().policies.save("Winter push", PLAIN, actor="ann")
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(PUSHED))
    app.text_input[0].input("winter PUSH").run()
    app.button(key="policy-save-now").click().run()
    assert "is taken" in app.error[0].value
    assert get_services().policies.get("winter-push").policy == PLAIN


def test_a_name_over_the_limit_stays_and_is_refused_in_place(scored: Configure, open_screen: OpenScreen):
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(PUSHED))
    assert app.text_input[0].proto.max_chars == 0, "the browser would drop a longer text that is pasted"
    app.text_input[0].input("x" * 130).run()
    assert ":red[Use at most 120 characters; this has 130.]" in texts_of(app)
    app.button(key="policy-save-now").click().run()
    assert app.text_input[0].value == "x" * 130
    assert "It has 130 characters." in app.error[0].value
    assert get_services().policies.list() == []


def test_eligibility_is_edited_as_a_rule(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(OFFERS, view="Arbitration", terms=link_of(PUSHED))
    app.menu_button(key="eligibility-of").click(7).run()
    [(rich,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    assert f"{rich:,} of all {DEMO_CUSTOMERS:,} customers may get it." in text_of(app)
    assert app.button(key="eligibility-apply").disabled is False


def test_one_customer(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(OFFERS, view="One customer", customer_id=GUIDE_CUSTOMER, terms=link_of(PLAIN))
    assert not app.exception
    propensities = ", ".join(f"offer_{offer}::DOUBLE * offer_uptake" for offer in IDS)
    [scores] = sql(
        f"SELECT {propensities} FROM customers WHERE customer_id = ?",
        GUIDE_CUSTOMER,
    )
    names = names_of(sql)
    ranked = sorted(IDS, key=lambda offer: -scores[offer - 1])
    table = app.dataframe[0].value
    assert table["Offer"].tolist() == [names[offer] for offer in ranked]
    assert table["Priority"].tolist() == pytest.approx([scores[offer - 1] for offer in ranked], abs=0.0005)
    assert table["State"].tolist() == ["✓ Given"] + ["Eligible, lower priority"] * 7
    assert metrics_of(app)["With this policy"].value == names[ranked[0]]
    before = next(text for text in texts_of(app) if "What moves it away from" in text)
    app.selectbox(key="offer-explained").select(ranked[-1]).run()
    after = next(text for text in texts_of(app) if "What moves it away from" in text)
    assert before != after


def test_why_one_customer_cannot_have_an_offer(scored: Configure, open_screen: OpenScreen, sql: Query):
    [(poor, best)] = sql(
        "SELECT customer_id, recommended_offer FROM customers WHERE total_revenue < 800 ORDER BY confidence LIMIT 1"
    )
    others = [offer for offer in IDS if offer != best]
    policy = Policy(
        {
            **PLAIN.offers,
            best: OfferTerms(rule=RICH),
            others[0]: OfferTerms(lever=0.0),
            others[1]: OfferTerms(cap=0),
            others[2]: OfferTerms(value=-1.0),
        }
    )
    app = open_screen(OFFERS, view="One customer", customer_id=poor, terms=link_of(policy))
    states = app.dataframe[0].value.set_index("Offer")["State"]
    names = names_of(sql)
    assert states[names[best]].startswith("Not eligible: Customers where Total revenue is more than")
    assert states[names[others[0]]] == "Off: lever of 0"
    assert states[names[others[1]]] == "Full: cap reached by higher priorities"
    assert states[names[others[2]]] == "Off: no gain"


def test_a_customer_whom_nobody_knows(scored: Configure, open_screen: OpenScreen):
    app = open_screen(OFFERS, view="One customer", customer_id="nobody")
    assert "No customer has the id 'nobody'" in app.error[0].value
    app.button(key="other-customer").click().run()
    assert app.text_input(key="customer-search").label == "Find a customer"


def test_an_offer_that_nearly_everybody_gets_is_pointed_out(
    demo_settings: Configure, predictions_file: Path, tmp_path: Path, open_screen: OpenScreen, sql: Query
):
    table = pq.read_table(mock_file(predictions_file))
    place = table.schema.get_field_index("recommended_offer")
    degenerate = tmp_path / "customer_predictions.parquet"
    pq.write_table(table.set_column(place, "recommended_offer", [[6] * table.num_rows]), mock_file(degenerate))
    demo_settings(predictions_file=degenerate, ml_mock_mode=True)
    warning = open_screen(OFFERS).warning[0].value
    assert f"**{names_of(sql)[6]}** goes to 100.0% of the customers" in warning.replace("\\", "")

    place = table.schema.get_field_index("confidence")
    pq.write_table(table.set_column(place, "confidence", [[0.125] * table.num_rows]), mock_file(degenerate))
    demo_settings(predictions_file=degenerate, ml_mock_mode=True)
    assert "Every customer has the same confidence" in open_screen(OFFERS).warning[0].value


def test_before_the_first_scoring_run_there_is_a_way_to_it(demo_settings: Configure, open_screen: OpenScreen):
    demo_settings(ml_mock_mode=True)
    app = open_screen(OFFERS)
    assert not app.exception
    assert "The customers have not been scored yet." in text_of(app)
    assert not app.tabs


# The table's edits


def test_edits_of_the_table_come_on_top_of_the_policy():
    rows = {0: {LEVER: "2.5", CAP: "1,000"}, 2: {VALUE: "4", LEVER: None}, 4: {CAP: "", LEVER: "5"}}
    policy = edited(Policy({**PLAIN.offers, 3: OfferTerms(lever=0.5), 5: OfferTerms(cap=7, rule=RICH)}), rows)
    assert policy.offers[1] == OfferTerms(lever=2.5, cap=1000)
    assert policy.offers[3] == OfferTerms(lever=0.5, value=4.0)
    assert policy.offers[5] == OfferTerms(lever=5.0, rule=RICH)
    assert policy.offers[2] == OfferTerms()


@pytest.mark.parametrize(
    ("column", "typed"),
    [
        (CAP, "abc"),
        (CAP, "-5"),
        (CAP, "1.5"),
        (CAP, "10,90"),
        (VALUE, "1,5"),
        (LEVER, "9"),
        (LEVER, "-1"),
        (LEVER, "x"),
    ],
)
def test_what_is_no_number_for_the_cell_changes_nothing(column: str, typed: str):
    policy = Policy({1: OfferTerms(lever=0.5, value=3.0, cap=7)})
    assert edited(policy, {0: {column: typed}}) == policy


def test_a_policy_is_fitted_to_the_offers_there_are():
    found = fitted(
        Policy({1: OfferTerms(lever=2.0), 99: OfferTerms()}), Policy({1: OfferTerms(), 2: OfferTerms(value=3)})
    )
    assert found == Policy({1: OfferTerms(lever=2.0), 2: OfferTerms(lever=0.0, value=3)})
