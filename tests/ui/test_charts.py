"""Figures show names as they are: Plotly reads tags in every text."""

import plotly.graph_objects as go

from loyalty_core.ui import charts

NAME = '<b>VIP</b> & <a href="https://example.com">more</a>'
ESCAPED = '&lt;b&gt;VIP&lt;/b&gt; &amp; &lt;a href="https://example.com"&gt;more&lt;/a&gt;'


def test_every_text_of_a_figure_is_escaped():
    figure = go.Figure(go.Bar(x=[1], y=[NAME], text=[NAME], hovertext=[NAME], name=NAME, customdata=[NAME]))
    figure.add_annotation(x=0, y=0, text=NAME)
    figure.update_xaxes(title=NAME, tickvals=[0], ticktext=[NAME])
    drawn = charts.escaped(figure)
    bar, layout = drawn.data[0], drawn.layout
    texts = {bar.y[0], bar.text[0], bar.hovertext[0], bar.name, layout.annotations[0].text, layout.xaxis.title.text}
    assert texts | {layout.xaxis.ticktext[0]} == {ESCAPED}
    assert bar.customdata[0] == NAME  # what a click reports


def test_customdata_that_is_shown_is_escaped_and_its_template_is_not():
    figure = go.Figure(go.Sankey(link={"customdata": [NAME], "hovertemplate": "%{customdata}<extra></extra>"}))
    link = charts.escaped(figure).data[0].link
    assert link.customdata[0] == ESCAPED
    assert link.hovertemplate == "%{customdata}<extra></extra>"


def test_lines_and_bold_are_the_only_tags():
    figure = go.Figure(go.Bar(text=[f"{charts.bold('1,200')}\n{NAME}"]))
    assert charts.escaped(figure).data[0].text[0] == f"<b>1,200</b><br>{ESCAPED}"


def test_numbers_stay_numbers():
    figure = go.Figure(go.Heatmap(x=[1, 2], y=[1], z=[[0.5, None]]))
    heat = charts.escaped(figure).data[0]
    assert (list(heat.x), [list(row) for row in heat.z]) == ([1, 2], [[0.5, None]])
