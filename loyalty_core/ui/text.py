"""Texts from the data and from people, made safe for where they are shown: the one place where that is done.

Streamlit reads Markdown in labels, messages, metrics and help texts, Plotly reads HTML tags in every text of a figure.
Without escaping, a name could draw a picture from another host, be a link out of the app, or look like part of the app.
tests/ui/test_text_is_escaped.py finds texts that reach a screen without it.
"""

import re

# At the start of a text, Markdown makes a list of "- " and "1. ", and a line of "---".
_BLOCK_MARK = re.compile(r"^( ?\d{1,9}(?=\.(?:\s|$))| ?(?=-(?:\s|[\s-]*$)))")
_INDENTATION = re.compile(r"^[ \t]+")
_SPECIAL = re.compile(r"[\\`*_{}\[\]()<>#+!|$~:&]")
# Streamlit replaces icons and emoji (:smile:), and Markdown makes links of addresses, even when they are escaped.
_ICON = re.compile(r"\\:(?!(?!100\\|1234\\)\d{1,60}\\:)(?=(?:[\w/-]|\\[_+]){1,60}\\:)")
_ADDRESS = re.compile(r"(?<=\S)(@)(?=\S)|(?<=http)(s?\\:)|(?<=www)(\.)", re.IGNORECASE)
# A directive without effect in the middle prevents both.
_WITHOUT_EFFECT = r':color[\g<0>]{foreground="inherit"}'
# Where directives are not possible, an invisible character does.
_WORD_JOINER = "\u2060"


def escape(text: str, *, in_badge: bool = False) -> str:
    """Text to show unchanged in Markdown, on one line, whatever characters a name or an id contains.

    Addresses do not become links, which would lead out of the app. A badge takes no directives: there an invisible
    character prevents the link.
    """
    line = _INDENTATION.sub(" ", " ".join(text.splitlines()))
    escaped = _BLOCK_MARK.sub(r"\1\\", _SPECIAL.sub(r"\\\g<0>", line))
    escaped = _ICON.sub(rf"\g<0>{_WORD_JOINER}" if in_badge else _WITHOUT_EFFECT, escaped)
    return _ADDRESS.sub(rf"{_WORD_JOINER}\g<0>" if in_badge else _WITHOUT_EFFECT, escaped)


def escape_paragraphs(text: str) -> str:
    """The same for a text of several paragraphs, which stay paragraphs."""
    return "\n\n".join(escape(part) for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip())


def escape_in_figure(text: str) -> str:
    """Text to show unchanged in a Plotly figure."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
