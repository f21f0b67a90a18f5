# SPDX-License-Identifier: Apache-2.0
"""A memif peer in Python: both roles, small, and written from the wire format.

It shares no code with vif, so it is a second opinion about what goes over the
wire. It is honest by itself; everything it says is built by functions whose
arguments can be wrong, and a handshake is a list of steps that can be changed,
which is what the hostile tests do.

Words: c2s are packets from client to server, s2c the others. The client owns
the memory and writes "head" of every ring, the server writes "tail".

The order of memory accesses: an index is stored and loaded as one 16-bit word,
and a lock is taken between descriptors and index, which is a full barrier on
everything CPython runs on.
"""
import ctypes
import fcntl
import mmap
import os
import random
import select
import socket
import struct
import threading
import time

# The control channel

RECORD_LEN = 128
VERSION = 0x0200
(NONE, ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED,
 DISCONNECT) = range(9)
NAMES = ("NONE", "ACK", "HELLO", "INIT", "ADD_REGION", "ADD_RING", "CONNECT",
         "CONNECTED", "DISCONNECT")
ETHERNET, IP, PUNT = range(3)
RING_C2S = 1
N_FD_MAX = 253  # of one record, by the kernel
# What vif says to another vif at the end of HELLO; see ride_test.py.
RIDER_AT = 100
RIDER_MAGIC = bytes.fromhex("cbd6b96d03a86330fb792547be2fe254")
PATIENCE_S = 5.0

# Shared memory

COOKIE = 0x03E31F20
FLAGS_AT, HEAD_AT = 4, 6  # tail begins the second line
MASK_EVENT = 1
NEXT = 1
SLOT = struct.Struct("=HHIII")  # flags, region, length, offset, metadata
INDEX_MASK = 0xffff

F_ADD_SEALS = 1033
F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW = 1, 2, 4
SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW


class PeerError(Exception):
    """The other side did not do what an honest one does."""


class Refused(PeerError):
    """The other side said DISCONNECT; the text is its reason."""


class Gone(PeerError):
    """The other side closed the channel without a word."""


class Timeout(PeerError):
    """The other side does not answer."""


# Messages. Every argument may be wrong.


def record(kind, payload=b"", length=RECORD_LEN):
    return (struct.pack("=H", kind) + payload).ljust(length, b"\0")


def hello(low=VERSION, high=VERSION, regions=255, s2c=255, c2s=255, log2=14,
          name=b"peer"):
    return record(HELLO, struct.pack("=32sHHHHHB", name, low, high, regions,
                                     s2c, c2s, log2))


def init(version=VERSION, number=0, mode=ETHERNET, secret=b"", name=b"peer"):
    return record(INIT, struct.pack("=HIB24s32s", version, number, mode,
                                    secret, name))


def add_region(index, size):
    return record(ADD_REGION, struct.pack("=HQ", index, size))


def add_ring(flags, index, region, offset, log2, private=0):
    return record(ADD_RING, struct.pack("=HHHIBH", flags, index, region,
                                        offset, log2, private))


def connect(name=b"port"):
    return record(CONNECT, struct.pack("=32s", name))


def connected(name=b"port"):
    return record(CONNECTED, struct.pack("=32s", name))


def disconnect(text=b"", code=0):
    return record(DISCONNECT, struct.pack("=I96s", code, text))


def text_of(field):
    return field.split(b"\0")[0].decode("utf-8", "replace")


def parse(data):
    """Kind and fields of a record."""
    if len(data) != RECORD_LEN:
        raise PeerError(f"a record of {len(data)} bytes")
    kind = struct.unpack_from("=H", data)[0]
    form = {HELLO: "=32sHHHHHB", INIT: "=HIB24s32s", ADD_REGION: "=HQ",
            ADD_RING: "=HHHIBH", CONNECT: "=32s", CONNECTED: "=32s",
            DISCONNECT: "=I96s"}.get(kind, "=")
    used = 2 + struct.calcsize(form)
    rest = data[used:]
    if kind == HELLO and data[RIDER_AT:].startswith(RIDER_MAGIC):
        rest = data[used:RIDER_AT]
    if any(rest):
        raise PeerError(f"{NAMES[kind]} is not zero after byte {used}")
    return kind, struct.unpack_from(form, data, 2)


