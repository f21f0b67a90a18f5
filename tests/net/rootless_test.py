# SPDX-License-Identifier: Apache-2.0
"""An ordinary user links two TUN devices below unshare -Urn.

Started by root, this gives the user a /dev/net/tun that is open to all, as
most distributions have it, in a mount namespace of the test's own, and runs
ping_test.py as that user. Started by a user it is the same as ping_test.py.
"""
import os
import subprocess
import sys

import harness
from harness import SKIP, Skip, check

cases = harness.Cases()
HERE = os.path.dirname(os.path.abspath(__file__))


def environment(net):
    """The files of the test where any user can get at them."""
    paths = harness.public_copy(
        net.directory, harness.binary("VIF"), harness.binary("VIF_TRAFFIC"),
        os.path.join(HERE, "harness.py"), os.path.join(HERE, "ping_test.py"))
    scratch = os.path.join(net.directory, "scratch")
    os.mkdir(scratch)
    os.chmod(scratch, 0o777)
    return paths[3], dict(os.environ, VIF=paths[0], VIF_TRAFFIC=paths[1],
                          TMPDIR=scratch, PYTHONDONTWRITEBYTECODE="1")


def starts(command, before):
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, cwd="/",
                              preexec_fn=before, check=False).returncode == 0
    except OSError:
        return False


def python_for(before):
    """An interpreter the user can run; ours may be in a private folder."""
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if starts([path, "-c", "import ctypes, json, subprocess"], before):
            return path
    raise Skip("no python3 that an ordinary user can run")


@cases
def ping_as_an_ordinary_user(net):
    program, env = environment(net)
    before = None
    if harness.is_root():
        harness.tun_node(0o666)
        before = harness.become_nobody
    done = subprocess.run([python_for(before), program], env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          preexec_fn=before, cwd="/")
    if done.returncode == SKIP:
        raise Skip(done.stdout.strip())
    check(done.returncode == 0, f"exit {done.returncode}:\n{done.stdout}")


if __name__ == "__main__":
    cases.run(sys.argv[1:])
