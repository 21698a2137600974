"""Training on rows that no process holds all of: partitions of them on the workers of a Dask cluster.

What is learnt from rows is learnt from sums over them, and sums of partitions add up: so the encoder, the profile and
the out-of-fold features are the same as in one process, to the last digits of a float. `cluster` alone speaks to Dask,
`boosting` to XGBoost's collective; the others are pure.
"""
