"""The peers' environment, created from pinned requirements on first use."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-peers"
REQUIREMENTS = ROOT / "requirements" / "peers.txt"


def python() -> Path:
    """Returns the interpreter of the peers' environment."""
    interpreter = FOLDER / "bin" / "python"
    made = FOLDER / ".setup"
    if made.exists() and made.stat().st_mtime >= REQUIREMENTS.stat().st_mtime:
        return interpreter
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    uv = Path(sys.executable).parent / "uv"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--require-hashes", "-r", REQUIREMENTS],
        check=True,
        env={**os.environ, "VIRTUAL_ENV": str(FOLDER)},
    )
    made.touch()
    return interpreter


def run(script: str, *arguments: object, timeout: float = 600) -> dict[str, Any]:
    """Runs `benchmarks/peers/SCRIPT.py`; returns the object on the last line of its output."""
    path = Path(__file__).parent / "peers" / f"{script}.py"
    done = subprocess.run(
        [python(), path, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr else "it failed"}
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
