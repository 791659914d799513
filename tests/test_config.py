"""Settings are refused by name before anything runs."""

import pytest

from logolib.config import PROFILES, ConfigError, load_profile, profile_from_dict


@pytest.mark.parametrize("name", PROFILES)
def test_every_shipped_profile_is_valid(name: str) -> None:
    assert load_profile(name).profile == name


def test_changes_apply_in_order() -> None:
    settings = load_profile("smoke", ["clip.steps=7", "clip.steps=8", "decoder.dim_mults=[1, 2, 4]", "seed=3"])
    assert (settings.clip.steps, settings.seed, settings.decoder.dim_mults) == (8, 3, (1, 2, 4))


def test_changes_in_one_string_are_quoted_as_in_a_shell() -> None:
    settings = load_profile("smoke", "seed=3 collect.source='\"my logos\"' clip.lr=1e-4")
    assert settings.collect.source == "my logos"
    assert settings.clip.lr == 1e-4


def test_settings_are_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        load_profile("smoke").clip.steps = 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("clip.stps=3", "No stage knows the setting 'clip.stps'; did you mean 'steps'?"),
        ("colect.source=demo", "'colect'; did you mean 'collect'?"),
        ("clip.steps=many", "clip.steps cannot be 'many'"),
        ("clip.steps=0", "clip.steps cannot be 0"),
        ("clip.precision=fp8", "clip.precision cannot be 'fp8'"),
        ("clip", "write it as stage.setting=value"),
        ("clip.steps=[", "not valid YAML"),
        ("seed.steps=1", "The setting seed cannot be"),
        ("profile.steps=1", "no group of settings"),
        ("'clip.steps=3", "not closed"),
    ],
)
def test_a_wrong_change_gets_one_sentence(change: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_profile("smoke", change)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose one of smoke, demo, base, gpu"):
        load_profile("dmo")


def test_a_dict_of_settings_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="nosuch"):
        profile_from_dict({"clip": {"nosuch": 1}})
