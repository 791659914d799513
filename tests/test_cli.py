"""The command line: names that stay, one sentence for a failure, one line of JSON on request."""

import errno
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import logolib
from logolib import cli

ROOT = Path(logolib.__file__).parents[1]
VERBS = {
    "collect": {"--out", "--profile", "--set", "--json"},
    "dataset": {"--out", "--profile", "--set", "--json"},
    "train clip": {"--data", "--out", "--from", "--resume", "--recipe", "--profile", "--set", "--json"},
    "train prior": {"--data", "--out", "--clip", "--from", "--resume", "--profile", "--set", "--json"},
    "train decoder": {"--data", "--out", "--clip", "--from", "--resume", "--profile", "--set", "--json"},
    "generate": {
        *("--model", "--out", "--n", "--seed", "--size", "--num", "--sampler", "--guidance", "--palette", "--vary"),
        *("--again", "--profile", "--set", "--json"),
    },
    "evaluate": {"--model", "--data", "--out", "--baselines", "--profile", "--set", "--json"},
    "caption": {"--out", "--model", "--pairs", "--profile", "--set", "--json"},
    "train captioner": {"--data", "--out", "--from", "--resume", "--profile", "--set", "--json"},
    "vector": {"--out", "--profile", "--set", "--json"},
    "letter": {"--out", "--words", "--way", "--text", "--sheet", "--model", "--profile", "--set", "--json"},
    "baselines": {"--out", "--data", "--profile", "--set", "--json"},
    "export": {"--to", "--out", "--json"},
    "study design": {"--arm", "--out", "--profile", "--set", "--json"},
    "study serve": {"--database", "--host", "--port", "--https"},
    "study export": {"--out"},
    "study analyse": {"--out", "--judge", "--scripted", "--profile", "--set", "--json"},
    "run": {"--profile", "--source", "--name", "--set", "--until", "--engine", "--results", "--json"},
    "sweep": {"--name", "--profile", "--set", "--grid", "--measure", "--source", "--engine", "--json"},
    "copy": set(),
}


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, list(words))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_its_options(verb: str) -> None:
    code, out, _ = call(*verb.split(), "--help")
    assert code == 0
    assert set(re.findall(r"--[a-z]+", out)) >= VERBS[verb]
    options = re.split(r"\n  (?=-)", out.split("Options:")[1])[1:]
    assert all(re.match(r"-\S+( \S+)?\s+\w", option) for option in options)


def test_the_top_lists_every_verb_and_the_version() -> None:
    code, out, _ = call("--help")
    assert code == 0
    assert {verb.split()[0] for verb in VERBS} <= set(re.findall(r"^  (\w+)", out, flags=re.M))
    assert call("--version")[1].strip() == logolib.__version__
    assert call()[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["collect", "{}/nowhere", "--out", "{}/out"], ""),
        (["dataset", "{}/nowhere", "--out", "{}/out"], ""),
        (["train", "clip", "--data", "{}/nowhere", "--out", "{}/out"], ""),
        (["train", "captioner", "--data", "{}/nowhere", "--out", "{}/out"], ""),
        (["caption", "{}/nowhere", "--out", "{}/out"], "no folder"),
        (["generate", "a lion", "--model", "{}/nowhere", "--out", "{}/out"], ""),
        (["evaluate", "--model", "{}/nowhere", "--data", "{}/nowhere", "--out", "{}/out"], ""),
        (["export", "{}/nowhere", "--to", "open_clip", "--out", "{}/out"], ""),
        (["study", "design", "--arm", "a={}/x", "--arm", "b={}/y", "--out", "{}/out"], "`logolib generate`"),
        (["study", "serve", "{}/nowhere"], "`logolib study design`"),
        (["study", "export", "{}/nowhere", "--out", "{}/out.html"], "`logolib study design`"),
        (["study", "analyse", "{}/nowhere", "{}/votes.csv", "--out", "{}/out"], "`logolib study design`"),
        (["vector", "{}/none.png", "--out", "{}/out"], "no picture"),
        (["letter", "{}/none.png", "--out", "{}/out"], "no picture"),
        (["baselines", "--out", "{}/out", "--set", "baselines.models=[x]"], "no model 'x'"),
        (["generate", "a lion", "--out", "{}/out", "--size", "3"], "generate.size"),
        (["dataset", "{}", "--out", "{}/out", "--set", "dataset.sise=3"], "did you mean 'size'?"),
    ],
)
def test_a_mistake_gets_one_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    code, out, err = call(*(word.format(tmp_path) for word in words))
    assert code == 1, err
    (line,) = err.splitlines()
    assert sentence in line
    assert "Unexpected" not in line
    assert not out


@pytest.mark.parametrize("words", [["run", "--prof", "x"], ["run", "--profile", "dmo"], ["trane"], ["train"]])
def test_an_unknown_option_or_verb_ends_with_two(words: list[str]) -> None:
    assert call(*words)[0] == 2


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "resumes"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "The disk is full"),
        (RuntimeError("two\nlines"), 1, "Unexpected RuntimeError: two lines"),
    ],
)
def test_any_failure_becomes_one_sentence(
    error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end, cli._one_sentence():
        raise error
    assert end.value.exit_code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
    if named := re.search(r"traceback in (\S+)\.$", line):
        assert "RuntimeError" in Path(named[1]).read_text()
        Path(named[1]).unlink()


def test_a_verb_prints_what_it_wrote(tmp_path: Path) -> None:
    code, out, err = call(
        "collect", "demo", "--out", str(tmp_path), "--profile", "smoke", "--set", "collect.crests=8", "--json"
    )
    assert code == 0, err
    *lines, last = out.splitlines()
    assert f"wrote {tmp_path / 'manifest.parquet'}" in lines
    result = json.loads(last)
    assert (result["stage"], result["values"]["logos"]) == ("collect", 8)
    assert all(Path(file).exists() for file in result["files"].values())


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, logolib.cli; print({'torch', 'numpy', 'pydantic'} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"


def test_the_package_names_what_the_lock_file_pins() -> None:
    def names(lines: list[str]) -> set[str]:
        found = [re.match(r"[\w.-]+", line) for line in lines if not line.startswith("#")]
        return {match[0].lower().replace("_", "-") for match in found if match}

    needed = names(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    assert needed <= names((ROOT / "requirements.lock").read_text().splitlines())


def test_conda_takes_the_same_lock_file() -> None:
    import yaml

    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}
    assert "python=3.11" in environment["dependencies"]
