"""What the product is made of: a bill of it, and a scan that never calls silence good news (P05)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.guarantees import guarantee

ROOT = Path(settings.BASE_DIR)
BIN = Path(sys.executable).parent
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    return {(package.lower(), version) for package, version in PIN.findall((ROOT / name).read_text())}


@guarantee("P05", ci=1)
def test_the_bill_names_every_package_of_the_lock_with_its_hashes(tmp_path: Path) -> None:
    """By the very command of the Makefile, to another file."""
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "cyclonedx-py" in line)
    command = (
        line.strip().lstrip("@").replace("$(VENV)/bin/", f"{BIN}/").replace("sbom.json", str(tmp_path / "sbom.json"))
    )
    subprocess.run(command.split(), cwd=ROOT, check=True, capture_output=True)
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "work-command"
    named = {(one["name"].lower(), one["version"]) for one in bill["components"]}
    assert named == pins("requirements.lock")
    for one in bill["components"]:
        assert any(reference.get("hashes") for reference in one["externalReferences"]), one["name"]


@guarantee("P05", ci=1)
@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_is_pinned_with_hashes_and_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
        assert PIN.match(block), block[:80]
        assert block.count("--hash=sha256:") >= 1, block[:80]
    assert not re.search(r"https?://|--index-url|--find-links|--extra-index", text)


@guarantee("P05", ci=1)
def test_a_scan_that_reaches_nobody_says_so() -> None:
    """Through a proxy that is not there: neither green, nor a finding."""
    nowhere = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9"
    )
    environment = {**os.environ, **nowhere, "NO_PROXY": "", "no_proxy": "", "VENV": str(BIN.parent)}
    done = subprocess.run(
        [str(ROOT / ".ci" / "audit")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "could not be reached" in done.stdout


@guarantee("P05", ci=1)
def test_the_static_scan_is_on_for_the_whole_product() -> None:
    """Ruff's security rules find nothing, and nothing but what the settings name is left out."""
    command = [
        str(BIN / "ruff"),
        "check",
        "--select",
        "S",
        "--ignore",
        "S603,S607",  # as in pyproject.toml: programs are started from lists
        "--no-cache",
        "orchestrator",
        "approvals",
        "agents",
        "cases",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    bad = ROOT / "orchestrator" / "workmap"
    probe = [
        str(BIN / "ruff"),
        "check",
        "--select",
        "S",
        "--ignore",
        "S603,S607",
        "--no-cache",
        "--stdin-filename",
        str(bad / "x.py"),
        "-",
    ]
    found = subprocess.run(probe, cwd=ROOT, input="eval(input())\n", capture_output=True, text=True, check=False)
    assert found.returncode == 1
