"""The pipeline: one rule a stage; `logolib run` writes the plan and calls this."""

import sys
from pathlib import Path

from logolib.config import load_profile
from logolib.pipeline.plan import STAGES, read_plan, sources

PLAN = read_plan(Path(config["plan"]))
SETTINGS = load_profile(PLAN.profile, PLAN.changes).model_dump(mode="json")
RUN = str(PLAN.run)
REPORT = [str(path) for path in sources(["report"])]


def results(*stages):
    """What some stages leave for others."""
    return [f"{RUN}/{STAGES[s].folder}/{f}" for s in stages if STAGES[s].folder for f in ("result.json", *STAGES[s].files)]


def asked(stage):
    """What a scheduler should give a stage; one machine gives what it has."""
    row = SETTINGS["resources"][stage]
    return {"mem_mb": round(row["mem_gb"] * 1000), "runtime": row["minutes"], "gpu": row["gpus"]}


rule all:
    input:
        f"{PLAN.html}/index.html",


for place, (stage, what) in enumerate(STAGES.items()):

    rule:
        name:
            stage
        input:
            f"notebooks/{what.notebook}",
            [f for f in results(*what.after) if not f.endswith(".safetensors")],
            [str(path) for path in sources(what.rooms)],
            REPORT,
        output:
            results(stage),
            page=f"{RUN}/book/{what.notebook}",
        params:
            # The stage's own settings, plainly: a change in them, and in no others, runs it again.
            settings=SETTINGS.get(stage),
            seed=SETTINGS["seed"],
            parameters=PLAN.parameters,
            stage=stage,
            plan=str(PLAN.file),
        priority: 100 - place  # in the book's order, where nothing else decides
        threads: workflow.cores  # one stage at a time: each uses every core
        resources:
            **asked(stage),
        log:
            f"{RUN}/log/{what.notebook}",
        shell:
            "{sys.executable} -m logolib.cli notebook {input[0]} {output.page}"
            " --stage {params.stage} --config {params.plan} {input}"


rule book:
    input:
        "_config.yml",
        "CHANGELOG.md",
        [str(path) for path in sorted(Path("book").rglob("*")) if path.is_file()],
        [f"{RUN}/book/{what.notebook}" for what in STAGES.values()],
        [f for f in results(*STAGES) if f.endswith("result.json")],
        [str(path) for path in Path(RUN).glob("sweep/result.json")],
        REPORT,
    output:
        f"{PLAN.html}/index.html",
    params:
        plan=str(PLAN.file),
    threads: workflow.cores
    resources:
        **asked("book"),
    shell:
        "{sys.executable} -m logolib.cli book {params.plan}"
