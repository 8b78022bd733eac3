#!/usr/bin/env python3
"""Runs an agent and passes its lines on; after the n-th it kills the host, once. Only Python's standard library.

relay.py N MARK WITNESS PROGRAM [ARGUMENT...]

The host is the parent of the guard that is this process's parent. After N lines of the agent it gets SIGKILL, unless
the file MARK is there, which is made just before. With N = 0 nobody is killed, and MARK says at the end how many lines
there were. A line that tells progress does not count: how many of those there are depends on the machine. This process and all below it hold a shared lock on WITNESS.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def counts(line):
    message = json.loads(line)
    meta = (message.get("params") or {}).get("_meta") or {}
    return "progress" not in (meta.get("modelscan") or {})


def main():
    number, mark, witness, *command = sys.argv[1:]
    number = int(number)
    lock = os.open(witness, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    host = parent(os.getppid())
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[lock])
    lines = 0
    for line in agent.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        if not counts(line):
            continue
        lines += 1
        if lines == number and not os.path.exists(mark):
            with open(mark, "w", encoding="utf-8"):
                pass
            os.kill(host, signal.SIGKILL)
    if number == 0:
        with open(mark + ".part", "w", encoding="utf-8") as file:
            file.write(str(lines))
        os.rename(mark + ".part", mark)
    sys.exit(agent.wait())


if __name__ == "__main__":
    main()
