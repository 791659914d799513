"""Text to logo."""

from logolib.generate.options import OptionError, Words
from logolib.generate.output import AgainError, LogoOutput
from logolib.generate.pipeline import LogoPipeline
from logolib.generate.prompts import PromptError
from logolib.generate.stage import GenerateError, again, generate
from logolib.generate.widgets import sliders

__all__ = [
    "AgainError",
    "GenerateError",
    "LogoOutput",
    "LogoPipeline",
    "OptionError",
    "PromptError",
    "Words",
    "again",
    "generate",
    "sliders",
]
