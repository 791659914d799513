"""The whole run: Snakemake decides what is out of date, papermill executes it, Jupyter Book publishes it."""

from logolib.pipeline.book import build_book
from logolib.pipeline.notebook import run_notebook
from logolib.pipeline.run import run_pipeline

__all__ = ["build_book", "run_notebook", "run_pipeline"]
