# SPDX-License-Identifier: Apache-2.0
"""What the tests against other memif implementations share.

Import it first: it finds the harness of the network tests.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "net"))

# pylint: disable=wrong-import-position
import harness  # noqa: E402
import testpmd  # noqa: E402

NO_PORT = "this build has no memif port"
FULL = "--full"


def has_port():
    """Whether vif knows memif ports."""
    return subprocess.run([harness.binary("VIF"), "help", "memif"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def run(cases, arguments, needs=()):
    """Run the cases whose names have all the words, and exit.

    needs: functions that return why nothing can be run, or None.
    """
    for need in needs:
        reason = need()
        if reason:
            harness.skip_all(reason)
    cases.run([word for word in arguments if word != FULL])


def no_port(_):
    """A case in place of those that need the port."""
    raise harness.Skip(NO_PORT)


def port_missing():
    return None if has_port() else NO_PORT


def testpmd_missing():
    return testpmd.missing()


def pinned(cpu):
    """For Process: run on one CPU."""
    def before():
        os.sched_setaffinity(0, {cpu})
    return before
