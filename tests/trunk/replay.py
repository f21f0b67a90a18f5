# SPDX-License-Identifier: Apache-2.0
"""Writing Noise sessions down for noise_vectors, and running that."""

import subprocess


def line(word, *values):
    """A line; bytes become hexadecimal."""
    return " ".join([word] + [
        value.hex() or "-" if isinstance(value, bytes) else str(value)
        for value in values])


def run(program, lines):
    """Play the sessions. Returns whether all bytes were the same."""
    done = subprocess.run([program], input="\n".join(lines) + "\n",
                          text=True, check=False)
    return done.returncode == 0
