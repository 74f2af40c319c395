"""The key file is made once, whoever asks for it first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from lockers.services.devices.root_keys import create_key_file, root_keys

THREADS = 16


def test_threads_that_start_together_make_one_key_file(tmp_path: Path) -> None:
    path, together = tmp_path / "keys" / "locker.json", Barrier(THREADS)

    def make(_: int) -> bool:
        together.wait()
        try:
            create_key_file(path)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert sorted(pool.map(make, range(THREADS))) == [False] * (THREADS - 1) + [True]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600


def test_threads_that_ask_together_read_the_same_keys() -> None:
    """Each test has a key file of its own, which is not there yet."""
    together = Barrier(THREADS)

    def ask(_: int) -> bytes:
        together.wait()
        return root_keys().root

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(ask, range(THREADS)))) == 1
