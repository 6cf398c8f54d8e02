"""The Segments screen: list, detail and editor, held against SQL written by hand."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.access import Viewer
from loyalty_core.rules import BuilderCondition, BuilderGroup, from_builder
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui import api_links, formatting
from loyalty_core.ui.navigation import SEGMENTS
from loyalty_core.ui.segments import first_time
from loyalty_core.ui.segments.address import encode_rule
from loyalty_core.ui.segments.detail import members_view
from loyalty_core.ui.text import escape
from tests.fixtures.jobs import over, see_off
from tests.fixtures.screens import OpenScreen, texts_of, value_field
from tests.workbench import DEMO_CUSTOMERS, Configure, Query

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

RICH = {">=": [{"var": "total_revenue"}, 500]}
YOUNG = {"<": [{"var": "age"}, 30]}
GOLD = {"in": [{"var": "customer_tier"}, ["Gold", "Platinum"]]}
RICH_SQL, YOUNG_SQL, GOLD_SQL = "total_revenue >= 500", "age < 30", "customer_tier IN ('Gold', 'Platinum')"


@pytest.fixture
def open_segments(demo_settings: Configure, open_screen: OpenScreen) -> OpenSegments:
    """Opens the screen by a link with these parameters."""
    return OpenSegments(open_screen)


class OpenSegments:
    def __init__(self, open_screen: OpenScreen) -> None:
        self._open_screen = open_screen

    def __call__(self, **parameters: str) -> AppTest:
        app = self._open_screen(SEGMENTS, **parameters)
        assert not app.exception
        return app


def keep(name: str, rule: Any, *, tags: tuple[str, ...] = (), description: str = "") -> str:
    """A computed segment; returns its id."""
    engine = get_services().segmentation
    saved = engine.create(SegmentDraft(name, rule, description, tags), actor="ann")
    engine.refresh(saved.id)
    return saved.id


def customers(query_demo: Query, where: str) -> int:
    return query_demo(f"SELECT count(*) FROM customer_features_view WHERE {where}")[0][0]


def table_with(app: AppTest, column: str) -> Any:
    """The first table that has the column."""
    return next(frame.value for frame in app.dataframe if column in frame.value)


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def progress(app: AppTest) -> list[str]:
    return [bar.proto.text.replace("\\", "") for bar in app.get("progress")]


class TestList:
    def test_a_first_visit_makes_and_computes_segments(self, open_segments: OpenSegments, query_demo: Query):
        table = table_with(open_segments(), "Segment").set_index("Segment")
        assert table.loc["VIP", "Customers"] == customers(query_demo, GOLD_SQL)
        assert table.loc["VIP", "Share"] == pytest.approx(customers(query_demo, GOLD_SQL) / DEMO_CUSTOMERS, abs=6e-4)
        assert table.loc["Reachable by e-mail", "Customers"] == customers(query_demo, "email_verified")
        assert list(table.loc["VIP", "Used in"]) == ["VIP at risk"]

    def test_those_of_a_large_base_are_computed_by_a_job(
        self, open_segments: OpenSegments, query_demo: Query, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(first_time, "AT_ONCE_CUSTOMERS", DEMO_CUSTOMERS - 1)
        app = open_segments()
        table = table_with(app, "Segment").set_index("Segment")
        assert set(table["Customers"].isna()) == {True}
        assert not app.info  # that nothing has been computed, and how to do it
        jobs = get_services().jobs
        job = over(jobs, jobs.latest("segments"))
        assert job.message == f"{len(table)} segments computed."
        table = table_with(open_segments(), "Segment").set_index("Segment")
        assert table.loc["VIP", "Customers"] == customers(query_demo, GOLD_SQL)
        see_off()

    def test_whoever_may_not_edit_segments_makes_none(
        self, open_segments: OpenSegments, monkeypatch: pytest.MonkeyPatch
    ):
        with monkeypatch.context() as signed_in:
            viewer = Viewer("vera", frozenset({"viewer"}))
            signed_in.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)
            assert open_segments().info[0].value.startswith("There are no segments yet.")
        assert "VIP" in list(table_with(open_segments(), "Segment")["Segment"])

    def test_deleted_starters_stay_away(self, open_segments: OpenSegments):
        open_segments()
        segments = get_services().segments
        for name in ("vip-at-risk", *(one.id for one in segments.list() if one.id != "vip-at-risk")):
            segments.delete(name, actor="ann")
        assert open_segments().info[0].value == "There are no segments yet. Create the first one."

    def test_a_link_leads_to_a_search(self, open_segments: OpenSegments):
        keep("Young", YOUNG, tags=("age",))
        keep("Rich", RICH, description="who spent much")
        assert list(table_with(open_segments(find="much"), "Segment")["Segment"]) == ["Rich"]
        assert list(table_with(open_segments(tag="age"), "Segment")["Segment"]) == ["Young"]
        assert open_segments(find="nothing of the kind").info[0].value.startswith("No segment matches.")

    def test_archived_ones_are_apart(self, open_segments: OpenSegments):
        keep("Rich", RICH)
        get_services().segments.archive(keep("Young", YOUNG), actor="ann")
        assert list(table_with(open_segments(), "Segment")["Segment"]) == ["Rich"]
        assert list(table_with(open_segments(archived="true"), "Segment")["Segment"]) == ["Young"]

    def test_what_is_out_of_date_says_so_until_it_is_computed(self, open_segments: OpenSegments, query_demo: Query):
        young = keep("Young", YOUNG)
        get_services().segmentation.update(young, SegmentDraft("Young", RICH), actor="ann", expected_version=1)
        app = open_segments()
        assert table_with(app, "Segment")["Computed"][0].startswith("⚠ Rule changed since ")
        next(button for button in app.button if button.label == "Compute all").click().run()
        jobs = get_services().jobs
        assert over(jobs, jobs.latest("segments")).message == "1 segment computed."
        app.run()
        table = table_with(app, "Segment")
        assert table["Customers"][0] == customers(query_demo, RICH_SQL)
        assert not table["Computed"][0].startswith("⚠")
        assert list(table["Sizes"][0]) == [customers(query_demo, YOUNG_SQL), customers(query_demo, RICH_SQL)]

    def test_archived_ones_are_not_computed(self, open_segments: OpenSegments):
        get_services().segments.archive(keep("Young", YOUNG), actor="ann")
        assert next(one for one in open_segments(archived="true").button if one.label == "Compute all").disabled


class TestDetail:
    def test_size_rule_and_funnel(self, open_segments: OpenSegments, query_demo: Query):
        both = f"{RICH_SQL} AND {YOUNG_SQL}"
        app = open_segments(segment=keep("Rich and young", {"and": [RICH, YOUNG]}, tags=("value",)))
        size = customers(query_demo, both)
        assert app.title[0].value == "Rich and young"
        assert metrics(app)["Customers"] == metrics(app)["Joined"] == f"{size:,}"
        assert metrics(app)["Share of the base"] == f"{100 * size / DEMO_CUSTOMERS:.1f}%"
        assert "Customers where Total revenue is at least 500 and Age is less than 30" in texts_of(app)
        rich, young = customers(query_demo, RICH_SQL), customers(query_demo, YOUNG_SQL)
        assert progress(app) == [
            f"Total revenue is at least 500  \n**{rich:,}** remain :gray[· {young:,} without this condition]",
            f"Age is less than 30  \n**{size:,}** remain :gray[· {rich:,} without this condition]",
        ]

    def test_a_file_of_many_members_is_prepared_in_the_background(
        self, open_segments: OpenSegments, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(members_view, "MANY", 0)
        app = open_segments(segment=keep("Rich", RICH), tab="Members")
        next(button for button in app.button if button.label == "Prepare").click().run()
        jobs = get_services().jobs
        job = over(jobs, jobs.latest("export"))
        assert (job.options["segment_id"], job.options["format"]) == ("rich", "csv")
        file = get_services().settings.exports_dir / job.result["file"]
        assert file.read_text().splitlines()[0] == ",".join(f'"{name}"' for name in job.options["columns"])
        link = app.run().get("link_button")[-1].proto
        assert link.label == f"Download CSV · {job.result['customers']:,} customers"
        assert link.url == f"/api/loyalty/v1/exports/{job.id}/file/"
        (get_services().settings.exports_dir / job.result["file"]).unlink()
        assert "The file is no longer available." in texts_of(app.run())
        see_off()

    def test_members_by_page_order_and_search(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        app = open_segments(segment=rich, tab="Members", sort="Total revenue", descending="true", page="2")
        expected = query_demo(
            f"SELECT customer_id FROM customer_features_view WHERE {RICH_SQL} "
            "ORDER BY total_revenue DESC, customer_id LIMIT 25 OFFSET 25"
        )
        assert list(table_with(app, "customer_id")["customer_id"]) == [one for (one,) in expected]
        assert any(f"{customers(query_demo, RICH_SQL):,} members." in text for text in texts_of(app))

        [(someone, name)] = query_demo(
            f"SELECT customer_id, full_name FROM customer_features_view WHERE {RICH_SQL} ORDER BY 1 LIMIT 1"
        )
        found = app.text_input(key=f"member-{rich}").set_value(someone[:8]).run()
        assert list(table_with(found, "customer_id")["full_name"]) == [name]

    @pytest.mark.parametrize(
        ("page", "reason"),
        [
            ("abc", "“abc” is not a number. Write it like 1,234."),
            ("1,5", "“1,5” is not a number. Write it like 1,234."),
            ("0", "Enter 1 or more."),
        ],
    )
    def test_a_page_that_is_no_number_is_refused_in_place(self, open_segments: OpenSegments, page: str, reason: str):
        app = open_segments(segment=keep("Rich", RICH), tab="Members", page=page)
        assert app.text_input(key="page").value == page
        assert f":red[{escape(reason)}]" in [caption.value for caption in app.caption]
        assert not app.dataframe

    @pytest.mark.parametrize(("tab", "key"), [("Members", "member-rich"), ("Why?", "why-customer")])
    def test_a_search_that_is_too_long_stays_in_the_field(self, open_segments: OpenSegments, tab: str, key: str):
        app = open_segments(segment=keep("Rich", RICH), tab=tab)
        app.text_input(key=key).set_value("x" * 256).run()
        assert app.text_input(key=key).value == "x" * 256
        assert ":red[Use at most 255 characters; this has 256.]" in [caption.value for caption in app.caption]
        assert not app.dataframe

    def test_export_leads_to_the_api(self, open_segments: OpenSegments):
        app = open_segments(segment=keep("Rich", RICH), tab="Members")
        columns = app.multiselect(key="columns")
        columns.set_value(["age", "city"]).run()
        links = [link.proto.url for link in app.get("link_button")]
        export = "/api/loyalty/v1/segments/rich/members/export/"
        assert links == [
            f"{export}?format={form}&columns=customer_id&columns=age&columns=city" for form in ("csv", "parquet")
        ]

    def test_links_to_files_stay_below_the_path_that_the_app_is_served_under(
        self, open_segments: OpenSegments, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(api_links.st, "get_option", {"server.baseUrlPath": "/crm/"}.get)
        app = open_segments(segment=keep("Rich", RICH), tab="Members")
        assert all(link.proto.url.startswith("/crm/api/loyalty/v1/segments/rich/") for link in app.get("link_button"))

    def test_the_profile_names_offers(
        self, demo_settings: Configure, predictions_file: Path, open_segments: OpenSegments, query_demo: Query
    ):
        demo_settings(predictions_file=predictions_file)
        names = [name for (name,) in query_demo("SELECT name FROM offers")]
        app = open_segments(segment=keep("Rich", RICH), tab="Profile")
        typical = table_with(app, "Here")
        offers = typical[typical["Field"] == "Recommended offer"]["Value"].tolist()
        assert offers
        assert set(offers) <= set(names)
        [bars] = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
        propensities = [label.removeprefix("Propensity of ") for label in bars["y"] if label.startswith("Propensity")]
        assert propensities
        assert set(propensities) <= set(names)

    def test_profile_against_the_base(self, open_segments: OpenSegments, query_demo: Query):
        app = open_segments(segment=keep("Rich", RICH), tab="Profile")
        [(inside, base)] = query_demo(
            f"SELECT avg(total_revenue) FILTER ({RICH_SQL}), avg(total_revenue) FROM customer_features_view"
        )
        shown = next(metric for metric in app.metric if metric.label == "Total revenue, average")
        assert (shown.value, shown.delta) == (f"€{inside:,.2f}", f"Base €{base:,.2f}")
        [(gold,)] = query_demo(
            f"SELECT avg((customer_tier = 'Gold')::INT) FROM customer_features_view WHERE {RICH_SQL}"
        )
        typical = table_with(app, "Here")
        assert typical[typical["Value"] == "Gold"]["Here"].item() == pytest.approx(gold, abs=0.0005)

    def test_overlap_with_another_segment(self, open_segments: OpenSegments, query_demo: Query):
        keep("Young", YOUNG)
        app = open_segments(segment=keep("Rich", RICH), tab="Overlap")
        counted = dict(table_with(app, "In").itertuples(index=False))
        assert counted["Rich, Young"] == customers(query_demo, f"{RICH_SQL} AND {YOUNG_SQL}")
        assert counted["Rich"] == customers(query_demo, f"{RICH_SQL} AND NOT coalesce({YOUNG_SQL}, false)")
        assert sum(counted.values()) == DEMO_CUSTOMERS

    def test_why_shows_the_values_and_the_smallest_change(self, open_segments: OpenSegments, query_demo: Query):
        [(poor, revenue)] = query_demo(
            "SELECT customer_id, total_revenue FROM customer_features_view "
            "WHERE total_revenue BETWEEN 1 AND 499 AND age < 30 ORDER BY 1 LIMIT 1"
        )
        rule = {"and": [RICH, YOUNG]}
        app = open_segments(segment=keep("Rich and young", rule), tab="Why?", customer=poor)
        assert app.error[0].value == "**Not in Rich and young.**"
        lines = texts_of(app)
        assert f"- Total revenue would have to be 500 instead of {revenue:,}." in lines
        assert any("close:] Total revenue is at least 500" in line and f"€{revenue:,.2f}" in line for line in lines)
        assert any("check:] Age is less than 30" in line for line in lines)

    def test_one_of_several_found_goes_into_the_address(self, open_segments: OpenSegments):
        app = open_segments(segment=keep("Rich", RICH), tab="Why?")
        app.text_input(key="why-customer").set_value("12").run()
        assert "customer" not in app.query_params
        which = next(radio for radio in app.radio if radio.label == "Which one?")
        chosen = which.options[1].rsplit(" · ", 1)[-1]
        which.set_value(chosen).run()
        assert app.query_params["customer"] == chosen
        assert len(app.success) + len(app.error) == 1

    def test_versions_with_their_difference_and_the_way_back(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        richer = {">=": [{"var": "total_revenue"}, 900]}
        get_services().segmentation.update(rich, SegmentDraft("Rich", richer), actor="bea", expected_version=1)
        app = open_segments(segment=rich, tab="Versions")
        assert "Before: Customers where Total revenue is at least 500" in texts_of(app)
        assert "-    500" in app.code[0].value
        assert "+    900" in app.code[0].value
        next(button for button in app.button if button.label == "Restore").click().run()
        saved = get_services().segments.get(rich)
        assert (saved.version, saved.rule) == (3, RICH)
        assert metrics(app)["Customers"] == f"{customers(query_demo, RICH_SQL):,}"
        assert "- Restored version 1." in texts_of(app)

    def test_a_failure_shows_the_older_size(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        get_services().segments.record_error(rich, "The warehouse went away.")
        app = open_segments(segment=rich)
        assert app.warning[0].value.endswith("so these are the last figures. The warehouse went away.")
        assert metrics(app)["Customers"] == f"{customers(query_demo, RICH_SQL):,}"

    @pytest.mark.parametrize("parameters", [{}, {"edit": "1"}, {"tab": "Members"}])
    def test_a_link_to_no_segment_says_so_and_leads_back(self, open_segments: OpenSegments, parameters: dict[str, str]):
        app = open_segments(segment="nobody", **parameters)
        assert "There is no segment with the id nobody." in app.error[0].value
        app.button[0].click().run()
        assert app.title[0].value == "Segments"


class TestEditor:
    def test_a_link_brings_the_rule_and_its_figures(self, open_segments: OpenSegments, query_demo: Query):
        rule = {"and": [RICH, {"or": [YOUNG, {"!": {"or": [GOLD]}}]}]}
        app = open_segments(edit="1", rule=encode_rule(rule))
        where = f"{RICH_SQL} AND (coalesce({YOUNG_SQL}, false) OR NOT {GOLD_SQL})"
        assert metrics(app) == {"Customers": f"{customers(query_demo, where):,}"}
        captions = [caption.value.replace("\\", "") for caption in app.caption]
        rich, gold = customers(query_demo, RICH_SQL), customers(query_demo, GOLD_SQL)
        assert f"{rich:,} match, the highest {formatting.percent(rich / DEMO_CUSTOMERS, 1)} of known values" in captions
        # The condition itself, not the group that denies it.
        assert f"{gold:,} match" in captions

    def test_between_is_counted_with_both_ends(self, open_segments: OpenSegments, query_demo: Query):
        app = open_segments(edit="1", rule=encode_rule({"and": [{"<=": [30, {"var": "age"}, 60]}]}))
        both, blank = customers(query_demo, "age BETWEEN 30 AND 60"), customers(query_demo, "age IS NULL")
        assert f"{both:,} match · {blank:,} blank" in texts_of(app)

    def test_ends_in_the_wrong_order_are_said_to_match_nobody(self, open_segments: OpenSegments):
        app = open_segments(edit="1", rule=encode_rule({"and": [{"<=": [60, {"var": "age"}, 30]}]}))
        assert any("Nobody can match: the first value is above the second." in text for text in texts_of(app))
        assert app.warning[0].value.startswith("No customer can meet this rule")
        assert metrics(app) == {"Customers": "0"}

    def test_a_rule_that_everybody_meets_says_so(self, open_segments: OpenSegments):
        app = open_segments(edit="1", rule=encode_rule({"==": [1, 1]}))
        assert app.warning[0].value == "Every customer meets this rule, whatever the data."
        assert not open_segments(edit="1").warning

    def test_the_last_days_are_those_of_the_data_and_the_screen_says_which(
        self, open_segments: OpenSegments, query_demo: Query
    ):
        [(snapshot,)] = query_demo('SELECT "value"[:10] FROM warehouse_info WHERE "key" = \'snapshot_date\'')
        rule = from_builder(BuilderGroup("all", (BuilderCondition("signup_date", "in_last_days", (60,)),)))
        app = open_segments(edit="1", rule=encode_rule(rule))
        last = f"signup_date BETWEEN DATE '{snapshot}' - 59 AND DATE '{snapshot}'"
        assert metrics(app) == {"Customers": f"{customers(query_demo, last):,}"}
        day = formatting.day(date.fromisoformat(snapshot))
        assert f"Days are counted from {day}: snapshot date of the local warehouse." in texts_of(app)

    def test_an_edit_changes_size_and_address(self, open_segments: OpenSegments, query_demo: Query):
        app = open_segments(edit="1", rule=encode_rule(RICH))
        value_field(app).set_value("900").run()
        assert metrics(app) == {"Customers": f"{customers(query_demo, 'total_revenue >= 900'):,}"}
        again = {"and": [{">=": [{"var": "total_revenue"}, 900]}]}
        assert app.query_params["rule"] == encode_rule(again)

    def test_another_link_in_the_same_session_brings_its_own_rule(self, open_segments: OpenSegments, query_demo: Query):
        app = open_segments(edit="1", rule=encode_rule(RICH))
        value_field(app).set_value("900").run()
        app.query_params["rule"] = encode_rule(YOUNG)
        app.run()
        assert metrics(app) == {"Customers": f"{customers(query_demo, f'coalesce({YOUNG_SQL}, false)'):,}"}

    def test_a_rule_that_only_json_can_show_opens_as_json(self, open_segments: OpenSegments, query_demo: Query):
        rule = {"if": [{">": [{"var": "age"}, 60]}, RICH, YOUNG]}
        app = open_segments(edit="1", rule=encode_rule(rule))
        where = f"CASE WHEN coalesce(age > 60, false) THEN {RICH_SQL} ELSE coalesce({YOUNG_SQL}, false) END"
        assert metrics(app) == {"Customers": f"{customers(query_demo, where):,}"}
        assert not any("only JSON can show" in info.value for info in app.info)
        assert app.query_params["rule"] == encode_rule(rule)

    def test_a_faulty_rule_says_where_and_cannot_be_saved(self, open_segments: OpenSegments):
        app = open_segments(edit="1", rule=encode_rule({"==": [{"var": "cityy"}, "Oslo"]}))
        said = [error.value.replace("\\", "") for error in app.error]
        assert any(text.startswith("Line 4, $.==[0].var") for text in said)
        assert all('There is no column "cityy".' in text for text in said)
        assert next(button for button in app.button if button.label == "Save").disabled

    def test_predictions_before_the_first_scoring(self, open_segments: OpenSegments):
        app = open_segments(edit="1", rule=encode_rule({">": [{"var": "churn_probability"}, 0.5]}))
        assert "customers have not been scored yet" in app.error[0].value

    @pytest.mark.parametrize("word", ["hello!!world", "AAAA", encode_rule(RICH)[:-6]])
    def test_a_damaged_rule_says_so_and_is_everyone(self, open_segments: OpenSegments, word: str):
        app = open_segments(edit="1", rule=word)
        assert app.warning[0].value.startswith("The rule in the link cannot be read")
        assert metrics(app) == {"Customers": f"{DEMO_CUSTOMERS:,}"}

    def test_an_unfinished_condition_is_not_counted_and_not_saved(self, open_segments: OpenSegments, query_demo: Query):
        app = open_segments(edit="1", rule=encode_rule(RICH))
        next(button for button in app.button if "Condition" in button.label).click().run()
        assert metrics(app) == {"Customers": f"{customers(query_demo, RICH_SQL):,}"}
        assert next(button for button in app.button if button.label == "Save").disabled
        assert "Choose a field; until then this condition is not counted." in texts_of(app)

    def test_discard_takes_the_rule_out_of_the_address(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        app = open_segments(segment=rich, edit="1", rule=encode_rule(YOUNG))
        assert metrics(app)["Customers"] == f"{customers(query_demo, YOUNG_SQL):,}"
        next(button for button in app.button if button.label == "Discard").click().run()
        assert metrics(app)["Customers"] == f"{customers(query_demo, RICH_SQL):,}"
        assert "rule" not in app.query_params

    def test_what_was_not_saved_is_offered_again(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        app = open_segments(segment=rich, edit="1")
        value_field(app).set_value("900").run()
        app.button[0].click().run()  # back to the segment
        next(button for button in app.button if button.label == "All segments").click().run()
        assert any("You have changes to **Rich** that are not saved." in text for text in texts_of(app))
        app.button(key=f"unsaved-continue-{rich}").click().run()
        assert metrics(app)["Customers"] == f"{customers(query_demo, 'total_revenue >= 900'):,}"

    def test_edits_of_two_segments_are_both_kept(self, open_segments: OpenSegments):
        rich, young = keep("Rich", RICH), keep("Young", YOUNG)
        app = open_segments(segment=rich, edit="1")
        value_field(app).set_value("900").run()
        app.query_params.clear()
        app.query_params.update({"segment": young, "edit": "1"})
        app.run()
        value_field(app).set_value("25").run()
        app.query_params.clear()
        app.run()
        assert {f"unsaved-continue-{one}" for one in (rich, young)} <= {button.key for button in app.button}

    def test_a_newer_version_of_somebody_else_is_announced(self, open_segments: OpenSegments):
        rich = keep("Rich", RICH)
        app = open_segments(segment=rich, edit="1")
        value_field(app).set_value("900").run()
        get_services().segmentation.update(rich, SegmentDraft("Rich", YOUNG), actor="bea", expected_version=1)
        app.run()
        assert app.warning[0].value.startswith("bea saved version 2 while you were editing version 1.")

    def test_a_refresh_of_the_browser_does_not_forget_which_version_was_edited(self, open_segments: OpenSegments):
        rich = keep("Rich", RICH)
        app = open_segments(segment=rich, edit="1")
        value_field(app).set_value("900").run()
        address = dict(app.query_params)
        assert address["version"] == "1"
        get_services().segmentation.update(rich, SegmentDraft("Rich", YOUNG), actor="bea", expected_version=1)
        refreshed = open_segments(**address)
        assert refreshed.warning[0].value.startswith("bea saved version 2 while you were editing version 1.")
        assert {"Open newest", "Save as copy"} <= {button.label for button in refreshed.button}

    def test_the_newest_version_can_be_opened_instead(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        get_services().segmentation.update(rich, SegmentDraft("Rich", YOUNG), actor="bea", expected_version=1)
        app = open_segments(segment=rich, edit="1", rule=encode_rule(GOLD), version="1")
        press(app, "Open newest")
        assert not app.warning
        assert {"rule", "version"}.isdisjoint(app.query_params)
        assert metrics(app)["Customers"] == f"{customers(query_demo, YOUNG_SQL):,}"

    @pytest.mark.parametrize("version", ["", "0", "-1", "x", "99", "2", "1" * 50])
    def test_a_link_without_an_older_version_follows_the_newest(self, open_segments: OpenSegments, version: str):
        rich = keep("Rich", RICH)
        get_services().segmentation.update(rich, SegmentDraft("Rich", YOUNG), actor="bea", expected_version=1)
        assert not open_segments(segment=rich, edit="1", rule=encode_rule(GOLD), version=version).warning

    def test_an_untouched_editor_follows_the_newest_version(self, open_segments: OpenSegments, query_demo: Query):
        rich = keep("Rich", RICH)
        app = open_segments(segment=rich, edit="1")
        get_services().segmentation.update(rich, SegmentDraft("Rich", YOUNG), actor="bea", expected_version=1)
        app.run()
        assert not app.warning
        assert metrics(app)["Customers"] == f"{customers(query_demo, YOUNG_SQL):,}"
