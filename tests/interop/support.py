"""What every part of the suite needs: a home of its own, the counting of checks, the schemas."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
PR_SET_CHILD_SUBREAPER = 36


class Checks:
    """Counts what held and what did not, and which clients ran."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.ran = []

    def that(self, holds, what):
        """Counts one check; says at once what did not hold."""
        if holds:
            self.passed += 1
        else:
            self.failed.append(what)
            print(f"  FAILED: {what}", flush=True)
        return bool(holds)

    def fits(self, schema_name, value, what):
        """Checks a value against a file of `schemas/`."""
        schema = json.loads((ROOT / "schemas" / f"{schema_name}.schema.json").read_text())
        problems = [f"{error.json_path}: {error.message}"[:300] for error in Draft202012Validator(schema).iter_errors(value)]
        return self.that(not problems, f"{what} fits {schema_name}: {problems[:3]}")


class Home:
    """A data folder and a project of their own; ends the host and looks for leftovers."""

    def __init__(self, binary):
        self.binary = str(Path(binary).resolve())
        # Short, since a socket lies inside.
        self.folder = Path(tempfile.mkdtemp(prefix="msi-", dir="/tmp"))
        self.data = self.folder / "h"
        self.project = self.folder / "project"
        self.user = self.folder / "user"
        for folder in (self.data, self.project / "src", self.user):
            folder.mkdir(parents=True)
        (self.project / "Cargo.toml").write_text('[package]\nname = "sample"\nversion = "0.1.0"\n')
        (self.project / "src" / "main.rs").write_text("// TODO: say more\nfn main() {\n    println!(\"hello\");\n}\n")
        (self.project / "tool.py").write_text("#!/usr/bin/env python3\nprint('hello')\n\n# FIXME: nothing yet\n")

    def environment(self):
        """Returns the environment of a program that a user of this home starts."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.user),
            "LANG": "C.UTF-8",
            "MODELSCAN_HOME": str(self.data),
        }

    def run(self, *arguments, timeout=60, input_text=None):
        """Runs one command of the product to its end."""
        return subprocess.run(
            [self.binary, *arguments], cwd=self.project, env=self.environment(), timeout=timeout, check=False,
            input=input_text if input_text is not None else "", capture_output=True, text=True,
        )

    def skill(self, name, plan, description="A skill of the suite"):
        """Writes a user's skill."""
        folder = self.data / "skills" / name
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: {description}\n---\n\nRuns its plan.\n")
        (folder / "plan.json").write_text(json.dumps({"description": description, **plan}))

    def close(self, checks):
        """Ends the host and checks that nothing is left running."""
        ended = self.run("host", "stop", "--now")
        checks.that(ended.returncode == 0, f"`host stop --now` ends with 0: {ended.returncode} {ended.stderr}")
        left = descendants_after(15.0)
        checks.that(not left, f"no process is left: {left}")
        shutil.rmtree(self.folder, ignore_errors=True)


def become_subreaper():
    """Makes orphans of everything started here come back to this process, so that they can be seen."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid):
    """Returns the living children of a process, zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text(errors="replace")
        except OSError:
            continue
        state, parent = stat[stat.rindex(")") + 2:].split()[:2]
        if int(parent) == pid and state != "Z":
            found.append(int(entry))
    return found


def descendants():
    """Returns the command lines of all living descendants."""
    open_pids, found = [os.getpid()], []
    while open_pids:
        for child in children_of(open_pids.pop()):
            open_pids.append(child)
            try:
                line = Path("/proc", str(child), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found.append((child, line.strip()))
    return found


def descendants_after(limit_s):
    """Waits until no descendant is left, at most so long; returns and ends what is."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        reap()
        left = descendants()
        if not left:
            return []
        time.sleep(0.05)
    for pid, _ in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return left


def reap():
    """Takes the status of orphans that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def fail(message):
    """Ends the suite with an error."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(1)
