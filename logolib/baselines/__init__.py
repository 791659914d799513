"""Other people's models behind one interface, timed on the same prompts, sizes and seeds as ours."""

from logolib.baselines.prompts import pick_prompts
from logolib.baselines.stage import baselines
from logolib.baselines.weights import BaselineError

__all__ = ["BaselineError", "baselines", "pick_prompts"]
