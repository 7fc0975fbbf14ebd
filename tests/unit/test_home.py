"""Where the home is, and making one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from leadq.errors import HomeNotFound
from leadq.home import find_home, make_home
from leadq.settings_keys import render_example


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Homes `option`, `variable` and `above` with `above/below/deep` in it, and `nowhere`."""
    for name in ("option", "variable", "above", "above/below/deep", "nowhere"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("option", "variable", "above"):
        (tmp_path / name / ".leadq").touch()
    return tmp_path


def test_the_option_beats_the_variable_which_beats_the_folders(places: Path) -> None:
    option, environment, start = str(places / "option"), {"LEADQ_HOME": str(places / "variable")}, places / "above"
    assert find_home(option, environment, start) == places / "option"
    assert find_home(None, environment, start) == places / "variable"
    assert find_home(None, {}, start) == places / "above"


def test_the_nearest_marked_folder_at_or_above_is_the_home(places: Path) -> None:
    assert find_home(None, {}, places / "above/below/deep") == places / "above"
    (places / "above/below/.leadq").touch()
    assert find_home(None, {}, places / "above/below/deep") == places / "above/below"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_home_that_a_stranger_has_laid_out_above_is_refused_unless_it_is_named(places: Path) -> None:
    home, start = places / "above", places / "above/below/deep"
    os.chown(home / ".leadq", 12345, -1)
    with pytest.raises(HomeNotFound) as error:
        find_home(None, {}, start)
    assert error.value.message == f"{home} has a .leadq file that belongs to another account (uid 12345)"
    assert error.value.hint == f"If you trust it: leadq --home {home} …"
    assert find_home(str(home), {}, start) == home
    os.chown(start, 12345, -1)  # root, in the folder of the account that the workers run as
    assert find_home(None, {}, start) == home


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_home_that_root_makes_in_another_account_s_folder_is_that_account_s(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, 12346)
    make_home(home)
    made = list(home.rglob("*"))
    assert {path.name for path in made} == {".env", ".leadq", "storage", "logs", "mail"}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12345, 12346)}


def test_an_empty_variable_is_no_home(places: Path) -> None:
    assert find_home("", {"LEADQ_HOME": ""}, places / "above") == places / "above"


def test_a_named_folder_without_the_marker_is_an_error_even_where_another_home_would_do(places: Path) -> None:
    nowhere = places / "nowhere"
    with pytest.raises(HomeNotFound) as error:
        find_home(str(nowhere), {"LEADQ_HOME": str(places / "variable")}, places / "above")
    assert error.value.message == f"--home says {nowhere}, and there is no .leadq file in it"
    assert error.value.hint == f"Make it a home with: leadq init {nowhere}"
    with pytest.raises(HomeNotFound, match=r"^LEADQ_HOME says .*nowhere, and there is no \.leadq file in it$"):
        find_home(None, {"LEADQ_HOME": str(nowhere)}, places / "above")


def test_without_any_the_error_says_where_it_was_looked_for(places: Path) -> None:
    with pytest.raises(HomeNotFound) as error:
        find_home(None, {}, places / "nowhere")
    assert "--home" in error.value.message
    assert "LEADQ_HOME" in error.value.message
    assert str(places / "nowhere") in error.value.message
    assert error.value.hint == "Go to the home, or make this folder one with: leadq init"


def test_a_settings_file_or_a_folder_called_like_the_marker_makes_no_home(places: Path) -> None:
    (places / "nowhere/.env").write_text("APP_NAME=Laravel\n")
    (places / "nowhere/.leadq").mkdir()
    with pytest.raises(HomeNotFound):
        find_home(None, {}, places / "nowhere")


def test_a_relative_folder_and_a_tilde_are_understood(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places)
    monkeypatch.setenv("HOME", str(places))
    assert find_home("option", {}, places) == places / "option"
    assert find_home("~/option", {}, places / "nowhere") == places / "option"


def test_a_new_home_has_its_marker_settings_and_folders_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = make_home(tmp_path / "a/b")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(home)): oct(path.stat().st_mode & 0o777) for path in sorted(home.rglob("*"))}
    assert modes == {
        ".env": "0o600",
        ".leadq": "0o644",
        "storage": "0o750",
        "storage/logs": "0o750",
        "storage/mail": "0o750",
    }
    assert (home / ".env").read_text("utf-8") == render_example()


def test_what_is_there_already_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APP_NAME=mine\n")
    make_home(tmp_path)
    make_home(tmp_path)
    assert (tmp_path / ".env").read_text() == "APP_NAME=mine\n"
