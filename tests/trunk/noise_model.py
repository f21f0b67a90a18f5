#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Noise by the letter, in plain Python: slow, and independent of libcrypto.

From RFC 7748, RFC 8439, FIPS 197, SP 800-38D and revision 34 of the Noise
Protocol Framework. For tests only: nothing here is done in constant time.

Usage: noise_model.py --self-test
"""

import hashlib
import hmac
import struct
import sys

P = 2**255 - 19


# X25519

def x25519(scalar, point):
    k = int.from_bytes(scalar, "little")
    k = (k & ~7 & (2**255 - 1)) | 2**254
    u = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3 = 1, 0, u, 1
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b = x2 + z2, x2 - z2
        da, cb = (x3 - z3) * a, (x3 + z3) * b
        aa, bb = a * a, b * b
        x3, z3 = (da + cb)**2 % P, u * (da - cb)**2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public_key(secret):
    return x25519(secret, bytes([9]) + bytes(31))


# ChaCha20-Poly1305

def rotate(word, n):
    return (word << n | word >> (32 - n)) & 0xffffffff


def quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12),
                       (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xffffffff
        s[z] = rotate(s[z] ^ s[x], n)


def chacha_block(key, counter, iv):
    start = [*struct.unpack("<4L", b"expand 32-byte k"),
             *struct.unpack("<8L", key), counter, *struct.unpack("<3L", iv)]
    s = list(start)
    for _ in range(10):
        for i in range(4):
            quarter(s, i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(s, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return struct.pack("<16L", *((x + y) & 0xffffffff
                                 for x, y in zip(s, start)))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for i in range(0, len(data), 16):
        acc += int.from_bytes(data[i:i + 16] + b"\1", "little")
        acc = acc * r % (2**130 - 5)
    acc += int.from_bytes(key[16:], "little")
    return (acc % 2**128).to_bytes(16, "little")


def pad(data):
    return data + bytes(-len(data) % 16)


def xor(data, stream):
    n = len(data)
    return (int.from_bytes(data, "big") ^
            int.from_bytes(stream[:n], "big")).to_bytes(n, "big")


def chachapoly(key, n, aad, plain):
    iv = bytes(4) + struct.pack("<Q", n)
    stream = b"".join(chacha_block(key, 1 + i, iv)
                      for i in range((len(plain) + 63) // 64))
    sealed = xor(plain, stream)
    return sealed + poly1305(
        chacha_block(key, 0, iv)[:32], pad(aad) + pad(sealed) +
        struct.pack("<QQ", len(aad), len(sealed)))


# AES-256-GCM

def double(byte):
    return (byte << 1 ^ (0x11b if byte & 0x80 else 0)) & 0xff


def make_sbox():
    sbox = [0] * 256
    p = q = 1
    while True:
        p ^= double(p)  # times 3
        for shift in (1, 2, 4):  # divided by 3
            q ^= q << shift & 0xff
        if q & 0x80:
            q ^= 0x09
        rotated = [(q << i | q >> (8 - i)) & 0xff for i in range(5)]
        sbox[p] = (rotated[0] ^ rotated[1] ^ rotated[2] ^ rotated[3] ^
                   rotated[4] ^ 0x63)
        if p == 1:
            break
    sbox[0] = 0x63
    return sbox


SBOX = make_sbox()


def expand_key(key):
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    factor = 1
    for i in range(8, 60):
        word = list(words[-1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= factor
            factor = double(factor)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def mix_column(c):
    every = c[0] ^ c[1] ^ c[2] ^ c[3]
    return [c[i] ^ every ^ double(c[i] ^ c[(i + 1) % 4]) for i in range(4)]


def aes_block(keys, block):
    s = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < len(keys) - 1:
            s = sum((mix_column(s[i:i + 4]) for i in range(0, 16, 4)), [])
        s = [a ^ b for a, b in zip(s, key)]
    return bytes(s)


def ghash(h, data):
    h = int.from_bytes(h, "big")
    y = 0
    for i in range(0, len(data), 16):
        y ^= int.from_bytes(data[i:i + 16], "big")
        z, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def aesgcm(key, n, aad, plain):
    keys = expand_key(key)
    iv = bytes(4) + struct.pack(">Q", n)

    def block(counter):
        return aes_block(keys, iv + struct.pack(">L", counter))

    stream = b"".join(block(2 + i) for i in range((len(plain) + 15) // 16))
    sealed = xor(plain, stream)
    tag = ghash(aes_block(keys, bytes(16)), pad(aad) + pad(sealed) +
                struct.pack(">QQ", 8 * len(aad), 8 * len(sealed)))
    return sealed + xor(tag, block(1))


# Noise

SEAL = {"ChaChaPoly": chachapoly, "AESGCM": aesgcm}

PATTERNS = {  # known beforehand: of the initiator, of the responder
    "NN": ("", "", ["e", "e ee"]),
    "NK": ("", "s", ["e es", "e ee"]),
    "NX": ("", "", ["e", "e ee s es"]),
    "XK": ("", "s", ["e es", "e ee", "s se"]),
    "XX": ("", "", ["e", "e ee s es", "s se"]),
    "KK": ("s", "s", ["e es ss", "e ee se"]),
    "IK": ("", "s", ["e es s ss", "e ee se"]),
    "IX": ("", "", ["e s", "e ee se s es"]),
}


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(ck, ikm, n):
    key = mac(ck, ikm)
    out = [b""]
    for i in range(n):
        out.append(mac(key, out[-1] + bytes([i + 1])))
    return out[1:]


class Cipher:
    """CipherState, of the one who seals."""

    def __init__(self, seal, key):
        self.seal, self.key, self.n = seal, key, 0

    def encrypt(self, aad, plain):
        self.n += 1
        return self.seal(self.key, self.n - 1, aad, plain)

    def rekey(self):
        self.key = self.seal(self.key, 2**64 - 1, b"", bytes(32))[:32]


class Handshake:
    """Both ends at once, as one who knows all secrets would see them."""

    def __init__(self, name, prologue, static, ephemeral, psk=None):
        _, pattern, _, cipher, _ = name.split("_")
        self.psk_place = int(pattern[-1]) if "psk" in pattern else None
        self.seal = SEAL[cipher]
        self.static, self.ephemeral, self.psk = static, ephemeral, psk
        known_i, known_r, self.messages = PATTERNS[pattern[:2]]
        name = name.encode()
        self.h = (name + bytes(32 - len(name)) if len(name) <= 32
                  else hashlib.sha256(name).digest())
        self.ck, self.cipher, self.i = self.h, None, 0
        self.mix_hash(prologue)
        for known, secret in ((known_i, static[0]), (known_r, static[1])):
            if known:
                self.mix_hash(public_key(secret))

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, ikm):
        self.ck, key = hkdf(self.ck, ikm, 2)
        self.cipher = Cipher(self.seal, key)

    def encrypt(self, plain):
        sealed = (self.cipher.encrypt(self.h, plain) if self.cipher
                  else plain)
        self.mix_hash(sealed)
        return sealed

    def token(self, token, writer):
        if token == "psk":
            self.ck, h, key = hkdf(self.ck, self.psk, 3)
            self.mix_hash(h)
            self.cipher = Cipher(self.seal, key)
        elif token == "e":
            e = public_key(self.ephemeral[writer])
            self.mix_hash(e)
            if self.psk:
                self.mix_key(e)
            return e
        elif token == "s":
            return self.encrypt(public_key(self.static[writer]))
        else:
            secret, peer = ((self.static if letter == "s" else
                             self.ephemeral)[end]
                            for end, letter in enumerate(token))
            self.mix_key(x25519(secret, public_key(peer)))
        return b""

    def message(self, payload):
        tokens = self.messages[self.i].split()
        if self.psk_place == 0 and self.i == 0:
            tokens.insert(0, "psk")
        if self.psk_place == self.i + 1:
            tokens.append("psk")
        out = b"".join(self.token(token, self.i % 2) for token in tokens)
        self.i += 1
        return out + self.encrypt(payload)

    def is_done(self):
        return self.i == len(self.messages)

    def split(self):
        """Ciphers of initiator and responder, and the exporter's secret."""
        one, two, three = hkdf(self.ck, b"", 3)
        return [Cipher(self.seal, one), Cipher(self.seal, two)], three


