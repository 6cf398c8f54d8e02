"""What the figures about segments show: values, order and the words on hovering."""

from datetime import UTC, datetime, timedelta

from loyalty_core.segments import SegmentSize
from loyalty_core.segments.figures import NumberComparison, Overlap
from loyalty_core.segments.figures.overlap import Combination
from loyalty_core.ui.segments.detail.segment_charts import differences, overlap_matrix, size_history
from loyalty_core.warehouse import Column
from tests.workbench import Configure

FOUND = Overlap((Combination((), 500), Combination(("a",), 300), Combination(("a", "b"), 100), Combination(("b",), 25)))


def test_sizes_are_steps_in_time(configure: Configure):
    moments = [datetime(2026, 3, day, 6, tzinfo=UTC) for day in (1, 2)]
    sizes = [
        SegmentSize(moments[0], 1_200, 5_000, 1_200, 0, 1, "edit"),
        SegmentSize(moments[1], 0, 5_000, 0, 1_200, 2, "scoring"),
    ]
    [line] = size_history(sizes).data
    assert list(line.x) == moments
    assert list(line.y) == [1_200, 0]
    assert line.line.shape == "hv"
    assert line.hovertext[1] == "2 Mar 2026, 06:00\n0 customers, 0 joined, 1,200 left"


def test_sizes_of_one_day_are_on_an_axis_of_days(configure: Configure):
    moment = datetime(2026, 3, 2, 6, tzinfo=UTC)
    [start, end] = size_history([SegmentSize(moment, 1_200, 5_000, 1_200, 0, 1, "edit")]).layout.xaxis.range
    assert end - start == timedelta(days=2)
    assert start < moment < end


def test_the_largest_difference_is_on_top(configure: Configure):
    revenue, age = Column("total_revenue", "number", "", "Total revenue"), Column("age", "number", "", "Age")
    numbers = [
        NumberComparison(revenue, 1802.04, 676.04, 1.0, 1.0, 1.4),
        NumberComparison(age, 40.0, 44.5, 1.0, 1.0, -0.3),
    ]
    [bars] = differences(numbers).data
    # Plotly draws the first of a horizontal bar chart at the bottom.
    assert list(zip(bars.y, bars.x, strict=True)) == [("Age", -0.3), ("Total revenue", 1.4)]
    assert bars.hovertext[1] == "Total revenue: €1,802.04 on average, €676.04 in the base"


def test_overlap_is_the_share_of_the_row(configure: Configure):
    figure = overlap_matrix(FOUND, {"a": "VIP", "b": "Sleeping"})
    cells, texts = figure.data
    assert list(zip(texts.x, texts.y, texts.text, strict=True)) == [
        ("VIP", "VIP", "100%"),
        ("Sleeping", "VIP", "25%"),
        ("VIP", "Sleeping", "80%"),
        ("Sleeping", "Sleeping", "100%"),
    ]
    assert list(cells.y) == list(cells.x) == ["VIP", "Sleeping"]
    assert [list(row) for row in cells.z] == [[1.0, 0.25], [0.8, 1.0]]
    assert cells.hovertext[1][0] == "100 of 125 customers of Sleeping are in VIP"


def test_an_empty_segment_overlaps_with_none(configure: Configure):
    cells, _ = overlap_matrix(FOUND, {"a": "VIP", "nobody": "Nobody"}).data
    assert [list(row) for row in cells.z] == [[1.0, 0.0], [0.0, 0.0]]
