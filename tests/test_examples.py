"""examples/: they parse, and every command in them exists with its options."""

from __future__ import annotations

import re
import shlex
import subprocess

import yaml

from tests.commands import check
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"


def commands(text: str) -> list[list[str]]:
    """The arguments of every `pipeline …` outside of comments."""
    joined = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found = re.findall(r"(?:^|&&|--)\s+pipeline ([^&\n\"]*(?:\"[^\"]*\"[^&\n\"]*)*)", joined, re.MULTILINE)
    return [shlex.split(command) for command in found]


def test_slurm() -> None:
    path = EXAMPLES / "slurm.sh"
    subprocess.run(["bash", "-n", path], check=True)
    found = commands("\n" + path.read_text().replace("\npipeline", "\n pipeline"))
    assert [arguments[0] for arguments in found] == ["extract", "verify"]
    check(found)


def test_kuberay() -> None:
    job = yaml.safe_load((EXAMPLES / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    shell, option, script = shlex.split(job["spec"]["entrypoint"])
    assert (shell, option) == ("bash", "-c")
    found = commands(script)
    assert [arguments[0] for arguments in found] == ["prepare", "extract", "verify"]
    check(found)
    # A task fits into a worker, and every container runs the one image.
    cluster = job["spec"]["rayClusterSpec"]
    (worker,) = (
        container for group in cluster["workerGroupSpecs"] for container in group["template"]["spec"]["containers"]
    )
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert worker["image"] == head["image"]
    assert worker["resources"]["limits"]["cpu"] == found[1][found[1].index("--cpus-per-task") + 1]
