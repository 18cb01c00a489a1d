"""How a blank's results count together: its lighter checks only with its main ones."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from grader.records import CheckResult, Verdict

__all__ = ["main_results", "settled", "unsettled"]

NOT_YET = "Right as far as it goes; it counts once this passes: "


def settled(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """
    Return the results as they count: where all of a blank's main checks failed, its others count nothing.

    The main checks are those of the blank's largest weight. Without this rule an array of zeros would
    earn the marks for the right shape and for leaving its arguments alone.
    """
    main = main_results(results)
    counting = {Verdict.PASSED, Verdict.GRADER_ERROR}
    earning = {blank for blank, own in main.items() if any(r.verdict in counting for r in own)}
    return tuple(
        result
        if result.blank in earning or result.verdict is not Verdict.PASSED
        else msgspec.structs.replace(
            result, verdict=Verdict.SKIPPED, message=f"{NOT_YET}{main[result.blank][0].title}"
        )
        for result in results
    )


def unsettled(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Return the results as they were found: a check that passed and did not count has passed."""
    return tuple(
        msgspec.structs.replace(result, verdict=Verdict.PASSED, message="")
        if result.verdict is Verdict.SKIPPED and result.message.startswith(NOT_YET)
        else result
        for result in results
    )


def main_results(results: Sequence[CheckResult]) -> dict[str, list[CheckResult]]:
    """Return each blank's results of its largest weight."""
    main: dict[str, list[CheckResult]] = {}
    for result in results:
        own = main.setdefault(result.blank, [])
        if own and result.weight > own[0].weight:
            own.clear()
        if not own or result.weight == own[0].weight:
            own.append(result)
    return main
