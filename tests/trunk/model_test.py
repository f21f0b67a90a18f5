#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare our Noise with noise_model.py: every protocol, byte for byte.

Beyond what published vectors have: numbers of records in every byte of the
nonce, changes of keys, empty and longest messages, and the exporter. Keys and
payloads are random and differ in each run; the seed is printed.

Usage: model_test.py PROGRAM [SEED]
"""

import random
import sys

import noise_model
from replay import line, run

NONCES = [0, 255, 256, 0x0123456789abcdef, 2**63 - 1]
LONGEST = 65535


def protocols():
    for pattern, (_, _, messages) in noise_model.PATTERNS.items():
        for place in ["", *range(len(messages) + 1)]:
            psk = f"psk{place}" if place != "" else ""
            for cipher in noise_model.SEAL:
                yield f"Noise_{pattern}{psk}_25519_{cipher}_SHA256"


class Session:
    """One session, written down while the model plays it."""

    def __init__(self, name, rng, prologue_len=None):
        self.rng = rng
        prologue = rng.randbytes(rng.randrange(200) if prologue_len is None
                                 else prologue_len)
        static, ephemeral = ([rng.randbytes(32), rng.randbytes(32)]
                             for _ in range(2))
        psk = rng.randbytes(32) if "psk" in name else None
        self.lines = [line("protocol", name), line("prologue", prologue)]
        for i in range(2):
            self.lines += [line(f"static{i}", static[i]),
                           line(f"ephemeral{i}", ephemeral[i])]
        if psk:
            self.lines.append(line("psk", psk))
        self.model = noise_model.Handshake(name, prologue, static, ephemeral,
                                           psk)
        self.ciphers, self.n = None, 0

    def write(self, payload, sealed):
        self.lines.append(line("message", payload, sealed))
        self.n += 1

    def handshake(self, longest=False):
        while not self.model.is_done():
            n = self.rng.choice([0, self.rng.randrange(200)])
            payload = self.rng.randbytes(n)
            if longest and self.n == 0:  # e alone
                payload = self.rng.randbytes(LONGEST - 32)
            self.write(payload, self.model.message(payload))
        self.ciphers, exporter = self.model.split()
        self.lines += [line("hash", self.model.h), line("exporter", exporter)]

    def record(self, n):
        payload = self.rng.randbytes(n)
        self.write(payload, self.ciphers[self.n % 2].encrypt(b"", payload))

    def records(self):
        for _ in range(2):
            self.record(self.rng.randrange(200))

    def nonce(self, n):
        self.lines.append(line("nonce", n))
        for cipher in self.ciphers:
            cipher.n = n

    def rekey(self):
        self.lines.append(line("rekey"))
        for cipher in self.ciphers:
            cipher.rekey()


def every_protocol(rng):
    for name in protocols():
        session = Session(name, rng)
        session.handshake()
        for n in NONCES:
            session.nonce(n)
            session.records()
        session.rekey()  # of which the number takes no notice
        session.nonce(7)
        session.records()
        session.rekey()
        session.rekey()
        session.records()
        yield from session.lines


def lengths(rng):
    for cipher in noise_model.SEAL:
        session = Session(f"Noise_XX_25519_{cipher}_SHA256", rng, 0)
        session.handshake(longest=True)
        for n in [0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000,
                  LONGEST - 16]:
            session.record(n)
        yield from session.lines


def main():
    program = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    noise_model.self_test()
    return 0 if run(program, [*every_protocol(rng), *lengths(rng)]) else 1


if __name__ == "__main__":
    sys.exit(main())
