"""The whole run: Snakemake decides what is out of date, papermill executes it, Jupyter Book publishes it."""

from logolib.pipeline.book import build_book
from logolib.pipeline.notebook import run_notebook
from logolib.pipeline.run import make_plan, run_job, run_pipeline
from logolib.pipeline.slurm import submit
from logolib.pipeline.sweep import make_sweep, read_grid, read_sweep, run_sweep, submit_sweep, write_table

__all__ = [
    "build_book",
    "make_plan",
    "make_sweep",
    "read_grid",
    "read_sweep",
    "run_job",
    "run_notebook",
    "run_pipeline",
    "run_sweep",
    "submit",
    "submit_sweep",
    "write_table",
]