def name_of(address):
    """What the socket calls take: "@NAME" is abstract."""
    return "\0" + address[1:] if address.startswith("@") else address


def readable(link, seconds):
    """Also of descriptors beyond those that select(2) knows."""
    waiting = select.poll()
    waiting.register(link, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


class Channel:
    """A connected control socket."""

    def __init__(self, link):
        self.link = link

    def send(self, data, fds=()):
        socket.send_fds(self.link, [data], list(fds))

    def receive(self, seconds=PATIENCE_S):
        """Bytes and descriptors of one record; no bytes at the end."""
        if not readable(self.link, seconds):
            raise Timeout(f"no record within {seconds} s")
        try:
            data, fds, flags, _ = socket.recv_fds(self.link, 4096, N_FD_MAX)
        except ConnectionResetError:
            return b"", []
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise PeerError("a record too large")
        return data, fds

    def expect(self, kind, n_fd=0, seconds=PATIENCE_S):
        """The fields of the one message that may come, and descriptors."""
        data, fds = self.receive(seconds)
        if not data:
            raise Gone(f"end of the channel in place of {NAMES[kind]}")
        got, fields = parse(data)
        if got == DISCONNECT:
            raise Refused(text_of(fields[1]))
        if got != kind or len(fds) != n_fd:
            raise PeerError(f"{got} with {len(fds)} descriptors in place of "
                            f"{NAMES[kind]}")
        return fields, fds

    def ended(self, seconds=PATIENCE_S):
        """Wait for the end. Returns the reason, None if none was given."""
        end = time.monotonic() + seconds
        while True:
            data, fds = self.receive(max(0, end - time.monotonic()))
            for fd in fds:
                os.close(fd)
            if not data:
                return None
            kind, fields = parse(data)
            if kind == DISCONNECT:
                return text_of(fields[1])

    def close(self):
        self.link.close()


def dial(address, seconds=PATIENCE_S):
    """Connect to a listener, which may not be there yet."""
    end = time.monotonic() + seconds
    while True:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            link.settimeout(seconds)
            link.connect(name_of(address))
            return Channel(link)
        except (BlockingIOError, ConnectionRefusedError, FileNotFoundError,
                TimeoutError):
            link.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.002)


class Listener:
    def __init__(self, address):
        self.address = address
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.bind(name_of(address))
        self.link.listen(16)

    def accept(self, seconds=PATIENCE_S):
        if not readable(self.link, seconds):
            raise Timeout("nobody connects")
        return Channel(self.link.accept()[0])

    def close(self):
        self.link.close()
        if not self.address.startswith("@"):
            os.unlink(self.address)


# Memory and rings

_barrier = threading.Lock()


def fence():
    with _barrier:
        pass


