"""A declaration holds together, or says by its line what to correct; and its page and its schema tell every field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.data_set import RESERVED
from relevo_contract.strict_yaml import read as read_yaml
from relevo_contract.use_case import Declaration, read, text_of
from relevo_contract.use_case.data_set import data_set
from relevo_contract.use_case.schema import written
from tests.docs.commands import ROOT

LOANS = """\
name: bad-loans
source:
  files: {path: loans, pattern: "*.csv"}
target:
  column: outcome
  task: binary
  positive: bad
columns:
  loan_id: {role: key}
  issued: {type: date, role: time, format: "%b-%Y"}
  state: {type: category, role: place, within: [city]}
  city: category
  amount: {type: number, unit: US dollars, range: [0, 40000]}
  rate: number
  note: {role: ignored}
clean: {duplicates: by key, require: {no_place: [state, city]}}
holdout:
  share: 0.2
  by: [loan_id]
"""
FILES = [*sorted((ROOT / "use_cases").rglob("use_case.yaml")), ROOT / "tests" / "trips" / "use_case.yaml"]
SCHEMA = json.loads((ROOT / "use_cases" / "use_case.schema.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)


def changed(old: str, new: str) -> str:
    assert LOANS.count(old) == 1, old
    return LOANS.replace(old, new)


def line_of(part: str, text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_it_becomes_the_data_set_that_all_parts_work_on() -> None:
    data = data_set(read(LOANS))
    assert (data.name, data.target, data.task) == ("bad_loans", "outcome", "binary")
    assert data.columns == ("loan_id", "issued", "state", "city", "amount", "rate", "note", "outcome")
    assert (data.numeric, data.categorical, data.dates) == (("amount", "rate"), ("state", "city"), ())
    assert (data.aside, data.ignored, data.place, data.within) == (("loan_id", "issued"), ("note",), "state", ("city",))


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        # A field that is missing.
        ("name: bad-loans\n", "", "source:", "expected name in the file, it is missing: write it"),
        ("  column: outcome\n", "", "target:", "expected column in target, it is missing"),
        ("  task: binary\n", "", "target:", "expected task in target, it is missing"),
        ("  positive: bad\n", "", "target:", "expected positive, the outcome whose probability is predicted"),
        ("{path: loans, pattern", "{pattern", "files:", "expected path in source.files, it is missing"),
        # A field that is wrong.
        ("name: bad-loans", "name: Bad Loans", "name:", "expected a text that matches"),
        ("name: bad-loans", "name: 7", "name:", "expected a valid string, got 7"),
        ("name: bad-loans", "name: batches", "name:", "expected a name for its tables .* got batches"),
        ("name: bad-loans", "name: x\ntable: inferences", "table:", "expected a name for its tables"),
        ("name: bad-loans", "name: x\nowner: me", "owner:", "expected no owner: it is no field"),
        ("task: binary", "task: multiclass", "target:", "declare a use case for each outcome"),
        ("task: binary", "task: regression", "task:", "expected 'positive-number', 'number' or 'binary'"),
        ("  rate: number", "  rate: float", "rate:", "expected 'number', 'integer', 'category'"),
        ("  rate: number", "  rate: 5", "rate:", "columns.rate"),
        ("  rate: number", "  rate: null", "rate:", "columns.rate"),
        ("  rate: number", "  Rate: number", "Rate:", "expected a text that matches"),
        ("  rate: number", "  version: number", "version:", "write `from: version` beside it"),
        ("  rate: number", "  ctid: number", "ctid:", "expected a name that RAW and CLEAN do not use"),
        ("  rate: number", "  rate: {type: number, colour: red}", "rate:", "expected no columns.rate.colour"),
        ("  rate: number", "  rate: {type: number, label: {fr: taux}}", "rate:", "expected 'en' or 'es'"),
        ("  rate: number", "  rate: {type: number, label: {}}", "rate:", "at least 1 item"),
        ("  rate: number", "  rate: {type: number, range: [true, 5]}", "rate:", "expected"),
        ("  rate: number", '  rate: {type: number, range: ["1", 5]}', "rate:", "expected"),
        ("  rate: number", "  rate: {type: number, range: [5]}", "rate:", "expected"),
        ("  rate: number", "  rate: {type: number, range: [1e999, 5]}", "rate:", "finite number"),
        ("  rate: number", "  rate: {type: number, unknown: [many]}", "rate:", "expected numbers as unknown"),
        ("  rate: number", f"  rate: {{type: number, unit: {'x' * 201}}}", "rate:", "at most 200 characters"),
        ("share: 0.2", "share: true", "share:", "expected a valid number"),
        ("share: 0.2", "share: 20", "share:", "less than or equal to 0.5"),
        ("share: 0.2", "last: 1.5\n  period: 7", "last:", "expected a valid integer"),
        ("duplicates: by key", "duplicates: drop", "clean:", "expected 'by row', 'by key' or 'keep'"),
        ("duplicates: by key", "duplicates: by key, hook: clean.py", "clean:", "expected a text that matches"),
        ("source:", "quality: {broken: ignore}\nsource:", "quality:", "expected 'exclude' or 'warn'"),
        ("source:", "model: {train: fit}\nsource:", "model:", "expected a text that matches"),
        # Fields that contradict each other.
        ("source:\n", "source:\n  http: {}\n", "source:", "expected one source, .* got http and files"),
        ("  positive: bad", "  positive: 1\n  negative: 1.0", "target:", "expected two outcomes"),
        ("  positive: bad", "  positive: n/a", "target:", "n/a says there is none"),
        ("  positive: bad", "  positive: bad\n  unit: m", "target:", "a probability has none"),
        ("task: binary", "task: number", "target:", "expected positive, negative and values for task binary alone"),
        ("task: binary\n  positive: bad", "task: positive-number\n  range: [-9, 0]", "target:", "a range above zero"),
        ("task: binary\n  positive: bad", "task: number\n  range: [5, 5]", "target:", "the smallest value first"),
        ("  rate: number", "  rate: {type: category, unit: m}", "rate:", "expected a unit for numbers alone"),
        ("  rate: number", "  rate: {unit: m}", "rate:", "it is auto: write its type|is auto: write its type"),
        ("  rate: number", '  rate: {type: number, format: "%d"}', "rate:", "expected a format for dates alone"),
        ("  rate: number", "  rate: {type: number, spelling: zip-code}", "rate:", "expected a spelling for categories"),
        ("  rate: number", "  rate: {type: boolean, range: [0, 1]}", "rate:", "expected a range for numbers and dates"),
        ("  rate: number", "  rate: {type: date, range: [0, 1]}", "rate:", "expected a range of days"),
        ("  rate: number", "  rate: {type: number, range: [2020-01-01, null]}", "rate:", "expected a range of numbers"),
        ("  rate: number", "  rate: {type: number, range: [9, 1]}", "rate:", "the smallest value first"),
        ("  rate: number", "  rate: {type: date, unknown: [0]}", "rate:", "expected unknown for numbers, categories"),
        ("  rate: number", "  rate: {type: number, within: [city]}", "rate:", "expected within for a place alone"),
        ("  rate: number", "  rate: {type: number, role: place}", "rate:", "expected a place to be a category"),
        ("  rate: number", "  rate: {type: category, role: time}", "rate:", "expected a time to be a date or a number"),
        ("  rate: number", "  rate: {type: number, role: time}", "rate:", "one column with role time, got issued"),
        ("  rate: number", "  rate: {type: category, role: place}", "rate:", "one column with role place"),
        ("  rate: number", "  rate: {type: number, from: amount}", "rate:", "amount and rate are both amount"),
        ("  rate: number", "  rate: target", "rate:", "expected outcome as the target alone, rate is marked"),
        ("  rate: number", "  outcome: number", "outcome: n", "outcome, which is the target, to be told under"),
        ("  rate: number", "  outcome: {type: target, role: key}", "outcome: {", "expected nothing beside `target`"),
        ("  rate: number", '  "*": number', '"*"', "what the rest is, each column says"),
        ("within: [city]", "within: [amount]", "state:", "amount is none: leave it out of within"),
        ("within: [city]", "within: [state]", "state:", "state is none: leave it out of within"),
        ("within: [city]", "within: [town]", "state:", "that are declared, got town"),
        ("{role: key}", "category", "clean:", "expected a column with role key: clean has duplicates by key"),
        ("require: {no_place: [state, city]}", "require: {no_place: note}", "clean:", "that CLEAN keeps, .* got note"),
        ("require: {no_place: [state, city]}", "require: {no_place: town}", "clean:", "that are declared, got town"),
        ("by: [loan_id]", "by: [outcome]", "holdout:", "the target apart, got outcome"),
        ("by: [loan_id]", "by: [note]", "holdout:", "that CLEAN keeps, the target apart, got note"),
        ("by: [loan_id]", "by: loan_nr", "holdout:", "that are declared, got loan_nr"),
        ("by: [loan_id]", "by: city\n  where_missing: {state: rate}", "where_missing:", "nothing can stand in for it"),
        ("share: 0.2", "last: 7", "holdout:", "expected last and period together"),
        ("share: 0.2", "last: 5\n  period: 7", "holdout:", "at most half of a period"),
        ("source:", "model: {per: amount}\nsource:", "model:", "expected model.per for task positive-number"),
        ("source:", "model: {ratios: [[rate, city]]}\nsource:", "model:", "inputs that are numbers .*, city is none"),
        ("source:", "model: {ratios: [[rate, outcome]]}\nsource:", "model:", "numbers .*, outcome is none"),
    ],
)  # fmt: skip
def test_each_thing_that_is_wrong_is_told_by_its_line(old: str, new: str, at: str, said: str) -> None:
    text = changed(old, new)
    with pytest.raises(ValueError, match=said) as caught:
        read(text)
    first = str(caught.value).splitlines()[0]
    expected = line_of(at, text)
    own = ("by:", "share:", "last:") if at == "holdout:" else ()  # a field has its own line, or its group's
    lines = [expected, *(line_of(one, text) for one in own if one in text)]
    assert any(f"use_case.yaml, line {number}: " in first for number in lines), (expected, first)


def test_a_time_is_asked_for_where_a_period_is_held_out() -> None:
    text = changed(", role: time", "").replace("share: 0.2", "last: 7\n  period: 30")
    with pytest.raises(ValueError, match=f"line {line_of('period:', text)}: .* a column with role time"):
        read(text)


def test_something_is_to_be_learnt_from() -> None:
    text = LOANS.split("columns:", maxsplit=1)[0] + "columns:\n  loan_id: {role: key}\n  words: text\n"
    with pytest.raises(ValueError, match=f"line {line_of('columns:', text)}: .* one column to learn from"):
        read(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = changed("name: bad-loans", "name: BAD").replace("rate: number", "rate: float").replace("0.2", "2")
    with pytest.raises(ValueError, match="line") as caught:
        read(text)
    lines = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert lines == [f"use_case.yaml, line {line_of(part, text)}" for part in ("name:", "rate:", "share:")]


@pytest.mark.parametrize("text", ["", "# nothing", "[]", "loans", "7", "null"])
def test_what_is_no_declaration_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="expected name, source, target and columns, got"):
        read(text)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_name_that_is_taken_is_had_by_another(name: str) -> None:
    data = data_set(read(changed("  rate: number", f"  other: {{type: number, from: {name}}}")))
    assert data.sent[data.columns.index("other")] == name


def test_a_thousand_columns_are_declared_and_one_more_is_not() -> None:
    columns = "".join(f"  c{place}: number\n" for place in range(1_000))
    text = f"name: wide\nsource: {{http: {{}}}}\ntarget: {{column: y, task: number}}\ncolumns:\n{columns}"
    assert len(data_set(read(text)).numeric) == 1_000
    with pytest.raises(ValueError, match=r"line 4: .* at most 1000 items"):
        read(text + "  more: number\n")


def test_what_is_auto_is_told_where_it_is_needed() -> None:
    declared = read(changed("  rate: number", '  rate: {label: rate}\n  "*": auto'))
    assert declared.unresolved == ("rate", "*")
    with pytest.raises(ValueError, match=r"got auto for rate, \*: run `relevo check --write`"):
        data_set(declared)


WORDS = st.sampled_from(["bad", "number", "*", "%Y", "x:y"]) | st.text(max_size=9)
FIELDS = st.sampled_from(["type", "role", "range", "from", "a"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | WORDS,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(FIELDS, one, max_size=3),
    max_leaves=8,
)
NAMES = sorted({*Declaration.model_fields, "files", "http", "sql", "column", "task", "positive", "rate", "by", "share"})


@given(st.data())
def test_whatever_a_field_holds_is_a_declaration_or_a_sentence(data: st.DataObject) -> None:
    """Any value in any place: no other error comes out, and what the schema refuses is refused."""
    came: Any = read_yaml(LOANS)[0]
    at = came
    name = data.draw(st.sampled_from([*at, *NAMES]))
    while isinstance(inner := at.get(name), dict) and data.draw(st.booleans()):
        at = inner
        name = data.draw(st.sampled_from([*at, *NAMES]))
    at[name] = data.draw(ANYTHING)
    try:
        declared = read(json.dumps(came))
        data_set(declared)
    except ValueError as error:
        assert "expected" in str(error).lower() or "should" in str(error), error
        assert all(len(line) < 2_000 for line in str(error).splitlines())
    else:
        assert VALID.is_valid(came) or "1" in json.dumps(came), came


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_declarations_that_ship_are_valid_by_the_published_schema(file: Any) -> None:
    VALID.validate(read_yaml(file.read_text(encoding="utf-8"))[0])
    read(file.read_text(encoding="utf-8"))


def test_the_published_schema_is_the_models() -> None:
    assert (ROOT / "use_cases" / "use_case.schema.json").read_text(encoding="utf-8") == written(), "run `make schema`"


@pytest.mark.parametrize(
    ("old", "new"),
    [("rate: number", "rate: float"), ("rate: number", "Rate: number"), ("0.2", "2"), ("task: binary", "task: class"),
     ("by: [loan_id]", "by: [loan_id]\n  of: x"), ("name: bad-loans\n", "")],
)  # fmt: skip
def test_an_editor_is_told_by_the_schema(old: str, new: str) -> None:
    assert VALID.is_valid(read_yaml(LOANS)[0])
    assert not VALID.is_valid(read_yaml(changed(old, new))[0])


def test_every_field_of_the_schema_says_what_it_means() -> None:
    fields = [("", SCHEMA), *SCHEMA["$defs"].items()]
    silent = [(of, name) for of, part in fields for name, one in part["properties"].items() if "description" not in one]
    assert not silent


def test_a_file_that_is_no_utf_8_is_told_and_no_more_of_one_is_read_than_a_declaration_may_have(tmp_path: Path) -> None:
    file = tmp_path / "use_case.yaml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ValueError, match=r"expected UTF-8 in .*use_case\.yaml, got something else: save it as UTF-8"):
        text_of(file)
    file.write_bytes(b"#" * 3_000_000)
    assert len(text_of(file)) < 1_100_000
