"""A project whose notebooks write a small result and stop there, for tests of the pipeline."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import logolib
from logolib.pipeline.plan import STAGES

ROOT = Path(logolib.__file__).parents[1]
STAGE_CELL = """
from pathlib import Path
from logolib.config import load_profile
from logolib.results import StageResult, Stopwatch, write_result

settings = load_profile(profile, changes)
out = Path(run) / {folder!r}
out.mkdir(parents=True, exist_ok=True)
for name in {files!r}:
    (out / name).write_text("x")
provenance = Stopwatch().provenance(settings.{stage}, settings.seed, "0")
write_result(out / "result.json", StageResult({stage!r}, {{"n": 1}}, {{}}, provenance))
"""


def make_project(root: Path) -> None:
    """Lay it out in `root`."""
    (root / "notebooks").mkdir(parents=True)
    (root / "book").mkdir()
    shutil.copy(ROOT / "Snakefile", root)
    shutil.copy(ROOT / "CHANGELOG.md", root)
    for name, stage in STAGES.items():
        parameters = 'profile = "smoke"\nrun = "../runs/notebooks"\nchanges = ""'
        cells = [
            new_markdown_cell(f"# {name}"),
            new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        ]
        if stage.folder:
            cells.append(new_code_cell(STAGE_CELL.format(folder=stage.folder, files=stage.files, stage=name)))
        write_notebook(root / "notebooks" / stage.notebook, cells)
    pages = "".join(f"- file: runs/{Path(stage.notebook).stem}\n" for stage in STAGES.values())
    (root / "book" / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{pages}")
    (root / "book" / "index.md").write_text("# The report\n")
    (root / "_config.yml").write_text("title: T\nexecute:\n  execute_notebooks: 'off'\n")


def write_notebook(path: Path, cells: list) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def add_cell(path: Path, source: str) -> None:
    notebook = nbformat.read(path, 4)
    notebook.cells.append(new_code_cell(source))
    nbformat.write(notebook, path)


def load_benchmark(name: str) -> ModuleType:
    """benchmarks/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