def memory_file(size, seals=SEALS):
    fd = os.memfd_create("peer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def ring_bytes(log2, line=64):
    return 2 * line + SLOT.size * (1 << log2)


class Ring:
    """One ring, by itself. Nothing is checked, so that it can be abused."""

    def __init__(self, mapping, offset, log2, line=64):
        self.mapping, self.offset = mapping, offset
        self.size = 1 << log2
        self.first = offset + 2 * line

        def word(at, kind=ctypes.c_uint16):
            return kind.from_buffer(mapping, offset + at)
        self._cookie = word(0, ctypes.c_uint32)
        self._flags, self._head, self._tail = (word(FLAGS_AT), word(HEAD_AT),
                                               word(line))

    cookie = property(lambda self: self._cookie.value,
                      lambda self, v: setattr(self._cookie, "value", v))
    flags = property(lambda self: self._flags.value,
                     lambda self, v: setattr(self._flags, "value", v))
    head = property(lambda self: self._head.value,
                    lambda self, v: setattr(self._head, "value",
                                            v & INDEX_MASK))
    tail = property(lambda self: self._tail.value,
                    lambda self, v: setattr(self._tail, "value",
                                            v & INDEX_MASK))

    def slot(self, i):
        """flags, region, length, offset, metadata"""
        return SLOT.unpack_from(self.mapping, self._at(i))

    def set_slot(self, i, *fields):
        SLOT.pack_into(self.mapping, self._at(i), *fields)

    def set_packet(self, i, flags, length):
        """What a server may write: flags and length, the rest is not its."""
        struct.pack_into("=H", self.mapping, self._at(i), flags)
        struct.pack_into("=I", self.mapping, self._at(i) + 4, length)

    def _at(self, i):
        return self.first + SLOT.size * (i & (self.size - 1))


def distance(a, b):
    return (a - b) & INDEX_MASK


def kick(event_fd):
    try:
        os.write(event_fd, struct.pack("=Q", 1))
    except BlockingIOError:
        pass


class Queue:
    """One ring in one direction, seen from one side."""

    def __init__(self, ring, event_fd, regions, own):
        self.ring, self.event_fd, self.regions = ring, event_fd, regions
        self.own = own  # client: region, first offset and size of its buffers
        self.mine = 0  # the index we publish
        self.seen = 0  # the next slot of theirs
        self.n_kick = 0

    def buffer(self, i):
        region, first, size = self.own
        return region, first + (i & (self.ring.size - 1)) * size, size

    def piece(self, region, offset, length):
        check(region < len(self.regions), f"region {region}")
        mapping = self.regions[region]
        check(offset + length <= len(mapping),
              f"{length} bytes at {offset} of {len(mapping)}")
        return memoryview(mapping)[offset:offset + length]

    def clear_event(self):
        try:
            os.read(self.event_fd, 8)
        except BlockingIOError:
            pass

    def publish(self, name):
        fence()
        setattr(self.ring, name, self.mine)
        fence()
        if not self.ring.flags & MASK_EVENT:
            self.n_kick += 1
            kick(self.event_fd)

    def gather(self, n, take):
        """Packets of n slots; the slots of an unfinished one are left."""
        packets, pieces, done = [], [], 0
        for i in range(n):
            flags, data = take(self.seen + i)
            pieces.append(data)
            if not flags & NEXT:
                packets.append(b"".join(pieces))
                pieces, done = [], i + 1
        self.seen = (self.seen + done) & INDEX_MASK
        return packets, done


def check(condition, text):
    if not condition:
        raise PeerError(text)


class ClientTx(Queue):
    def room(self):
        used = distance(self.mine, self.ring.tail)
        check(used <= self.ring.size, f"tail {self.ring.tail} passed head")
        return self.ring.size - used

    def send(self, frame):
        """One packet, in as many slots as it takes. Returns whether it fits."""
        size = self.own[2]
        parts = [frame[i:i + size] for i in range(0, len(frame), size)]
        if self.room() < len(parts):
            return False
        for i, part in enumerate(parts):
            region, offset, _ = self.buffer(self.mine + i)
            self.piece(region, offset, len(part))[:] = part
            self.ring.set_slot(self.mine + i, NEXT * (i + 1 < len(parts)),
                               region, len(part), offset, 0)
        self.mine = (self.mine + len(parts)) & INDEX_MASK
        self.publish("head")
        return True


class ClientRx(Queue):
    def has_more(self):
        return self.ring.tail != self.seen

    def offer(self):
        """Lend buffers for all slots that were given back."""
        while distance(self.mine, self.seen) < self.ring.size:
            region, offset, size = self.buffer(self.mine)
            self.ring.set_slot(self.mine, 0, region, size, offset, 0)
            self.mine = (self.mine + 1) & INDEX_MASK
        fence()
        self.ring.head = self.mine

    def receive(self):
        self.clear_event()
        n = distance(self.ring.tail, self.seen)
        check(n <= distance(self.mine, self.seen),
              f"tail {self.ring.tail} beyond head {self.mine}")
        fence()

        def take(i):
            flags, region, length, offset, _ = self.ring.slot(i)
            ours = self.buffer(i)
            check((region, offset) == ours[:2], "a slot of ours was moved")
            check(length <= ours[2], f"{length} bytes in a buffer of {ours[2]}")
            return flags, bytes(self.piece(region, offset, length))
        packets, n = self.gather(n, take)
        if n:
            self.offer()
        return packets


class ServerRx(Queue):
    clears = True  # NEXT, in slots that it gives back

    def has_more(self):
        return self.ring.head != self.seen

    def receive(self):
        self.clear_event()
        n = distance(self.ring.head, self.seen)
        check(n <= self.ring.size, f"head {self.ring.head} is {n} ahead")
        fence()

        def take(i):
            flags, region, length, offset, _ = self.ring.slot(i)
            return flags, bytes(self.piece(region, offset, length))
        packets, n = self.gather(n, take)
        for i in range(n if self.clears else 0):
            # Against testpmd's stale NEXT, which is its own again later.
            self.ring.set_packet(self.seen - n + i, 0,
                                 self.ring.slot(self.seen - n + i)[2])
        fence()
        self.ring.tail = self.seen
        return packets


class ServerTx(Queue):
    def room(self):
        n = distance(self.ring.head, self.mine)
        check(n <= self.ring.size, f"head {self.ring.head} is {n} ahead")
        return n

    def send(self, frame):
        room, parts, at = self.room(), [], 0
        while at < len(frame):
            if len(parts) == room:
                return False
            _, region, length, offset, _ = self.ring.slot(
                self.mine + len(parts))
            check(length > 0, "a buffer of no bytes")
            part = frame[at:at + length]
            parts.append((region, offset, part))
            at += len(part)
        for i, (region, offset, part) in enumerate(parts):
            self.piece(region, offset, len(part))[:] = part
            self.ring.set_packet(self.mine + i, NEXT * (i + 1 < len(parts)),
                                 len(part))
        self.mine = (self.mine + len(parts)) & INDEX_MASK
        self.publish("tail")
        return True


# The two roles


class Step:
    """One message of a client, and the descriptors that go with it."""

    def __init__(self, data, *fds):
        self.data, self.fds = data, list(fds)

    @property
    def kind(self):
        return struct.unpack("=H", self.data[:2].ljust(2, b"\0"))[0]


class Link:
    """What is left when a handshake is over. tx and rx are lists of queues."""

    def __init__(self, channel=None):
        self.channel = channel
        self.tx, self.rx, self.maps, self.fds = [], [], [], []
        self.peer_app = self.peer_name = ""

    def alive(self):
        """Whether the other side has neither closed nor complained."""
        # Of a link that is up, only a last word or the end can be read.
        return not readable(self.channel.link, 0)

    def close(self):
        if self.channel:
            self.channel.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Client(Link):
    """Connects, and owns the memory.

    split: buffers in a region of their own, as libmemif does. line: 64 or 128.
    """

    def __init__(self, address, number=0, c2s=1, s2c=1, log2=10, buffer=2048,
                 secret=b"", mode=ETHERNET, line=64, split=False, seals=SEALS,
                 poll=True):
        super().__init__()
        self.address, self.number, self.secret = address, number, secret
        self.mode, self.c2s, self.s2c, self.log2 = mode, c2s, s2c, log2
        self.size, self.line, self.split = buffer, line, split
        self.seals, self.poll = seals, poll
        self.rings, self.events = [], []

    def open(self):
        """The whole handshake, as an honest client does it."""
        self.greet()
        self.build()
        self.play(self.steps())
        self.up()
        return self

    def greet(self):
        self.channel = dial(self.address)
        fields, _ = self.channel.expect(HELLO)
        self.peer_app = text_of(fields[0])
        check(fields[1] <= VERSION <= fields[2], f"versions {fields[1:3]}")
        self.limits = fields[3:]
        self.s2c = min(self.s2c, fields[4] + 1)
        self.c2s = min(self.c2s, fields[5] + 1)
        self.log2 = min(self.log2, fields[6])

    def layout(self):
        """Sizes of the regions, and where the buffers begin."""
        n = self.c2s + self.s2c
        rings = n * ring_bytes(self.log2, self.line)
        buffers = n * (self.size << self.log2)
        return ([rings, buffers], 0) if self.split else (
            [rings + buffers], rings)

    def build(self):
        sizes, first = self.layout()
        n, region = self.c2s + self.s2c, len(sizes) - 1
        files = [memory_file(size, self.seals) for size in sizes]
        self.maps = [mmap.mmap(fd, size) for fd, size in zip(files, sizes)]
        self.events = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                       for _ in range(n)]
        self.fds = files + self.events
        self.files, self.sizes = files, sizes
        for i in range(n):
            ring = Ring(self.maps[0], i * ring_bytes(self.log2, self.line),
                        self.log2, self.line)
            ring.cookie = COOKIE
            own = region, first + i * (self.size << self.log2), self.size
            made = ClientTx if i < self.c2s else ClientRx
            (self.tx if i < self.c2s else self.rx).append(
                made(ring, self.events[i], self.maps, own))
            self.rings.append(ring)

    def steps(self):
        """What is to be sent, a message for each ACK."""
        steps = [Step(init(number=self.number, mode=self.mode,
                           secret=self.secret))]
        steps += [Step(add_region(i, size), fd)
                  for i, (size, fd) in enumerate(zip(self.sizes, self.files))]
        for i, (ring, event) in enumerate(zip(self.rings, self.events)):
            is_c2s = i < self.c2s
            steps.append(Step(add_ring(
                RING_C2S * is_c2s, i if is_c2s else i - self.c2s, 0,
                ring.offset, self.log2), event))
        return steps + [Step(connect())]

    def play(self, steps):
        for step in steps:
            self.channel.send(step.data, step.fds)
            fields, _ = self.channel.expect(
                CONNECTED if step.kind == CONNECT else ACK)
            if fields:
                self.peer_name = text_of(fields[0])

    def up(self):
        for queue in self.rx:
            queue.ring.flags = MASK_EVENT if self.poll else 0
            queue.offer()


