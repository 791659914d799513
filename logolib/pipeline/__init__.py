"""The whole run: Snakemake decides what is out of date, papermill executes it, Jupyter Book publishes it."""

from logolib.pipeline.book import build_book
from logolib.pipeline.notebook import run_notebook
from logolib.pipeline.run import make_plan, run_job, run_pipeline
from logolib.pipeline.slurm import submit

__all__ = ["build_book", "make_plan", "run_job", "run_notebook", "run_pipeline", "submit"]
