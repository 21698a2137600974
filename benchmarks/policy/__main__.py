"""When to train: Relevo's policy beside always, never and a common rule, test-then-train: `make bench-policy`.

    always      a training after each batch: the most a policy can learn
    never       only the first batch is ever learnt from
    R2 fell     the usual rule: train when R2 of the log price on a batch is 0.05 below R2 on the model's held-out rows
    Relevo      decide, then promote, by the steps' own functions and default limits
    hindsight   the limit: as many trainings as Relevo made (the last batch aside), chosen with the outcome known

Every policy uses the train step's own model, trained on the same rows for the same batches. All rows of each batch are
priced by the model that stands when it comes, then the policy is told of it. Several cuts of the same listings, in
published order, so that no figure is one lucky cut's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from benchmarks.policy.market import Market, market, read
from benchmarks.policy.models import Models
from benchmarks.policy.policies import Relevo, always, never, r2_fell
from benchmarks.policy.replay import Score, hindsight, replay
from relevo_demo.source.batches import cut
from relevo_jobs.decide import policy
from relevo_jobs.promote import comparison
from tests.houses import COLUMNS

MOST_ERROR = 1.03
"""Times always."""
MOST_TRAININGS = 0.6
NAMES = ("always", "never", "R2 fell", "Relevo", "hindsight")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parsed = argparse.ArgumentParser(
        prog="make bench-policy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parsed.add_argument("--data", type=Path, required=True, help="CSV with the twelve columns of the public listings")
    parsed.add_argument("--batches", type=int, default=10, help="batches a cut (default 10)")
    parsed.add_argument("--cuts", type=int, default=3, help="how many cuts, by seeds 0, 1, ... (default 3)")
    parsed.add_argument("--seed", type=int, default=0, help="seed of the trainings and of the bootstrap (default 0)")
    parsed.add_argument("--threads", type=int, default=0, help="threads XGBoost may use; 0 is all (default)")
    parsed.add_argument("--cache", type=Path, help="folder that keeps the models' prices for the next run; mind that "
                        "a change of the model makes it stale")  # fmt: skip
    parsed.add_argument("--verdicts", action="store_true", help="print Relevo's sentence for every batch")
    return parsed


def judge(listings: Market, models: Models, *, seed: int, verdicts: bool) -> dict[str, Score]:
    """Every policy on one cut."""
    relevo = Relevo(models, policy.Limits(), comparison.Limits(), seed)
    scores = {
        "always": replay(models, always()),
        "never": replay(models, never()),
        "R2 fell": replay(models, r2_fell(models)),
        "Relevo": replay(models, relevo),
    }
    useful = sum(verdict.train for number, verdict in relevo.verdicts.items() if number < listings.numbers[-1])
    scores["hindsight"] = hindsight(models, useful)
    if verdicts:
        for number, verdict in relevo.verdicts.items():
            promotion = relevo.promotions.get(number)
            print(f"  {number:3} {verdict.reason:14} {verdict.sentence}")
            if promotion is not None:
                print(f"      {promotion.criterion:14} {promotion.sentence}")
    return scores


def show(title: str, scores: dict[str, Score]) -> None:
    """One table."""
    print(f"\n{title}\n  {'policy':10} {'median APE':>11} {'x always':>9} {'RMSLE':>7} {'trainings':>10}")
    base = scores["always"]
    for name, score in scores.items():
        ratio = score.median_ape / base.median_ape
        print(f"  {name:10} {score.median_ape:11.4f} {ratio:9.3f} {score.rmsle:7.4f} {score.trainings:10g}")


def main() -> int:
    """Replay, print, and say whether the target is met on average."""
    asked = parser().parse_args()
    rows = read(asked.data)
    if not rows:
        print(f"expected rows with the columns {', '.join(COLUMNS)} in {asked.data}, found none", file=sys.stderr)
        return 2
    told: list[dict[str, Score]] = []
    for seed in range(asked.cuts):
        sizes = tuple(cut(len(rows), asked.batches, seed))
        listings = market(rows, sizes)
        cache = asked.cache and asked.cache / f"cut-{asked.batches}-{seed}"
        models = Models(listings, seed=asked.seed, threads=asked.threads, cache=cache)
        scores = judge(listings, models, seed=asked.seed, verdicts=asked.verdicts)
        show(f"cut {seed}: {', '.join(map(str, sizes))} rows", scores)
        told.append(scores)
    mean = {
        name: Score(
            *(statistics.fmean(getattr(t[name], f) for t in told) for f in ("median_ape", "rmsle", "trainings"))
        )
        for name in NAMES
    }
    show(f"mean of {len(told)} cuts", mean)
    ratios = [t["Relevo"].median_ape / t["always"].median_ape for t in told]
    shares = [t["Relevo"].trainings / t["always"].trainings for t in told]
    met = sum(r <= MOST_ERROR and s <= MOST_TRAININGS for r, s in zip(ratios, shares, strict=True))
    print(
        f"\ntarget: at most {MOST_ERROR} x always with at most {MOST_TRAININGS:.0%} of its trainings\nRelevo: "
        f"{statistics.fmean(ratios):.3f} x ({min(ratios):.3f} to {max(ratios):.3f}) with "
        f"{statistics.fmean(shares):.0%} of its trainings; both on {met} of {len(told)} cuts"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
