"""Automatic judging: does the picture fit its text, by a CLIP and a marker that no generator ever saw."""

from logolib.evaluate.judge import Judge, JudgeError, load_judge
from logolib.evaluate.marker import ATTRIBUTES, Marker, MarkerError
from logolib.evaluate.stage import EvaluateError, evaluate
from logolib.evaluate.statistics import Interval, bootstrap_mean, paired_difference, wilson

__all__ = [
    "ATTRIBUTES",
    "EvaluateError",
    "Interval",
    "Judge",
    "JudgeError",
    "Marker",
    "MarkerError",
    "bootstrap_mean",
    "evaluate",
    "load_judge",
    "paired_difference",
    "wilson",
]