class Server(Link):
    """Serves one client on a channel that was accepted."""

    def __init__(self, channel, number=0, secret=b"", mode=ETHERNET, line=64,
                 rings=255, log2=14, poll=True):
        super().__init__(channel)
        self.number, self.secret, self.mode = number, secret, mode
        self.line, self.limit, self.log2, self.poll = line, rings, log2, poll
        self.files, self.sizes = [], []
        self.places = {RING_C2S: [], 0: []}

    def open(self):
        self.channel.send(hello(s2c=self.limit, c2s=self.limit,
                                log2=self.log2))
        self.take_init()
        while True:
            data, fds = self.channel.receive()
            if not data:
                raise Gone("end of the channel in the handshake")
            kind, fields = parse(data)
            if kind == DISCONNECT:
                raise Refused(text_of(fields[1]))
            self.fds += fds
            if kind == CONNECT:
                break
            self.take(kind, fields, fds)
            self.channel.send(record(ACK))
        check(not fds, "a descriptor with CONNECT")
        self.peer_name = text_of(fields[0])
        self.map()
        self.channel.send(connected())
        return self

    def take_init(self):
        (version, number, mode, secret, app), _ = self.channel.expect(INIT)
        self.peer_app = text_of(app)
        for good, reason in ((version == VERSION, "version"),
                             (number == self.number, "id"),
                             (mode == self.mode, "mode"),
                             (text_of(secret) == self.secret.decode(),
                              "secret")):
            if not good:
                self.channel.send(disconnect(b"wrong " + reason.encode()))
                raise PeerError(f"wrong {reason}")
        self.channel.send(record(ACK))

    def take(self, kind, fields, fds):
        check(len(fds) == 1, f"{NAMES[kind]} with {len(fds)} descriptors")
        if kind == ADD_REGION:
            check(fields[0] == len(self.sizes), f"region {fields[0]}")
            check(not self.places[RING_C2S], "a region after a ring")
            check(os.fstat(fds[0]).st_size >= fields[1], "a short file")
            self.files.append(fds[0])
            self.sizes.append(fields[1])
        else:
            check(kind == ADD_RING, f"message {kind}")
            flags, index, region, offset, log2, private = fields
            there = self.places[flags & RING_C2S]
            check(index == len(there), f"ring {index}")
            check(private == 0, "a private header")
            # Rings of two slots are no whole lines, so others begin within.
            check(region < len(self.sizes) and 1 <= log2 <= 15 and
                  offset % SLOT.size == 0 and offset +
                  ring_bytes(log2, self.line) <= self.sizes[region],
                  f"a ring at {offset} of region {region}")
            there.append((region, offset, log2, fds[0]))

    def map(self):
        check(self.places[RING_C2S] or self.places[0], "no rings")
        self.maps = [mmap.mmap(fd, size)
                     for fd, size in zip(self.files, self.sizes)]
        for kind, made, queues in ((RING_C2S, ServerRx, self.rx),
                                   (0, ServerTx, self.tx)):
            for region, offset, log2, event in self.places[kind]:
                ring = Ring(self.maps[region], offset, log2, self.line)
                check(ring.cookie == COOKIE, f"cookie {ring.cookie:#x}")
                check((ring.head, ring.tail) == (0, 0), "a ring in use")
                if made is ServerRx:
                    ring.flags = MASK_EVENT if self.poll else 0
                queues.append(made(ring, event, self.maps, None))


