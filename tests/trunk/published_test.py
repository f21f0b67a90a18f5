#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Play the published test vectors of Noise (S1), where they are.

They are those of cacophony and snow in their JSON, in the file noise.json of
the folder that VIF_TEST_VECTORS names, by default shared/vectors beside the
checkout. They are not part of the tree; model_test.py needs none.

Usage: published_test.py PROGRAM ROOT
"""

import json
import os
import sys

from replay import line, run

SKIP = 77

NOTES = [("init_prologue", "prologue"), ("init_static", "static0"),
         ("resp_static", "static1"), ("init_ephemeral", "ephemeral0"),
         ("resp_ephemeral", "ephemeral1")]


def session(vector):
    yield line("protocol", vector["protocol_name"])
    assert vector["init_prologue"] == vector["resp_prologue"]
    assert vector.get("init_psks") == vector.get("resp_psks")
    for theirs, ours in NOTES:
        if theirs in vector:
            yield line(ours, bytes.fromhex(vector[theirs]))
    for psk in vector.get("init_psks", []):
        yield line("psk", bytes.fromhex(psk))
    for message in vector["messages"]:
        yield line("message", bytes.fromhex(message["payload"]),
                   bytes.fromhex(message["ciphertext"]))
    if "handshake_hash" in vector:
        yield line("hash", bytes.fromhex(vector["handshake_hash"]))


def main():
    program, root = sys.argv[1:]
    folder = os.environ.get("VIF_TEST_VECTORS") or os.path.join(
        root, "..", "shared", "vectors")
    path = os.path.join(folder, "noise.json")
    if not os.path.exists(path):
        print(f"SKIP: the published vectors are not there: {path}; "
              "VIF_TEST_VECTORS names their folder")
        return SKIP
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    lines = [text for vector in vectors for text in session(vector)]
    return 0 if run(program, lines) else 1


if __name__ == "__main__":
    sys.exit(main())
