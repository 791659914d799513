"""From votes to a verdict: who counts, who is preferred, how surely, and whether judges agree with people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from logolib.config import StudySettings
from logolib.results import StageResult, Stopwatch, data_hash, read_json, sha256_file, write_result
from logolib.study import statistics as stat
from logolib.study.power import MOST, prompts_needed
from logolib.study.sheets import RIGHT, Study, StudyError, load_study
from logolib.study.votes import read_votes


def analyse(
    settings: StudySettings,
    folder: Path,
    votes: Sequence[Path],
    out: Path,
    *,
    judge: Path | None = None,
    scripted: bool = False,
    seed: int = 0,
    profile: str = "custom",
) -> StageResult:
    """Read the votes of the study in `folder`; writes OUT/result.json.

    `votes` are CSV files or answers that the exported page saved. judge: fit.json of `logolib evaluate`, whose
    arms have the study's names. scripted: programs voted, and every sentence says so.
    Raises StudyError for votes of another study or of nobody who passed the checks.
    """
    watch = Stopwatch()
    study = load_study(folder)
    table = read_votes(study, votes)
    picks = None if judge is None else _read_judge(judge, study)
    values = findings(settings, study, table, picks=picks, scripted=scripted, seed=seed)
    files = [sha256_file(file) for file in (*votes, *([judge] if judge else []))]
    record = watch.provenance(settings, seed, data_hash([study.study, *files]), profile)
    excluded = tuple({"item": rater, "reason": "missed too many checks"} for rater in values["raters"]["excluded"])
    result = StageResult("study", values, {}, record, excluded)
    write_result(out / "result.json", result)
    return result


def findings(
    settings: StudySettings,
    study: Study,
    table: pd.DataFrame,
    *,
    picks: Mapping[str, Mapping[str, float]] | None = None,
    scripted: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """All numbers of an analysis, from a table that `read_votes` made.

    Raters who missed more checks than `study.misses` are left out, by a rule that the study fixed before the
    first vote. Of a question that came twice the first answer counts. Raises StudyError when nobody is left.
    """
    main, repeats, missed = sort_votes(study, table)
    excluded = sorted(rater for rater, n in missed.items() if n > study.misses)
    main = main[~main["rater"].isin(excluded)]
    if main.empty:
        raise StudyError(f"No vote is left: {len(excluded)} raters missed too many checks; ask more people.")
    kept = sorted(set(main["rater"]))
    pairs = compare(settings, study, main, seed)
    who = "scripted raters, no people" if scripted else "raters"
    return {
        "study": study.study,
        "scripted": scripted,
        "arms": list(study.arms),
        "prompts": int(main["prompt_id"].nunique()),
        "votes": len(main),
        "raters": {"counted": len(kept), "excluded": excluded},
        "ties": float((main["winner"] == "tie").mean()),
        "left_wins": _left(main),
        "same_answer_twice": _consistency(main, repeats[repeats["rater"].isin(kept)]),
        "median_s": float(main["ms"].median() / 1000),
        "alpha": stat.agreement(main),
        "pairs": pairs,
        "strengths": {
            arm: {"strength": s, "low": low, "high": high}
            for arm, (s, low, high) in stat.bradley_terry_interval(
                main,
                [arm for arm in study.arms if arm in set(main["left_arm"]) | set(main["right_arm"])],
                settings.bootstrap,
                seed,
            ).items()
        },
        "judge": None if picks is None else _against_judge(study, main, picks),
        "verdict": verdict(pairs, len(kept), int(main["prompt_id"].nunique()), who, settings),
    }


def sort_votes(study: Study, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """The first answers, the answers to repeats, and how many checks each rater missed.

    Both tables have two columns more: `asked`, the question, and `chosen`, the better arm or nothing for a tie.
    Raises StudyError when a rater answers questions more often than the study asks them.
    """
    winner = table["left_arm"].where(table["winner"] == "left", table["right_arm"])
    table = table.assign(asked=table["prompt_id"], chosen=winner.where(table["winner"] != "tie", ""))
    pair = ["\n".join(sorted(both)) for both in zip(table["left_arm"], table["right_arm"], strict=True)]
    if study.kind == "pairs":
        table["asked"] += "\n" + pd.Series(pair, index=table.index)
        time = table.groupby(["rater", "asked"]).cumcount()
    else:  # the lines of one answer stand together
        run = ((table["asked"] != table["asked"].shift()) | (table["rater"] != table["rater"].shift())).cumsum()
        time = run.groupby([table["rater"], table["asked"]]).transform(lambda runs: pd.factorize(runs)[0])
    check = table["prompt_id"].isin({asked.id for asked in study.checks})
    again = table[(time > 0) & ~check].drop_duplicates(["rater", "asked"]).groupby("rater").size()
    doubled = table.assign(time=time, pair=pair).duplicated(["rater", "asked", "pair", "time"])
    if doubled.any() or (time > 1).any() or (check & (time > 0)).any() or (again > study.repeats).any():
        raise StudyError("A rater answers questions more often than the study asks them; remove doubled lines.")
    wrong = table[check & (table["chosen"] != RIGHT)].drop_duplicates(["rater", "asked"])
    missed = {str(rater): int(n) for rater, n in wrong.groupby("rater").size().items()}
    return table[~check & (time == 0)], table[~check & (time > 0)], missed


def compare(settings: StudySettings, study: Study, main: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    """One row for each pair of arms that was voted on: win rate of the second over the first, tests, and words."""
    rows: list[dict[str, Any]] = []
    for a, b in combinations(study.arms, 2):
        scores = stat.prompt_scores(main, b, a)
        if scores.empty:
            continue
        won, lost, tied, p = stat.sign_test(scores)
        rate, low, high = stat.mean_interval(scores, settings.bootstrap, seed)
        rows.append(
            {"first": a, "second": b, "win_rate": rate, "low": low, "high": high}
            | {"won": won, "lost": lost, "tied": tied, "p": p}
        )
    for row, corrected in zip(rows, stat.holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = corrected
        found = corrected < settings.alpha
        row["preferred"] = (row["second"] if row["won"] > row["lost"] else row["first"]) if found else None
        row["prompts_needed"] = None if found else _needed(settings, row, len(rows))
    return rows


def _needed(settings: StudySettings, row: Mapping[str, Any], pairs: int) -> int | None:
    """How many prompts would show the preference seen here, if it is true; None when no study of MOST would."""
    decided = row["won"] + row["lost"]
    share = max(row["won"], row["lost"]) / decided if decided else 0.5
    if share <= 0.5:
        return None
    tied = row["tied"] / (decided + row["tied"])
    return prompts_needed(min(share, 0.99), settings.alpha / pairs, settings.power, tied)


def verdict(pairs: Sequence[Mapping[str, Any]], raters: int, prompts: int, who: str, settings: StudySettings) -> str:
    """The findings in plain words, one sentence a pair."""
    sentences = [f"{raters} {who} answered for {prompts} prompts."]
    for row in pairs:
        ends = f"{_of_100(row['win_rate'])} of 100, 95% interval {_of_100(row['low'])} to {_of_100(row['high'])}"
        if row["preferred"] is None:
            needed = row["prompts_needed"]
            more = (
                f"it would take about {needed} prompts" if needed else f"more than {MOST} prompts would not be enough"
            )
            said = f"{row['second']} and {row['first']} can't be told apart at this size: {more}"
        else:
            other = row["first"] if row["preferred"] == row["second"] else row["second"]
            said = f"{row['preferred']} is preferred to {other}"
        test = f"sign test over {row['won'] + row['lost']} decided prompts, p = {row['p_holm']:.3g}"
        corrected = " after Holm's correction" if len(pairs) > 1 else ""
        sentences.append(f"{said} ({row['second']} wins {ends}; {test}{corrected}).")
    return " ".join(sentences)


def _left(main: pd.DataFrame) -> dict[str, float] | None:
    """How often the left picture wins, of decided votes: one half when nobody leans to a side."""
    decided = main[main["winner"] != "tie"]
    if decided.empty:
        return None
    share, low, high = stat.share_interval(int((decided["winner"] == "left").sum()), len(decided))
    return {"share": share, "low": low, "high": high}


def _consistency(main: pd.DataFrame, repeats: pd.DataFrame) -> dict[str, float] | None:
    """How often a question that came twice got the same answer."""
    first, again = (some.drop_duplicates(["rater", "asked"]) for some in (main, repeats))
    both = again.merge(first, on=["rater", "asked"], suffixes=("_again", "_first"))
    if both.empty:
        return None
    share, low, high = stat.share_interval(int((both["chosen_again"] == both["chosen_first"]).sum()), len(both))
    return {"share": share, "low": low, "high": high, "n": len(both)}


def _against_judge(study: Study, main: pd.DataFrame, picks: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    text = {asked.id: asked.text for asked in study.prompts}
    rows = []
    for a, b in combinations(study.arms, 2):
        people = {text[str(prompt)]: score - 0.5 for prompt, score in stat.prompt_scores(main, b, a).items()}
        judged = {prompt: by[b] - by[a] for prompt, by in picks.items() if a in by and b in by}
        same, n, share = stat.judge_agreement(people, judged)
        if share is not None:
            rows.append(
                {"first": a, "second": b, "same": same, "n": n, "share": share[0], "low": share[1], "high": share[2]}
            )
    return rows


def _read_judge(file: Path, study: Study) -> dict[str, dict[str, float]]:
    """Prompt => arm => the judge's similarity. Raises StudyError when the file judges nothing of this study."""
    try:
        listed = read_json(file.read_text("utf8"))
        picks = {
            " ".join(row["prompt"].split()): {
                arm: float(found["similarity"]) for arm, found in row.items() if isinstance(found, dict)
            }
            for row in listed
        }
    except FileNotFoundError:
        raise StudyError(f"There is no file {file}; `logolib evaluate` writes fit.json.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise StudyError(f"{file} is not the fit.json of `logolib evaluate`.") from None
    shared = sum(len(set(study.arms) & set(picks.get(asked.text, ()))) > 1 for asked in study.prompts)
    if not shared:
        raise StudyError(f"{file} judges no two arms of this study on its prompts; evaluate the same arms and prompts.")
    return picks


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}"
