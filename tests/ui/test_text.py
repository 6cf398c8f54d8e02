"""Texts are escaped so that Markdown and Plotly show them as they are."""

import pytest

from loyalty_core.ui.text import escape, escape_in_figure, escape_paragraphs

IN_THE_MIDDLE = ':color[{}]{{foreground="inherit"}}'


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*a* [b](c) <i>", r"\*a\* \[b\]\(c\) \<i\>"),
        ("R&D &lt;b&gt;", r"R\&D \&lt;b\&gt;"),
        ("1. FC Köln", r"1\. FC Köln"),
        ("- none", r"\- none"),
        ("---", r"\---"),
        ("-5.0 of 12.50", "-5.0 of 12.50"),
        ("--5", "--5"),
        ("\t    code", " code"),
        ("a\n\n# b\r\n- c", r"a  \# b - c"),
        ("12:30:45", r"12\:30\:45"),
        (":material/home: and :+1:", rf"{IN_THE_MIDDLE}material/home\: and {IN_THE_MIDDLE}\+1\:".replace("{}", r"\:")),
        ("a@b.c", f"a{IN_THE_MIDDLE}b.c".replace("{}", "@")),
        ("https://b.c", f"http{IN_THE_MIDDLE}//b.c".replace("{}", r"s\:")),
    ],
)
def test_what_markdown_would_change_is_escaped(text: str, escaped: str):
    assert escape(text) == escaped.replace("{{", "{").replace("}}", "}")


def test_a_badge_has_invisible_characters_in_place_of_directives():
    assert escape("a@b.c :smile:", in_badge=True) == "a\u2060@b.c \\:\u2060smile\\:"


def test_long_texts_take_no_long_time():
    """Each would take minutes if the time grew with the square of the length."""
    for text in (":" + "a" * 500_000, ":a" * 200_000, " " * 500_000, "1" * 500_000):
        assert len(escape(text)) >= len(text.strip())


def test_paragraphs_stay_paragraphs():
    assert escape_paragraphs("One\nof *two*.\n \n- and\r\n\r\n\n2. two\n") == "One of \\*two\\*.\n\n\\- and\n\n2\\. two"


def test_figures_have_no_tags_of_the_data():
    assert escape_in_figure('<a href="x">R&D</a>') == '&lt;a href="x"&gt;R&amp;D&lt;/a&gt;'
