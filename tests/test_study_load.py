"""The short form of `make study-load`: a crowd at once, and a server that is killed; its speed is measured there."""

from __future__ import annotations

from pathlib import Path

from study_world import load_tool


def test_a_crowd_loses_and_doubles_no_vote(tmp_path: Path) -> None:
    tool = load_tool()
    found = tool.load(tool.make_study(tmp_path, prompts=6), 25, 4, (0.1, 0.5))
    assert (found["votes"], found["lost"], found["doubled"]) == (100, 0, 0)


def test_a_killed_server_has_every_acknowledged_vote(tmp_path: Path) -> None:
    tool = load_tool()
    found = tool.kill(tool.make_study(tmp_path, prompts=12), 10, 12, kills=1)
    assert (found["votes"], found["lost"], found["doubled"]) == (120, 0, 0)
    assert found["sent_again"] > 0
