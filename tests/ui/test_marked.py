"""What anybody wrote is shown as it was written: no heading, picture, formula or link comes of it on any page."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import relevo_ui
from relevo_ui.language import english, spanish
from relevo_ui.marked import Markdown, marked, marking

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PIECES = st.sampled_from(
    ["a", "é", "_", "__", "*", "**", "`", "```", "[", "]", "(", ")", "!", "<", ">", "b>", "#", "# ", "- ", "---", "1. ",
     "2) ", "+ ", "$", "$$", "~", "~~~", "|", "\\", "\n", "\r\n", "\t", "    ", "&#36;", "&amp;", ":red[x]", ":a", "= ",
     "==="]
)  # fmt: skip
TYPED = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=12)
HOSTILE = [
    "![x](http://evil/y.png)", "[Log in again](http://evil)", "<img src=x onerror=alert(1)>", "# Promoted",
    "**rejected**", "$\\sum$ and $x$", "a\n\n| b |\n|---|\n", ":red[stop]", "1. first", "```\ncode", "_house_",
    "- item",    "<http://evil>", "&#91;x&#93;(y)", "    code", "[x]: http://evil", "~~gone~~",
]  # fmt: skip


def read(markdown: str) -> str:
    """The text of what is one paragraph of nothing but text; anything else is an error."""
    blocks = READER.parse(markdown)
    assert [block.type for block in blocks] in ([], ["paragraph_open", "inline", "paragraph_close"]), markdown
    inline = blocks[1].children or [] if blocks else []
    assert {one.type for one in inline} <= {"text", "text_special"}, markdown
    return "".join(one.content for one in inline)


def words(text: str) -> list[str]:
    return text.replace("\x00", "\ufffd").split()


@given(TYPED)
def test_any_text_is_a_paragraph_that_says_it(text: str) -> None:
    assert words(read(marked(text))) == words(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    assert words(read(marked(text))) == words(text)
    assert words(read(marking(english)("New to {column}: {places}", column=text, places=text))) == words(
        f"New to {text.strip()}: {text}"
    )
    assert ":red" not in str(marked(":red[x]")).replace("\\:", ""), "Streamlit's own directives"
    assert "$" not in str(marked(text)).replace("\\$", "")


def test_markdown_on_purpose_stays_and_only_its_values_are_escaped() -> None:
    assert marked(Markdown("**a**")) == "**a**"
    mark = marking(english)
    assert mark("**{name}** [here]({link})", name="*x*", link=Markdown("http://y")) == r"**\*x\*** [here](http://y)"
    assert isinstance(marking(spanish)("Batch"), Markdown)


READ_AS_MARKDOWN = {
    "markdown", "caption", "info", "warning", "error", "success", "exception", "write_stream", "text", "toast",
    "title", "header", "subheader", "badge", "status", "help", "html",
}  # fmt: skip


def is_fixed(text: ast.expr) -> bool:
    """Whether it is a text of our own without anything in it."""
    if isinstance(text, ast.Call) and isinstance(text.func, ast.Name) and text.func.id in {"say", "spoken"}:
        return len(text.args) == 1 and not text.keywords and isinstance(text.args[0], ast.Constant)
    return isinstance(text, ast.Constant)


def test_every_text_that_streamlit_reads_as_markdown_is_shown_by_the_function_that_escapes() -> None:
    found = []
    for file in sorted(Path(relevo_ui.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                hidden = any(word.arg == "unsafe_allow_html" for word in node.keywords)
                if hidden or (name in READ_AS_MARKDOWN and node.args and not is_fixed(node.args[0])):
                    found.append(f"{file.name}:{node.lineno} {name}")
    assert found == []
