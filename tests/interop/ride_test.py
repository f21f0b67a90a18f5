# SPDX-License-Identifier: Apache-2.0
"""Offload state over memif, as a peer that is no vif sees it: not at all.

    namespace a: va (tun) ---- vif ==== memif, in both roles ==== peer.py

Others play a vif, from the design page alone, and say things that are wrong.
"""
import functools
import os
import random
import struct
import sys

import interop
import harness
import peer
from harness import ADDRESS, check, check_equal
from peer import Client, Listener, Server

cases = harness.Cases()

CSUM, TCP, UDP = 1, 2, 4
RIDE_ALL = CSUM | TCP | UDP
UNFINISHED, ECN = 8, 4
GSO_TCP4, GSO_TCP6, GSO_UDP = 1, 2, 3
MTU = 1500
PAYLOAD, N_DATAGRAM = 1200, 2000
PLAIN = b"\0" * (peer.RECORD_LEN - peer.RIDER_AT)


def rider(kind, ride, nonce, version=1):
    return peer.RIDER_MAGIC + struct.pack("=BBHQ", version, kind, ride, nonce)


def with_rider(data, end):
    check_equal(len(end), len(PLAIN), "bytes of a rider")
    return data[:peer.RIDER_AT] + end


def read_rider(data, kind):
    """ride and nonce; 0 for ride without a rider."""
    end = data[peer.RIDER_AT:]
    if not end.startswith(peer.RIDER_MAGIC):
        check_equal(end, PLAIN, f"the end of {peer.NAMES[kind]}")
        return 0, 0
    version, got, ride, nonce = struct.unpack_from("=BBHQ", end, 16)
    check_equal((version, got), (1, kind), "version and type of a rider")
    return ride, nonce


class Rider(Client):
    """A client that may ask for offload state. end: of INIT, as bytes or as a
    function of HELLO."""

    def __init__(self, address, end=PLAIN, **how):
        super().__init__(address, mode=peer.IP, **how)
        self.end = end
        self.hello = self.connected = b""

    def greet(self):
        self.channel = peer.dial(self.address)
        self.hello = self.channel.receive()[0]
        _, fields = peer.parse(self.hello)
        self.log2 = min(self.log2, fields[6])

    def steps(self):
        steps = super().steps()
        end = self.end(self.hello) if callable(self.end) else self.end
        steps[0].data = with_rider(steps[0].data, end)
        return steps

    def play(self, steps):
        super().play(steps[:-1])
        self.channel.send(steps[-1].data)
        self.connected = self.channel.receive()[0]
        kind, _ = peer.parse(self.connected[:peer.RIDER_AT] + PLAIN)
        check_equal(kind, peer.CONNECTED, "the last record")

    def granted(self):
        ride, nonce = read_rider(self.connected, peer.CONNECTED)
        if ride:
            check_equal(nonce, read_rider(self.hello, peer.HELLO)[1], "nonce")
        return ride


def ask(ride):
    """The end of an INIT that asks for a ride."""
    def end(hello):
        offered, nonce = read_rider(hello, peer.HELLO)
        check_equal(offered, RIDE_ALL, "what is offered")
        return rider(peer.INIT, ride, nonce)
    return end


def start_vif(net, role, *keys):
    net.quiet()
    path = f"{net.directory}/m.sock"
    device = net.address("a", "tun", "txqueuelen=20000", families=(4,))
    memif = ",".join([f"memif:{path}", f"role={role}", "mode=ip", *keys])
    return path, net.vif("link", device, memif)


def take(queue):
    """Packets, each with the metadata of its first slot."""
    slots, read = [], queue.ring.slot

    def note(i):
        fields = read(i)
        slots.append(fields)
        return fields
    queue.ring.slot = note
    packets = queue.receive()
    queue.ring.slot = read
    words, first = [], True
    for flags, _, _, _, metadata in slots:
        if first:
            words.append(metadata)
        else:
            check_equal(metadata, 0, "metadata within a chain")
        first = not flags & peer.NEXT
    return list(zip(words, packets))


def checksum(data, start=0):
    total = start + sum(struct.unpack(f">{len(data) // 2}H",
                                      data[:len(data) & ~1]))
    if len(data) & 1:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def pseudo(packet):
    return checksum(packet[12:20] +
                    struct.pack(">HH", packet[9], len(packet) - 20))


def udp_packet(payload, unfinished=False):
    """A datagram to namespace a."""
    length = 8 + len(payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 1, 0x4000, 64, 17,
                     0, bytes([10, 77, 0, 2]), bytes([10, 77, 0, 1]))
    ip = ip[:10] + struct.pack(">H", 0xffff ^ checksum(ip)) + ip[12:]
    packet = ip + struct.pack(">HHHH", 5000, 5001, length, 0) + payload
    total = pseudo(packet)
    if not unfinished:
        total = 0xffff ^ checksum(packet[20:], total)
    return packet[:26] + struct.pack(">H", total) + packet[28:]


