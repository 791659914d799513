"""Every figure and table of the book and the notebooks, made from results on disk."""

from logolib.report import datacard, figures, tables

__all__ = ["datacard", "figures", "tables"]