# Examples that the documents give.

def self_test():
    unhex = bytes.fromhex
    assert x25519(
        unhex("a546e36bf0527c9d3b16154b82465edd"
              "62144c0ac1fc5a18506a2244ba449ac4"),
        unhex("e6db6867583030db3594c1a424b15f7c"
              "726624ec26b3353b10a903a6d0ab1c4c")) == unhex(
                  "c3da55379de9c6908e94ea4df28d084f"
                  "32eccf03491c71f754b4075577a28552")
    # RFC 8439, 2.3.2 and 2.5.2. Its examples of both together have something
    # in the four bytes before the number, where Noise has 0.
    assert chacha_block(bytes(range(32)), 1, unhex(
        "000000090000004a00000000"))[:16] == unhex(
            "10f1e7e4d13b5915500fdd1fa32071c4")
    assert poly1305(
        unhex("85d6be7857556d337f4452fe42d506a8"
              "0103808afb0db2fd4abff6af4149f51b"),
        b"Cryptographic Forum Research Group") == unhex(
            "a8061dc1305136c6c22b8baf0c0127a9")
    # The GCM specification, test cases 13 and 14.
    assert aesgcm(bytes(32), 0, b"", b"") == unhex(
        "530f8afbc74536b9a963b4f1c4cb738b")
    assert aesgcm(bytes(32), 0, b"", bytes(16)) == unhex(
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")


if __name__ == "__main__":
    if sys.argv[1:] != ["--self-test"]:
        sys.exit(__doc__)
    self_test()