# Traffic

ETHER_TYPE = 0x88b5  # for experiments
FRAME_MIN = 60


def frame(number, size, to=b"\2\0\0\0\0\2", sender=b"\2\0\0\0\0\1"):
    """A frame that tells its number, and has bytes that follow from it."""
    body = random.Random(number).randbytes(size - 18)
    return to + sender + struct.pack(">HI", ETHER_TYPE, number) + body


def turned(data):
    """The frame with its addresses swapped, as testpmd's macswap sends it."""
    return data[6:12] + data[:6] + data[12:]


def wait(condition, text, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"waited {seconds} s in vain: {text}")
        os.sched_yield()


def send(link, data, queue=0, seconds=PATIENCE_S):
    wait(lambda: link.tx[queue].send(data), "room in the ring", seconds)


REST_S = 0.001  # room in a ring has no event


def rest(link):
    """Leave the CPU to whoever answers, until there is a packet.

    Or for a moment: an event that is missed costs no more. Two CPUs have enough
    of peers that never sleep.
    """
    before = [queue.ring.flags for queue in link.rx]
    for queue in link.rx:
        queue.ring.flags = 0
    fence()
    if not any(queue.has_more() for queue in link.rx):
        select.select([queue.event_fd for queue in link.rx], [], [], REST_S)
    for queue, flags in zip(link.rx, before):
        queue.ring.flags = flags


