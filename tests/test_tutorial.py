"""The tutorial's commands, as its page has them, do what the page says; every how-to's command and error is real."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import typer
from PIL import Image
from project import load_benchmark
from typer.testing import CliRunner

import logolib
from logolib import cli
from logolib.config import load_profile
from logolib.emblems import clubs, draw

ROOT = Path(__file__).parents[1]
HOWTO = (ROOT / "book" / "howto.md").read_text("utf8")
TUTORIAL = (ROOT / "book" / "tutorial.md").read_text("utf8")
HIDDEN = {"notebook", "job", "book", "sweep-table"}  # the pipeline calls these

TOOL = load_benchmark("tutorial")
SECTIONS = {part.split("\n", 1)[0].strip("`"): part for part in re.split(r"^## ", HOWTO, flags=re.M)[1:]}
COMMANDS = [step.command for page in (TUTORIAL, HOWTO) for step in TOOL.steps(page)]


def verbs(command: click.Command | None = None, name: str = "") -> list[str]:
    """Every verb that a user sees, with its words."""
    command = command or typer.main.get_command(cli.app)
    inner = getattr(command, "commands", {})
    found = [verb for key, one in inner.items() if key not in HIDDEN for verb in verbs(one, f"{name} {key}".strip())]
    return found or [name]


def parsed(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that some words ask for, and the words that remain."""
    command: click.Command = typer.main.get_command(cli.app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]  # type: ignore[attr-defined]
    return command, words


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_book_can_be_given_as_it_stands(command: str) -> None:
    first, *words = shlex.split(command)
    assert first == "logolib"
    found, rest = parsed(words)
    found.make_context("logolib", rest, resilient_parsing=False).close()


def test_every_verb_has_a_how_to_and_every_how_to_a_verb() -> None:
    assert {name for name in SECTIONS if name != "What was found"} == {verb.split()[0] for verb in verbs()}


def test_every_verb_below_another_stands_in_its_how_to() -> None:
    there = {" ".join(shlex.split(command)[1:3]) for command in COMMANDS}
    assert {verb for verb in verbs() if " " in verb} <= there


@pytest.mark.parametrize("verb", [name for name in SECTIONS if name != "What was found"])
def test_an_option_or_setting_that_a_how_to_names_is_one_that_the_verb_has(verb: str) -> None:
    command: click.Command = typer.main.get_command(cli.app)
    mine = [command.commands[verb]]  # type: ignore[attr-defined]
    mine += list(getattr(mine[0], "commands", {}).values())
    has = {option for one in mine for parameter in one.params for option in parameter.opts}
    named = re.findall(r"^\| `(--[-\w]+)(?: ([^`]+))?` \|", SECTIONS[verb], re.M)
    assert {option for option, _ in named} <= has
    load_profile("demo", [value for option, value in named if option == "--set" and verb != "sweep"])
    assert len(named) >= 2 or not any(option.startswith("--") for option in has)


@pytest.mark.parametrize("verb", [name for name in SECTIONS if name != "What was found"])
def test_what_a_how_to_says_of_a_mistake_is_what_the_command_says(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = TOOL.steps(SECTIONS[verb])[-1]
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, shlex.split(last.command)[1:])
    assert done.exit_code in (1, 2)
    assert done.stderr.split() == " ".join(last.shown).split()


def test_the_first_steps_of_the_tutorial_print_what_its_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "logos"
    folder.mkdir()
    lines = ["file,title,team"]
    for i, club in enumerate(clubs(12, 0)):
        Image.fromarray(draw(club.emblem, 64)).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{club.name},{club.name}")
    (folder / "metadata.csv").write_text("\n".join(lines), "utf8")
    TOOL.prepare(folder, tmp_path / "work")
    steps = [step for step in TOOL.steps(TUTORIAL) if not re.match(r"logolib (train|generate|evaluate)", step.command)]
    assert [step.command.split()[1] for step in steps] == ["collect", "caption", "collect", "dataset"]
    monkeypatch.chdir(tmp_path / "work")
    for step in steps:
        done = CliRunner().invoke(cli.app, shlex.split(step.command.replace("limit=300", "limit=8"))[1:])
        assert done.exit_code == 0, done.stderr
        assert step.missing(done.stdout) == []


def test_only_commands_of_logolib_are_run(tmp_path: Path) -> None:
    assert TOOL.run("logolib --version", tmp_path).stdout.strip() == logolib.__version__
    with pytest.raises(ValueError, match="no command of logolib"):
        TOOL.run("touch here", tmp_path)


def test_a_line_that_is_not_printed_any_more_is_found() -> None:
    (step,) = TOOL.steps("```console\n$ logolib dataset a --out b\n1,765 logos to train on ...\nwrote b/card.md\n```\n")
    assert step.command == "logolib dataset a --out b"
    assert step.missing("12 logos to train on; 3 held out.\nwrote b/card.md\n") == []
    assert step.missing("12 logos to learn from; 3 held out.\nwrote b/card.md") == ["1,765 logos to train on ..."]
