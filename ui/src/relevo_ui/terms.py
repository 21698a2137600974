"""What the words of the pages mean, for whoever opens the "?" beside them. Texts alone."""

from __future__ import annotations

from typing import Final

PROMISED: Final = (
    "The error that a version had on rows it was not trained on, when it was trained. That is what it promises of rows "
    "to come."
)
REAL: Final = (
    "The error of the version in production on the newest batch, before anything was trained on it: a real forecast."
)
RANGE: Final = (
    "Where nine batches in ten should fall, as such promises were kept so far. In parentheses beside a figure stands "
    "its 95 % interval: what the figure could as well be, for it is known from so many rows only."
)
HELD_OUT: Final = (
    "Of each batch some rows are held out: no version is ever trained on them, so that all can be judged on the same "
    "rows fairly."
)
NOISE: Final = (
    "Two samples of the same data differ by chance. A column has moved if it differs by more than chance gives at this "
    "number of rows."
)
CHAMPION: Final = "The champion is the version in production; the challenger is the new one that wants its place."
SHRUNK: Final = (
    "A segment of few rows says little alone. Its difference is drawn towards that of all rows, as far as it is "
    "unsure; the interval is of what is left."
)
GAIN: Final = (
    "A correction of the champion is learnt on the older rows that wait and tried on the newer. What it takes off "
    "there is what a training is expected to take off the rows to come."
)
SHAPLEY: Final = (
    "Shapley values: by how much each column moves the prediction from that of a typical row, over the version's own "
    "held-out rows. The share is of all columns together."
)
SERVED: Final = (
    "A version serves once the operator has handed serving over to it. Until then, and if it cannot serve, the one "
    "before goes on."
)
ANSWERS: Final = (
    "Requests for predictions and explanations, as the inference API counts them: refused are those that the client "
    "had wrong, failed those that the API could not answer."
)
