"""Every figure and table of the book and the notebooks, made from results on disk."""

from logolib.report import figures, tables

__all__ = ["figures", "tables"]
