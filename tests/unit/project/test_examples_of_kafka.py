"""The programs of examples/report/, several at once on one topic."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradebot.platform.embedded import EmbeddedBroker

FOLDER = Path(__file__).parents[3] / "examples" / "report"


@pytest.fixture
def kafka() -> Iterator[str]:
    broker = EmbeddedBroker()
    yield broker.address
    broker.close()


def run(program: str, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(FOLDER / program), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_records_of_several_producers_are_on_one_topic_each_in_its_order(kafka: str) -> None:
    producers = [
        run("producer.py", "--kafka", kafka, "--name", name, "--records", "5", "--pause", "0.2")
        for name in "AB"
    ]
    consumer = run("consumer.py", "--kafka", kafka, "--records", "10")
    for producer in producers:
        assert len(producer.communicate()[0].splitlines()) == 5
    lines = consumer.communicate()[0].splitlines()
    read = [line.split()[1] for line in lines]
    for name in "AB":
        assert [each for each in read if each[0] == name] == [f"{name}{n}" for n in range(5)]
