"""Text to logo."""

from logolib.generate.pipeline import LogoOutput, LogoPipeline
from logolib.generate.stage import PromptError, generate

__all__ = ["LogoOutput", "LogoPipeline", "PromptError", "generate"]
