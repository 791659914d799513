"""A study is blind, balanced and the same again from the same seed; bad arms are refused in one sentence."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image
from study_world import paper_study, small_study, write_arms

from logolib.config import StudySettings
from logolib.results import read_result
from logolib.study import StudyError, load_study, sheet
from logolib.study.design import design
from logolib.study.export import export_page
from logolib.study.power import majority, prompts_needed, sign_test_power


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(tmp_path_factory.mktemp("study"), checks=2)


def test_every_picture_has_one_size_one_length_no_metadata_and_a_name_that_says_nothing(made: Path) -> None:
    files = sorted((made / "pictures").iterdir())
    assert len(files) == 6 * 2 + 2 * 2
    assert len({file.stat().st_size for file in files}) == 1
    assert {file.stat().st_mtime for file in files} == {0}
    for file in files:
        assert re.fullmatch(r"[0-9a-f]{32}\.png", file.name)
        with Image.open(file) as picture:
            picture.load()
            assert (picture.size, picture.mode, picture.info) == ((48, 48), "RGB", {})
        chunks = re.findall(rb"(IHDR|IDAT|IEND|paDd|tEXt|iTXt|zTXt|eXIf|tIME|pHYs)", file.read_bytes())
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND", b"paDd"}


def test_the_pictures_are_those_of_the_arms(made: Path) -> None:
    study = load_study(made)
    for asked in study.prompts:
        for arm, colour in (("base", (255, 0, 0)), ("tuned", (0, 0, 255))):
            with Image.open(made / "pictures" / f"{asked.pictures[arm]}.png") as picture:
                assert picture.getpixel((24, 24)) == colour


def test_the_same_seed_gives_the_same_study_and_another_seed_other_names(tmp_path: Path) -> None:
    arms = write_arms(tmp_path / "arms", 4)
    settings = StudySettings(checks=1)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        design(settings, arms, tmp_path / name, seed=seed)
    a, b, c = (load_study(tmp_path / name) for name in "abc")
    assert a == b
    assert not a.codes() & c.codes()
    assert a.study != c.study
    assert sheet(a, 3) == sheet(b, 3)


@pytest.mark.parametrize(("kind", "arms"), [("pairs", 2), ("pairs", 3), ("rows", 5)])
def test_each_arm_is_on_each_side_equally_often(kind: str, arms: int) -> None:
    names = [f"arm{i}" for i in range(arms)]
    study = paper_study(10, names, kind)
    sides = Counter(
        (tuple(sorted(q.arms)), q.arms[0]) for n in range(study.shown) for q in sheet(study, n) if q.kind == "main"
    )
    assert set(sides.values()) == {10}


@pytest.mark.parametrize(("kind", "arms"), [("pairs", 3), ("rows", 4)])
def test_a_sheet_asks_everything_once_some_twice_turned_round_and_every_check(kind: str, arms: int) -> None:
    study = paper_study(20, [f"arm{i}" for i in range(arms)], kind, checks=4)
    for number in range(5):
        questions = sheet(study, number)
        assert len(questions) == study.length
        main = [(q.prompt_id, frozenset(q.arms)) for q in questions if q.kind == "main"]
        assert len(set(main)) == len(main) == study.per_rater
        assert len({q.prompt_id for q in questions if q.kind == "check"}) == 4
        repeats = [i for i, q in enumerate(questions) if q.kind == "repeat"]
        assert len(repeats) == study.repeats == round(0.1 * study.per_rater)
        for i in repeats:
            again = questions[i]
            first = next(
                q for q in questions[: i - 1] if (q.prompt_id, set(q.arms)) == (again.prompt_id, set(again.arms))
            )
            assert again.arms != first.arms
    assert sheet(study, 0) != sheet(study, 1)


def test_raters_with_short_sheets_cover_every_prompt_equally_often() -> None:
    study = paper_study(12).model_copy(update={"per_rater": 4, "repeats": 0})
    asked = Counter(q.prompt_id for n in range(6) for q in sheet(study, n) if q.kind == "main")
    assert set(asked.values()) == {2}
    assert len(asked) == 12


def test_neither_order_nor_code_follows_from_what_a_rater_can_know(made: Path) -> None:
    study = load_study(made)
    public = json.dumps([study.study, study.title, study.question])
    assert study.key not in public
    codes = [asked.pictures["base"] < asked.pictures["tuned"] for asked in study.prompts]
    assert 0 < sum(codes) < len(codes)


def test_the_exported_page_holds_no_arm_no_key_and_loads_nothing(made: Path, tmp_path: Path) -> None:
    page = export_page(made, tmp_path / "study.html").read_text("utf8")
    study = load_study(made)
    for secret in (study.key, "tuned", "base-", "check-right", '"main"', "p001"):
        assert secret not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    lengths = {len(url) for url in re.findall(r"data:image/png;base64,[^\"]+", page)}
    assert len(lengths) == 1


def test_description_cannot_end_the_exported_pages_script(tmp_path: Path) -> None:
    arms = write_arms(tmp_path / "arms", 3)
    for folder in arms.values():
        text = (folder / "captions.csv").read_text("utf8").replace("a red lion", "</script><script>alert(1)</script>")
        (folder / "captions.csv").write_text(text, "utf8")
    design(StudySettings(checks=0), arms, tmp_path / "study")
    page = export_page(tmp_path / "study", tmp_path / "study.html").read_text("utf8")
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page


def test_power_is_calculated_beforehand_and_65_to_35_needs_97_prompts(made: Path) -> None:
    assert prompts_needed(0.65) == 97
    power = read_result(made / "result.json", "study design").values["power"]
    assert power["prompts_needed"] == 97
    assert "97 are needed" in power["verdict"]
    assert prompts_needed(0.501) is None


@pytest.mark.parametrize(("n", "share", "tied"), [(30, 0.7, 0.0), (97, 0.65, 0.0), (24, 0.7, 0.3)])
def test_power_equals_the_rejections_of_scipys_exact_test(n: int, share: float, tied: float) -> None:
    from scipy.stats import binom, binomtest

    wanted = sum(
        binom.pmf(decided, n, 1 - tied) * binom.pmf(won, decided, share)
        for decided in range(n + 1)
        for won in range(decided + 1)
        if decided and binom.pmf(decided, n, 1 - tied) > 1e-9 and binomtest(won, decided).pvalue <= 0.05
    )
    assert sign_test_power(n, share, tied=tied) == pytest.approx(wanted, abs=1e-6)


def test_the_majority_of_raters_is_counted_out() -> None:
    for raters, share, ties in ((3, 0.65, 0.0), (4, 0.6, 0.2)):
        votes = {1: share * (1 - ties), -1: (1 - share) * (1 - ties), 0: ties}
        won = lost = 0.0
        for ballot in itertools.product(votes, repeat=raters):
            p = 1.0
            for one in ballot:
                p *= votes[one]
            won, lost = won + p * (sum(ballot) > 0), lost + p * (sum(ballot) < 0)
        assert majority(share, raters, ties) == pytest.approx((won / (won + lost), 1 - won - lost))


def test_arms_that_cannot_be_compared_are_refused_in_one_sentence(tmp_path: Path) -> None:
    arms = write_arms(tmp_path / "arms", 3)
    settings = StudySettings(checks=0)

    def refused(sentence: str, given: dict[str, Path], how: StudySettings = settings) -> None:
        with pytest.raises(StudyError, match=sentence) as raised:
            design(how, given, tmp_path / "out")
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "out" / "study.json").exists()

    refused("at least two arms", {"base": arms["base"]})
    refused("3 to 5 arms, not 2", arms, StudySettings(kind="rows"))
    refused("cannot be called 'tie'", {"base": arms["base"], "tie": arms["tuned"]})
    refused("neither result.json nor captions.csv", {**arms, "none": tmp_path})
    short = shutil.copytree(arms["tuned"], tmp_path / "short")
    table = list(csv.reader(io.StringIO((short / "captions.csv").read_text("utf8"))))
    (short / "captions.csv").write_text("\n".join(",".join(row) for row in table[:-1]), "utf8")
    refused("short has no picture for 1 of 3 prompts", {**arms, "short": short})
    one = {name: shutil.copytree(folder, tmp_path / f"one-{name}") for name, folder in arms.items()}
    for folder in one.values():
        lines = (folder / "captions.csv").read_text("utf8").splitlines()
        (folder / "captions.csv").write_text("\n".join(lines[:2]), "utf8")
    refused("share 1 prompt", one)
    (arms["base"] / "base-1.png").write_bytes(b"no picture")
    refused("base-1.png is unusable", arms)
    (arms["base"] / "base-1.png").unlink()
    refused("base lacks 1 of its pictures", arms)


def test_a_study_is_not_overwritten_nor_served_damaged(made: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(made, tmp_path / "copy")
    with pytest.raises(StudyError, match="holds a study already"):
        design(StudySettings(checks=0), write_arms(tmp_path / "arms", 3), copy)
    next((copy / "pictures").iterdir()).unlink()
    with pytest.raises(StudyError, match="lacks 1 pictures"):
        load_study(copy)
    (copy / "study.json").write_text("{}", "utf8")
    with pytest.raises(StudyError, match="damaged"):
        load_study(copy)
