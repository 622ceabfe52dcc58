"""The tree below a process is found and killed whole, whatever its members do to leave it."""

from __future__ import annotations

import subprocess
import sys
import time

from mecbench.benchmarks.isolation import linux

# A process that adopts orphans and makes six descendants: two of them in sessions of their own whose parents ended.
TREE = """
import os, sys, time
from mecbench.benchmarks.isolation import linux
linux.adopt_orphans()
def branch(depth):
    if os.fork() == 0:
        os.setsid()
        if depth:
            branch(depth - 1)
        time.sleep(1000)
branch(1)
branch(1)
for _ in range(2):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            time.sleep(1000)
        os._exit(0)
while len(linux.descendants(os.getpid())) != 8:
    time.sleep(0.01)
print("grown", flush=True)
if sys.argv[1:]:
    def reap():
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    return
            except ChildProcessError:
                return
    reap()
    linux.kill_descendants(os.getpid(), reap)
    print(linux.descendants(os.getpid()), flush=True)
else:
    time.sleep(1000)
"""


def test_from_outside() -> None:
    """Another process can clear a tree whose root hangs."""
    with subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE, text=True) as root:
        assert root.stdout is not None
        assert root.stdout.readline() == "grown\n"
        found = linux.descendants(root.pid)
        assert len(found) == 8
        linux.kill_descendants(root.pid)
        assert [pid for pid in linux.descendants(root.pid) if linux.resident_memory(pid)] == []
        assert root.poll() is None
        root.kill()


def test_from_inside() -> None:
    """The root reaps what it kills and is left without a child."""
    done = subprocess.run([sys.executable, "-c", TREE, "inside"], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "grown\n[]\n"


def test_without_children_files(monkeypatch: object) -> None:
    """Kernels that do not list children are served by another way to the same answer."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as child:
        import os

        assert linux.descendants(os.getpid()).count(child.pid) == 1
        monkeypatch.setattr(linux.Path, "exists", lambda path: False)  # type: ignore[attr-defined]
        assert linux.descendants(os.getpid()).count(child.pid) == 1
        child.kill()


def test_memory() -> None:
    """Memory of a process is known in bytes, and 0 once it has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 50_000_000; print(1, flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert linux.resident_memory(child.pid) > 50_000_000
        assert linux.proportional_memory(child.pid) > 50_000_000
        child.kill()
        child.wait()
        assert linux.resident_memory(child.pid) == linux.proportional_memory(child.pid) == 0


def test_die_with_parent() -> None:
    """The parent-death signal reaches a child whose parent is killed without a chance to clean up."""
    source = (
        "import os, signal, time\n"
        "from mecbench.benchmarks.isolation import linux\n"
        "if os.fork() == 0:\n"
        "    linux.die_with_parent(signal.SIGKILL)\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(1000)\n"
        "time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        deadline = time.monotonic() + 10
        while linux.resident_memory(child) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert linux.resident_memory(child) == 0
