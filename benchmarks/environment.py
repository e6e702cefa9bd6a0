"""The peers' environments, each created from its pinned requirements on first use."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def python(name: str = "peers") -> Path:
    """Returns the interpreter of the environment of `requirements/NAME.txt`."""
    folder = ROOT / f".venv-{name}"
    requirements = ROOT / "requirements" / f"{name}.txt"
    interpreter = folder / "bin" / "python"
    made = folder / ".setup"
    if made.exists() and made.stat().st_mtime >= requirements.stat().st_mtime:
        return interpreter
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    uv = Path(sys.executable).parent / "uv"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--require-hashes", "-r", requirements],
        check=True,
        env={**os.environ, "VIRTUAL_ENV": str(folder)},
    )
    made.touch()
    return interpreter


def run(
    script: str, *arguments: object, timeout: float = 600, environment: str = "peers"
) -> dict[str, Any]:
    """Runs `benchmarks/peers/SCRIPT.py`; returns the object on the last line of its output."""
    path = Path(__file__).parent / "peers" / f"{script}.py"
    done = subprocess.run(
        [python(environment), path, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr else "it failed"}
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
