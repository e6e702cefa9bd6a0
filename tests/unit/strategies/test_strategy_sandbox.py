"""A strategy's process: what its code cannot do, and how the stage handles attempts."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tradebot.strategy.bars import Columns
from tradebot.strategy.messages import Bar, Begin, Failed, Past, Proposed, Row
from tradebot.strategy.process import StrategyProcess, StrategyRefusedError

MINUTE = 60_000
START = 1_700_000_040_000

DEEDS = '''
"""Does one thing that a strategy should not do, at its last bar."""

import ctypes, os, signal, socket, subprocess, sys, threading, time
import numpy as np
from tradebot.strategies import Bars, Orders

PARAMETERS = {"deed": "nothing", "argument": ""}


def nothing(_):
    pass

def open_a_socket(_):
    socket.socket()

def make_a_pair_of_sockets(_):
    socket.socketpair()

def fork(_):
    os.fork()

def start_a_program(_):
    subprocess.run(["/bin/true"])

def read_the_stages_environment(_):
    open(f"/proc/{os.getppid()}/environ").read()

def read_a_file(path):
    open(path).read()

def write_a_file(path):
    open(path, "w").write("x")

def delete_a_file(path):
    os.unlink(path)

def kill_the_stage(_):
    os.kill(os.getppid(), signal.SIGKILL)

def lift_its_limits(_):
    import resource
    resource.prlimit(0, resource.RLIMIT_AS, (-1, -1))

def grow(_):
    np.ones(1 << 31)

def say_that_it_is_over(_):
    sys.exit("over")

def end_itself(_):
    os._exit(3)

def crash(_):
    ctypes.string_at(0)

def hang(_):
    while True:
        time.sleep(0.01)

def know_a_secret(_):
    raise ValueError(os.environ.get("TRADEBOT_KAFKA_PASSWORD_FILE", "no secret"))

def print_without_end(_):
    for _ in range(200_000):
        print("all work and no play")
        print("makes a dull log", file=sys.stderr)

def answer_for_the_stage(_):
    for pipe in range(3, 64):
        try:
            os.write(pipe, b"\\x00\\x00\\x00\\x02hi")
        except OSError:
            pass


def signals(bars: Bars, deed: str = "nothing", argument: str = "") -> Orders:
    if len(bars.ts) > 3:
        globals()[deed](argument)
    rows = len(bars.ts) + (deed == "return_a_row_too_many")
    return Orders(side=np.ones(rows, np.int8), size=np.full(rows, 0.5))


def return_a_row_too_many(_):
    pass
'''


def row(number: int) -> Row:
    price = 100.0 + number
    return Row(START + number * MINUTE, price, price, price, price, 1.0, 30.0, 20.0, 1.5, True)


class Sandbox:
    """A process with three earlier bars, running the strategy above."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "deeds.py"
        self.file.write_text(DEEDS)
        self.columns = Columns(MINUTE, 100)
        for number in range(3):
            self.columns.append(row(number))
        self.process: StrategyProcess | None = None

    def does(self, deed: str, argument: str = "", seconds: float = 30.0) -> Proposed | Failed:
        """Returns the stage's answer for a bar at which the strategy does this."""
        begin = Begin(
            strategy=str(self.file),
            parameters={"deed": deed, "argument": argument},
            step=MINUTE,
            max_bars=100,
            memory=512 << 20,
        )
        self.process = StrategyProcess(
            begin, lambda: Past(self.columns.dump()), start_seconds=120, bar_seconds=seconds
        )
        self.process.prepare()
        return self.process.ask(Bar(row(3)))

    def asked_again(self) -> Proposed | Failed:
        """Returns the next bar's answer."""
        assert self.process is not None
        return self.process.ask(Bar(row(4)))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    yield made
    if made.process is not None:
        made.process.close()


def failure(answer: Proposed | Failed) -> str:
    assert isinstance(answer, Failed), answer
    return answer.where


def test_an_honest_strategy_proposes(sandbox: Sandbox) -> None:
    assert sandbox.does("nothing") == Proposed(1, 0.5, True)


@pytest.mark.parametrize(
    "deed",
    [
        "open_a_socket",
        "make_a_pair_of_sockets",
        "fork",
        "start_a_program",
        "kill_the_stage",
        "lift_its_limits",
    ],
)
def test_what_is_denied_fails_at_its_line_and_the_process_continues(
    sandbox: Sandbox, deed: str
) -> None:
    where = failure(sandbox.does(deed))
    assert "deeds.py, line " in where
    assert "Error" in where
    assert sandbox.process is not None
    failure(sandbox.asked_again())
    assert sandbox.process.starts == 1