def datagrams(net, queue, judge):
    """Lets namespace a send superpackets; returns how many bytes came."""
    net.traffic("a", "udp-count", ADDRESS["b", 4], 5000, "--size", PAYLOAD,
                "--segment", "--rate", N_DATAGRAM, "--count", N_DATAGRAM)
    seen = 0

    def all_there():
        nonlocal seen
        for word, packet in take(queue):
            check_equal(packet[0] >> 4, 4, "version of IP")
            if packet[9] == 17:
                seen += judge(word, packet)
        return seen >= N_DATAGRAM * PAYLOAD
    peer.wait(all_there, "all datagrams", 10.0 * harness.PATIENCE)
    return seen


def plain(word, packet):
    """What an ordinary peer may get."""
    check_equal(word, 0, "metadata")
    check(len(packet) <= MTU, f"a packet of {len(packet)} bytes")
    check_equal(checksum(packet[20:], pseudo(packet)), 0xffff,
                "sum of a packet")
    return len(packet) - 28


def whole(word, packet):
    if not word:
        return plain(word, packet)
    check(word & UNFINISHED, f"word {word:#x}")
    if word & 3:
        check_equal(word, PAYLOAD << 16 | UNFINISHED | GSO_UDP, "word")
        check(len(packet) > MTU, f"a superpacket of {len(packet)} bytes")
    else:
        check_equal(word, UNFINISHED, "word")
    check_equal(struct.unpack_from(">H", packet, 26)[0], pseudo(packet),
                "seed of an unfinished checksum")
    payload = len(packet) - 28
    return payload if word & 3 else min(payload, PAYLOAD)


def expect_plain(net, link, vif):
    datagrams(net, link.rx[0], plain)
    for _ in range(10):
        peer.send(link, udp_packet(b"x" * 100))
    check(link.alive(), "vif gave up the connection")
    summary = vif.stop()
    check_equal(summary["a_to_b"]["tx_superpackets"], 0, "superpackets")
    check(summary["a_to_b"]["cut_superpackets"] > 0, f"cut: {summary}")
    check_equal(summary["b_to_a"]["drops"]["bad_header"], 0, "drops")


def garbage(seed=1):
    return random.Random(seed).randbytes(len(PLAIN))


def reflect(hello):
    """HELLO, from the heap of who has not cleared its record."""
    return hello[peer.RIDER_AT:]


def wrong_nonce(hello):
    nonce = read_rider(hello, peer.HELLO)[1]
    return rider(peer.INIT, RIDE_ALL, nonce ^ 1)


def wrong_version(hello):
    nonce = read_rider(hello, peer.HELLO)[1]
    return rider(peer.INIT, RIDE_ALL, nonce, version=2)


def client(net, end, keys=(), granted=0):
    path, vif = start_vif(net, "server", *keys)
    vif.wait_ready()
    with Rider(path, end).open() as link:
        check_equal(link.granted(), granted, "what is granted")
        expect_plain(net, link, vif)


def silent_server(net):
    """offload=off is as if there were no such thing, to the last byte."""
    path, vif = start_vif(net, "server", "offload=off")
    vif.wait_ready()
    with Rider(path).open() as link:
        check_equal(link.hello[45:], b"\0" * 83, "the end of HELLO")
        check_equal(link.connected[34:], b"\0" * 94, "the end of CONNECTED")
        expect_plain(net, link, vif)


class Leaker(Server):
    """A server that does not clear its records."""

    def __init__(self, channel, hello_end, connected_end):
        super().__init__(channel, mode=peer.IP)
        self.hello_end, self.connected_end = hello_end, connected_end
        send = channel.send

        def leak(data, fds=()):
            kind = struct.unpack_from("=H", data)[0]
            end = {peer.HELLO: self.hello_end,
                   peer.CONNECTED: self.connected_end}.get(kind)
            send(with_rider(data, end) if end else data, fds)
        channel.send = leak

    def take_init(self):
        """Keeps INIT; whoever is offered something may ask."""
        data, _ = self.channel.receive()
        self.init_end = data[peer.RIDER_AT:]
        kind, _ = peer.parse(data[:peer.RIDER_AT] + PLAIN)
        check_equal(kind, peer.INIT, "the first record")
        if self.connected_end == "init":
            self.connected_end = self.init_end
        self.channel.send(peer.record(peer.ACK))


def server(net, hello_end, connected_end, asked):
    """vif is the client."""
    path, vif = start_vif(net, "client")
    listener = Listener(path)
    try:
        vif.wait_ready()
        with Leaker(listener.accept(), hello_end, connected_end) as link:
            link.open()
            check_equal(link.init_end != PLAIN, asked, "whether it asked")
            expect_plain(net, link, vif)
    finally:
        listener.close()


