"""Whatever stands in a file, it is a value with its lines or a refusal that names one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from relevo_contract.strict_yaml import DEEPEST, LARGEST, MOST, YamlError, read

PIECES = st.sampled_from(
    [
        *"{}[]:,&*!|>%@`?-#'\"\n\t \\",
        "\n  ",
        "\n- ",
        ": ",
        "a",
        "null",
        "0x1",
        "1e5",
        "007",
        "---\n",
        "...\n",
        "<<",
        "é",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**38), 10**38) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=8), one, max_size=4),
    max_leaves=20,
)


@given(st.text(max_size=200) | st.lists(PIECES, max_size=60).map("".join))
@example("a: &x [*x]")
@example("? [a]\n: b")
@example("%YAML 3.0\n---\na: 1")
@example("!" + "x" * 5_000 + " a")
@example("x" * 5_000 + ": 1\n" + "x" * 5_000 + ": 1")
@example("a: " + "9" * 10_000)
@example("a: '" + "x" * 5_000)
@example("\ud800")
def test_whatever_text_is_a_value_with_its_lines_or_a_short_refusal(text: str) -> None:
    try:
        value, lines = read(text)
    except YamlError as error:
        assert len(str(error)) < 400
        return
    assert isinstance(value, dict | list | str | int | float | None)
    assert all(1 <= line <= text.count("\n") + text.count("\r") + text.count("\x85") + 5 for line in lines.values())


@given(VALUES)
def test_what_a_program_writes_is_read_back(value: Any) -> None:
    quoted = yaml.dump(value, Dumper=_Quoting, allow_unicode=True)
    assert read(quoted)[0] == value


class _Quoting(yaml.SafeDumper):
    """Writes texts in quotes, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("007", "007"), ("0x10", "0x10"), ("1_000", "1_000"), ("12:30", "12:30"),
        ("2020-05-31", "2020-05-31"), ("=", "="), ("", None), ("~", None), ("True", True), ("-0.5e3", -500.0),
        (".5", 0.5), ("1.", 1.0), ("9" * 41, "9" * 41),
    ],
)  # fmt: skip
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    assert read(f"a: {text}")[0] == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2: expected 'a' once"),
        ("a: &b 1", r"line 1: expected no anchor"),
        ("a: 1\nb: *a", r"line 2: expected no anchor .* no alias"),
        ("a: !!python/name:os.system x", "line 1: expected no tag"),
        ("a: 1\nb: !!binary aGk=", "line 2: expected no tag"),
        ("[a]: 1", "line 1: expected a name before the colon"),
        ("a: 1\n\tb: 2", "line 2: expected YAML"),
        ("a: [1", "expected YAML"),
        ("a: 1\n---\nb: 2", "expected YAML"),
        ("a: " + "[" * (DEEPEST + 1), f"line 1: expected at most {DEEPEST} levels"),
        ("\n".join(["- 1"] * (MOST + 1)), f"expected at most {MOST:,} values"),
        ("#" * (LARGEST + 1), f"expected at most {LARGEST:,} characters"),
    ],
)
def test_what_is_doubtful_is_refused_by_its_line(text: str, said: str) -> None:
    with pytest.raises(YamlError, match=said):
        read(text)


def test_each_value_has_its_line() -> None:
    value, lines = read("a: 1\n# why\nb:\n  - x\n  - {c: 2,\n     d: 3}\n")
    assert value == {"a": 1, "b": ["x", {"c": 2, "d": 3}]}
    assert {path: line for path, line in lines.items() if path} == {
        ("a",): 1, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5, ("b", 1, "d"): 6,
    }  # fmt: skip