@pytest.mark.parametrize("deed", ["write_a_file", "delete_a_file"])
def test_no_file_is_changed_not_even_in_the_strategys_own_folder(
    sandbox: Sandbox, tmp_path: Path, deed: str
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    assert "PermissionError" in failure(sandbox.does(deed, str(kept)))
    assert kept.read_text() == "kept"


def test_a_file_next_to_the_strategy_may_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "weights.txt").write_text("1 2 3")
    assert isinstance(sandbox.does("read_a_file", str(tmp_path / "weights.txt")), Proposed)


def test_a_file_elsewhere_cannot_be_read(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("secrets") / "password"
    secret.write_text("secret")
    assert "PermissionError" in failure(sandbox.does("read_a_file", str(secret)))


def test_the_stages_environment_is_neither_its_own_nor_readable(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEBOT_KAFKA_PASSWORD_FILE", "/secrets/password")
    assert failure(sandbox.does("know_a_secret")).endswith("ValueError: no secret")
    assert sandbox.process is not None
    sandbox.process.close()
    assert "PermissionError" in failure(sandbox.does("read_the_stages_environment"))


def test_more_memory_than_it_may_use_is_a_memory_error(sandbox: Sandbox) -> None:
    assert "MemoryError" in failure(sandbox.does("grow"))


def test_an_exit_is_a_failure_and_the_process_continues(sandbox: Sandbox) -> None:
    assert failure(sandbox.does("say_that_it_is_over")).endswith("SystemExit: over")


@pytest.mark.parametrize(
    ("deed", "says"),
    [("end_itself", "exited with status 3"), ("crash", "ended by SIGSEGV")],
)
def test_a_process_that_ends_has_failed_and_is_started_again(
    sandbox: Sandbox, deed: str, says: str
) -> None:
    assert says in failure(sandbox.does(deed))
    sandbox.columns.append(row(3))
    failure(sandbox.asked_again())
    assert sandbox.process is not None
    assert sandbox.process.starts == 2


def test_a_bar_without_a_response_in_time_is_a_failure(sandbox: Sandbox) -> None:
    assert "did not answer in time" in failure(sandbox.does("hang", seconds=0.5))


def test_what_it_prints_is_kept_to_its_end_and_disturbs_no_answer(sandbox: Sandbox) -> None:
    answer = sandbox.does("print_without_end")
    assert isinstance(answer, Proposed)
    assert answer.printed.endswith("makes a dull log\n")
    assert len(answer.printed) <= 2_000


def test_a_wrong_number_of_rows_is_named(sandbox: Sandbox) -> None:
    where = failure(sandbox.does("return_a_row_too_many"))
    assert "there are 4 bars but 5 sides" in where


PEEKS = """
import numpy as np
from tradebot.strategies import Orders

def signals(bars):
    side = np.zeros(len(bars.ts), np.int8)
    side[:-1] = bars.close[1:] > bars.close[:-1]
    return Orders(side=side, size=np.ones(len(side)))
"""


def test_a_strategy_that_looks_ahead_is_refused_before_its_first_bar(sandbox: Sandbox) -> None:
    sandbox.file.write_text(PEEKS)
    process = sandbox.process = StrategyProcess(
        Begin(str(sandbox.file), {}, MINUTE, 100, 512 << 20),
        lambda: Past(sandbox.columns.dump()),
        start_seconds=120,
        bar_seconds=30,
    )
    where = failure(process.ask(Bar(row(3))))
    assert "deeds.py looks ahead: the row of bar" in where


def test_bytes_that_are_not_an_answer_end_the_process(sandbox: Sandbox) -> None:
    assert "its answer is not a proposal" in failure(sandbox.does("answer_for_the_stage"))


def test_an_import_that_is_not_installed_is_refused_with_its_name(sandbox: Sandbox) -> None:
    sandbox.file.write_text("import no_such_package\n")
    process = StrategyProcess(
        Begin(str(sandbox.file), {}, MINUTE, 100, 512 << 20),
        lambda: Past(sandbox.columns.dump()),
        start_seconds=120,
        bar_seconds=30,
    )
    with pytest.raises(StrategyRefusedError, match="no_such_package"):
        process.start()


def test_a_parameter_that_the_strategy_does_not_have_is_refused(sandbox: Sandbox) -> None:
    begin = Begin(str(sandbox.file), {"fast": 3}, MINUTE, 100, 512 << 20)
    process = StrategyProcess(
        begin, lambda: Past(sandbox.columns.dump()), start_seconds=120, bar_seconds=30
    )
    with pytest.raises(StrategyRefusedError, match="fast"):
        process.start()
    process.close()


def test_bars_reach_the_process_as_they_are_kept(sandbox: Sandbox) -> None:
    again = Columns(MINUTE, 100)
    again.extend(sandbox.columns.dump())
    assert again.digest() == sandbox.columns.digest()
    again.append(msgspec.structs.replace(row(3), close=1.0))
    sandbox.columns.append(row(3))
    assert again.digest() != sandbox.columns.digest()