def asks(net, ride):
    """A vif by the page, which gets what it asks for."""
    path, vif = start_vif(net, "server")
    vif.wait_ready()
    with Rider(path, ask(ride)).open() as link:
        check_equal(link.granted(), ride if ride & CSUM else 0, "granted")
        if ride & UDP:
            datagrams(net, link.rx[0], whole)
        send_with(link, udp_packet(b"y" * 3000, True),
                  1000 << 16 | UNFINISHED | GSO_UDP)
        send_with(link, udp_packet(b"y" * 300, True), UNFINISHED)
        summary = stop_when_received(vif, link)
    flow = summary["b_to_a"]
    check_equal((flow["rx_packets"], flow["rx_superpackets"],
                 flow["drops"]["bad_header"]),
                (2, 1, 0) if ride & UDP else (1, 0, 1), "what vif received")
    if ride & UDP:
        check_equal(summary["a_to_b"]["cut_superpackets"], 0, "cut")


def send_with(link, packet, word):
    """Sends a packet, then says that of it, before vif can look."""
    queue = link.tx[0]
    at, publish = queue.mine, queue.publish

    def late(name):
        flags, region, length, offset, _ = queue.ring.slot(at)
        queue.ring.set_slot(at, flags, region, length, offset, word)
        publish(name)
    queue.publish = late
    try:
        peer.send(link, packet)
    finally:
        queue.publish = publish


def stop_when_received(vif, link):
    ring = link.tx[0].ring
    peer.wait(lambda: ring.tail == ring.head, "vif to read its packets")
    return vif.stop()


def lies(net):
    """Each costs its packet and is counted; the link stays."""
    path, vif = start_vif(net, "server")
    vif.wait_ready()
    good = udp_packet(b"z" * 3000, True)
    words = [word for word in (1 << bit for bit in range(32))
             if word != UNFINISHED]
    words += [UNFINISHED | GSO_UDP, 0xffff << 16 | UNFINISHED | GSO_UDP,
              1000 << 16 | UNFINISHED, 1000 << 16 | UNFINISHED | GSO_TCP4,
              1000 << 16 | UNFINISHED | GSO_TCP6,
              1000 << 16 | UNFINISHED | ECN | GSO_UDP, 0xffffffff]
    broken = [b"", b"\x45", b"\x45" * 19, good[:27], b"\x60" * 47,
              good[:6] + b"\x20\0" + good[8:], good[:9] + b"\x01" + good[10:],
              b"\x4f" + good[1:67], random.Random(7).randbytes(3000)]
    with Rider(path, ask(RIDE_ALL)).open() as link:
        check_equal(link.granted(), RIDE_ALL, "what is granted")
        n = 0
        for word in words:
            send_with(link, good, word)
            n += 1
        for packet in broken[1:]:
            send_with(link, packet, UNFINISHED)
            send_with(link, packet, 1000 << 16 | UNFINISHED | GSO_UDP)
            n += 2
        send_with(link, good, 1000 << 16 | UNFINISHED | GSO_UDP)
        summary = stop_when_received(vif, link)
    flow = summary["b_to_a"]
    check_equal((flow["rx_packets"], flow["rx_superpackets"],
                 flow["drops"]["bad_header"]), (1, 1, n), "what vif received")


def main(arguments):
    hello = rider(peer.HELLO, RIDE_ALL, 0x1234)
    granted = rider(peer.CONNECTED, RIDE_ALL, 0x1234)
    for name, end in (("zeros", PLAIN), ("garbage", garbage()),
                      ("HELLO sent back", reflect),
                      ("another nonce", wrong_nonce),
                      ("a rider of the future", wrong_version)):
        cases.add(f"client with {name}",
                  functools.partial(client, end=end))
    cases.add("server that is switched off", silent_server)
    for name, ends, asked in (
            ("zeros", (PLAIN, PLAIN), False),
            ("garbage", (garbage(2), garbage(3)), False),
            ("a leaked offer", (hello, PLAIN), True),
            ("a leaked offer twice", (hello, hello), True),
            ("a leaked offer, and INIT sent back", (hello, "init"), True),
            ("a leaked offer, and an old grant",
             (hello, rider(peer.CONNECTED, RIDE_ALL, 0x1235)), True),
            ("a grant of what was not offered", (PLAIN, granted), False)):
        cases.add(f"server with {name}", functools.partial(
            server, hello_end=ends[0], connected_end=ends[1], asked=asked))
    for ride in (RIDE_ALL, CSUM | UDP, CSUM | TCP, CSUM):
        cases.add(f"a vif that asks for {ride}",
                  functools.partial(asks, ride=ride))
    cases.add("a vif that lies", lies)
    interop.run(cases, arguments, (interop.port_missing,))


if __name__ == "__main__":
    main(sys.argv[1:])