def echo(link, sizes, queues=(0,), window=8, seconds=10.0, turn=turned):
    """Send frames of these sizes; each must come back once, and nothing else.

    They may come back on any queue, but those of one queue in order on each.
    window: how many may be on the way. seconds: without a frame, until it is
    given up.
    """
    expected = {}
    count = 0
    end = time.monotonic() + seconds

    def take():
        nonlocal count, end
        before = count
        for queue in link.rx:
            last = [-1] * len(queues)
            for data in queue.receive():
                number = struct.unpack_from(">I", data, 14)[0]
                check(number in expected, f"frame {number} is not on the way")
                check(data == expected.pop(number),
                      f"frame {number} of {len(data)} bytes has changed")
                lane = number % len(queues)
                check(number > last[lane], "frames overtook each other")
                last[lane] = number
                count += 1
                end = time.monotonic() + seconds
        if time.monotonic() > end:
            raise Timeout(f"{len(expected)} frames are missing: "
                          f"{sorted(expected)[:8]}")
        if count == before:
            rest(link)

    for number, size in enumerate(sizes):
        data = frame(number, size)
        expected[number] = turn(data)
        queue = queues[number % len(queues)]
        while len(expected) > window or not link.tx[queue].send(data):
            take()
    while expected:
        take()
    return count


def bounce(link, done, turn=turned):
    """Send everything back, until done() says so. Returns how many."""
    count = 0
    while not done():
        for i, queue in enumerate(link.rx):
            for data in queue.receive():
                send(link, turn(data), i % len(link.tx))
                count += 1
        os.sched_yield()
    return count
