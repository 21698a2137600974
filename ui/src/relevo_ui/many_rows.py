"""Many rows, from a CSV: the part of Predict that takes a file and gives it back with predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from relevo_contract.version import Example
from relevo_ui import predictions, row_file, session, spreadsheet
from relevo_ui.marked import Mark, Markdown, marked, marking, show
from relevo_ui.problems import explained
from relevo_ui.wording import Wording, listed

LINES_TOLD: Final = 10
WRONG: Final = "⚠"
"""Stands before a value that was refused, or not believed."""
NAMED: Final = 12
"""Columns that the page names."""


def _predicted_once(key: str, file: row_file.RowFile, say: Wording) -> predictions.Predictions:
    """Predict once a file, not at every click: what is asked stays so. What was stopped goes on when told to."""
    kept = st.session_state.get("predicted_file") == key
    made: predictions.Predictions | None = st.session_state["predicted"] if kept else None
    if made is None or st.session_state.pop("go_on", False):
        count = f"{len(file.sent):,}"
        bar = st.progress(0.0, say("Predicting {count} rows", count=count))

        def tell(so_far: predictions.Predictions) -> None:
            words = say("Predicting {count} rows: {done} are done", count=count, done=f"{so_far.done:,}")
            bar.progress(so_far.done / len(file.sent), words)

        made = predictions.predict(file.sent, session.api().predict, tell, made)
        bar.empty()
        st.session_state["predicted"], st.session_state["predicted_file"] = made, key
    return made


def _in_words(found: Mapping[str, str], say: Wording) -> str:
    """What is wrong with a row, or not believed of it, input by input."""
    told = {name: explained(problem, say) for name, problem in found.items()}
    return "; ".join(
        text if name == predictions.WHOLE else f"{say.column(name)}: {text}" for name, text in told.items()
    )


def _stopped(made: predictions.Predictions, say: Wording) -> None:
    """Why some rows were not asked for, and a way to go on."""
    if made.stopped is None:
        return
    show(st.error, made.stopped.told(say), icon=":material/cloud_off:")
    st.button(say("Go on"), on_click=lambda: st.session_state.update(go_on=True))


def _lines_told(file: row_file.RowFile, found: Mapping[int, str], mark: Mark) -> Markdown:
    """The first rows that something is said of, by the file's own lines."""
    first = sorted(found.items())[:LINES_TOLD]
    told = [mark("Line {line}: {problem}", line=file.lines[number], problem=said) for number, said in first]
    if len(found) > LINES_TOLD:
        told.append(mark("and {count} more, in the download", count=f"{len(found) - LINES_TOLD:,}"))
    return Markdown("  \n".join(told))


def _on_the_page(file: row_file.RowFile, told: list[list[Any]], made: predictions.Predictions, say: Wording) -> None:
    """The table as it is downloaded, each row with its line, and what is wrong marked where it stands."""
    flagged = row_file.flagged(file, made)
    rows = list(range(len(file.rows)))
    if flagged and st.toggle(say("Only the {count} rows with something wrong", count=f"{len(flagged):,}")):
        rows = sorted(flagged)
    # As it is downloaded, for the table on the page can be downloaded, too.
    shown = [[spreadsheet.harmless(value) for value in told[1 + number]] for number in rows]
    names = row_file.unique([say("line"), *map(spreadsheet.harmless, told[0])])
    for at, number in enumerate(rows):
        for place in flagged.get(number, ()):
            shown[at][place] = f"{WRONG} {shown[at][place]}"
    table = pd.DataFrame([[file.lines[n], *row] for n, row in zip(rows, shown, strict=True)], columns=names)
    wrong = names[-2:]
    first = [names[0], *(wrong if flagged else ())]
    st.dataframe(
        table,
        hide_index=True,
        column_order=[*first, *(name for name in names if name not in first)],
        column_config={name: st.column_config.Column(pinned=name == names[0]) for name in first},
        alt=say("The rows of the file with their predictions"),
    )


def page(say: Wording, example: Example | None) -> None:
    """A CSV in, the same with predictions out."""
    mark = marking(say)
    names = Markdown(", ".join(f"`{name}`" for name in say.data.inputs[:NAMED]) + " …" * (len(say.data.inputs) > NAMED))
    hint = mark(
        "A CSV with a line of names; any of {names}, in any order. Other columns are kept as they are.", names=names
    )
    show(st.markdown, hint)
    show(
        st.caption,
        say(
            "At most {megabytes} MB, {rows} rows, {columns} columns and {characters} characters a value; separated "
            "by commas, semicolons or tabs; in UTF-8.",
            megabytes=row_file.MOST_MEGABYTES,
            rows=f"{row_file.MOST_ROWS:,}",
            columns=row_file.MOST_COLUMNS,
            characters=f"{row_file.MOST_CHARACTERS:,}",
        ),
    )
    st.download_button(
        say("An example to fill in"), row_file.example(say.data, example), "rows.csv", "text/csv", on_click="ignore"
    )
    given = st.file_uploader(say("Rows as CSV"), type=["csv", "tsv", "txt"], max_upload_size=row_file.MOST_MEGABYTES)
    if given is None:
        return
    try:
        file = row_file.read(given.getvalue(), say.data)
    except row_file.FileError as error:
        show(st.error, error.told(say), icon=":material/error:")
        return
    made = _predicted_once(given.file_id, file, say)
    problems = {number: _in_words(found, say) for number, found in made.problems.items()}
    blanked = {number: _in_words(one.blanked, say) for number, (one, _) in made.predictions.items() if one.blanked}
    told = row_file.table(file, say.data.target, made.predictions, blanked, problems)
    counted = {"count": f"{len(made.predictions):,}", "all": f"{len(file.rows):,}"}
    ignored = [name or say("(no name)") for name in file.ignored]
    done = mark("**{count} of {all} rows are predicted.**", **counted)
    unused = mark("Not used: {columns}.", columns=listed(ignored, 6, say)) if ignored else ""
    show(st.markdown, Markdown(f"{done} {unused}".rstrip()))
    _stopped(made, say)
    if problems:
        show(st.error, _lines_told(file, problems, mark), icon=":material/error:")
    if blanked:
        begins = marked(say("Values that are not believed are taken as unknown."))
        show(st.warning, Markdown(f"{begins}  \n{_lines_told(file, blanked, mark)}"), icon=":material/help:")
    st.download_button(
        say("Download the predictions"),
        lambda: spreadsheet.written(told, file.delimiter, marked=file.marked),
        "predictions" + Path(given.name).suffix,
        "text/tab-separated-values" if file.delimiter == "\t" else "text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
    _on_the_page(file, told, made, say)
