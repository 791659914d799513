"""Copies in and out of storages: whole or refused, never outside their folder, never a secret told."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from logolib import cli
from logolib.storage import SUMS, StorageError, fetch, is_url, local, send, shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "a.txt").write_text("one")
    (made / "deep" / "er" / "ä b.bin").write_bytes(bytes(range(256)))
    (made / "latest.pt").write_text("large")
    return made


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield f"memory://bucket/{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path}/bucket"
    fsspec.filesystem("memory").store.clear()


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def write_there(url: str, name: str, text: str) -> None:
    with fsspec.open(f"{url}/{name}", "w") as file:
        file.write(text)


def test_what_is_sent_comes_back_and_nothing_is_sent_twice(folder: Path, url: str, tmp_path: Path) -> None:
    assert send(folder, url, leave=("latest.pt",)) == 2
    back = fetch(url, tmp_path / "back")
    there = contents(back)
    sums = there.pop(SUMS).decode()
    whole = contents(folder)
    del whole["latest.pt"]
    assert there == whole
    assert f"{hashlib.sha256(b'one').hexdigest()}  a.txt\n" in sums
    assert send(folder, url, leave=("latest.pt",)) == 0
    (folder / "a.txt").write_text("two")
    assert send(folder, url, leave=("latest.pt",)) == 1
    assert (fetch(url, tmp_path / "back") / "a.txt").read_text() == "two"


def test_a_file_that_is_here_is_not_fetched_again(folder: Path, url: str, tmp_path: Path) -> None:
    send(folder, url)
    back = fetch(url, tmp_path / "back")
    before = (back / "a.txt").stat().st_ino
    (back / "latest.pt").write_text("harmed")
    fetch(url, back)
    assert (back / "a.txt").stat().st_ino == before
    assert (back / "latest.pt").read_text() == "large"


def test_a_damaged_file_is_refused_and_leaves_what_was_here(folder: Path, url: str, tmp_path: Path) -> None:
    send(folder, url)
    write_there(url, "a.txt", "0ne")
    with pytest.raises(StorageError, match=r"a\.txt is not what SHA256SUMS says"):
        fetch(url, tmp_path / "back")
    assert not (tmp_path / "back" / "a.txt").exists()
    assert not list((tmp_path / "back").rglob("*.partial"))


def test_a_folder_without_hashes_is_listed_and_one_file_is_a_file(folder: Path, url: str, tmp_path: Path) -> None:
    write_there(url, "sub/x.csv", "file,caption")
    back = fetch(url, tmp_path / "back")
    assert set(contents(back)) == {"sub/x.csv", SUMS}
    assert fetch(f"{url}/sub/x.csv", tmp_path / "one") == tmp_path / "one" / "x.csv"
    assert (tmp_path / "one" / "x.csv").read_text() == "file,caption"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x", "C:x", ".", "./../x"])
def test_no_name_leads_outside_the_folder(name: str, tmp_path: Path) -> None:
    there = f"file://{tmp_path}/there"
    (tmp_path / "there").mkdir()
    write_there(there, SUMS, f"{'0' * 64}  {name}\n")
    with pytest.raises(StorageError, match="outside its folder"):
        fetch(there, tmp_path / "deep" / "back")
    assert {path.name for path in tmp_path.iterdir()} <= {"there", "deep"}


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200))
def test_wild_hashes_are_a_sentence_or_a_copy(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("wild")
    (root / "there").mkdir()
    (root / "there" / SUMS).write_bytes(content)
    with suppress(StorageError):  # and nothing else
        fetch(f"file://{root}/there", root / "back")
    assert {path.name for path in root.iterdir()} <= {"there", "back"}


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("nosuch://bucket/x", "nosuch://bucket/x cannot be reached or used"),
        ("memory://bucket/none", "There is nothing at memory://bucket/none"),
        ("file:///nowhere/at/all", "There is nothing at file:///nowhere/at/all"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x cannot be reached"),
    ],
)
def test_a_place_that_is_not_there_gets_one_sentence(place: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as error:
        fetch(place, tmp_path / "back")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    missing = next((p for p, m in (("s3", "s3fs"), ("gs", "gcsfs"), ("abfs", "adlfs")) if not installed(m)), None)
    if missing is None:
        pytest.skip("every package is installed")
    with pytest.raises(StorageError, match=f"{missing}:// needs a package that is not installed: .*(s3fs|gcsfs|adlfs)"):
        fetch(f"{missing}://bucket/x", tmp_path / "back")


def installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def test_no_secret_of_a_url_is_told(tmp_path: Path) -> None:
    assert shown("s3://key:secret@host/x?token=y#z") == "s3://host/x"
    with pytest.raises(StorageError) as error:
        fetch("http://me:hunter2@127.0.0.1:9/x?token=tok", tmp_path / "back")
    assert "hunter2" not in str(error.value)
    assert "tok" not in str(error.value)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    served = tmp_path / "served"
    served.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", served
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_server_is_read_by_its_hashes(web: tuple[str, Path], folder: Path, tmp_path: Path) -> None:
    url, served = web
    send(folder, f"file://{served}/data")
    back = fetch(f"{url}/data", tmp_path / "back")
    assert {n: c for n, c in contents(back).items() if n != SUMS} == contents(folder)
    assert fetch(f"{url}/data/a.txt", tmp_path / "one").read_text() == "one"
    (served / "data" / "a.txt").write_text("0ne")
    with pytest.raises(StorageError, match="is not what"):
        fetch(f"{url}/data", tmp_path / "other")
    (served / "data" / SUMS).unlink()
    with pytest.raises(StorageError, match="needs SHA256SUMS"):
        fetch(f"{url}/data", tmp_path / "other")
    with pytest.raises(StorageError, match="is for reading"):
        send(folder, f"{url}/data")


def test_training_takes_its_data_from_a_url(tiny_data: Path, tmp_path: Path) -> None:
    send(tiny_data, "memory://bucket/tiny")
    words = ["train", "prior", "--data", "memory://bucket/tiny", "--out", str(tmp_path / "run/model"), "--profile"]
    done = CliRunner().invoke(cli.app, [*words, "smoke"])
    assert done.exit_code == 1  # it has no CLIP; but it has its data
    assert "copied memory://bucket/tiny" in done.stderr
    (inputs,) = (tmp_path / "run/inputs").iterdir()
    assert (inputs / "result.json").read_bytes() == (tiny_data / "result.json").read_bytes()
    fsspec.filesystem("memory").store.clear()


def test_the_command_copies_both_ways(folder: Path, tmp_path: Path) -> None:
    def call(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli.app, ["copy", *words])
        return done.exit_code, done.stdout, done.stderr

    there = f"file://{tmp_path}/there"
    assert call(str(folder), there) == (0, f"sent 3 files to {there}\n", "")
    assert call(there, str(tmp_path / "back")) == (0, f"wrote {tmp_path / 'back'}\n", "")
    assert call("a", "b")[0] == 2
    assert call(str(tmp_path / "none"), there)[0] == 1


def test_a_path_stays_a_path() -> None:
    assert local("runs/x", Path("inputs")) == Path("runs/x")
    assert not is_url("C:/x")
    assert is_url("s3://x")
