# SPDX-License-Identifier: Apache-2.0
"""What a hostile memif peer can do, as tables.

Each attack has a name, an action, and what has to come of it:
  reason  a pattern: the victim ends the link, and says why
  ENDS    the victim ends the link, or we have; a reason is not asked for
  LIVES   the victim goes on: the link can still be used
  ANY     either; it must only survive
  FAULT   the victim counts a fault and goes on, or ends the link for it
and the name under which the victim counts it, or None.

Actions of CLIENT get a peer.Client that is not connected yet, those of SERVER a
control channel that has just been accepted. They may raise what peer raises.
"""
import contextlib
import fcntl
import functools
import os
import select
import socket
import struct
import tempfile
import time

import peer
from peer import (ACK, ADD_REGION, CONNECT, CONNECTED, DISCONNECT, HELLO, INIT,
                  NEXT, RING_C2S, Step)

ENDS, LIVES, ANY, FAULT = "ends", "lives", "any", "fault"

UNEXPECTED = "unexpected|unknown type"
LENGTH = "record of .* bytes"
DESCRIPTORS = "descriptor"
REGION_INDEX = "region index|region"
RING = "ring"
INDEX = "index"
CHAIN = "chain|end|slots|packet"
DATA = "index|descriptor|region|bytes|buffer|length|slot"

TIB = 1 << 40
FAR = 0xffff
ALL = 0xffffffff
RACE_S = 0.5
N_IDLE = 200
N_AGAIN = 30
N_FLOOD = 2000
PUNCH_HOLE = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE


class Attack:
    def __init__(self, name, action, outcome, counter=None, keys=(),
                 slow=False):
        self.name, self.action, self.outcome = name, action, outcome
        # On the rings there is one counter for all of it.
        if outcome in (DATA, INDEX, CHAIN):
            counter = "data"
        self.counter, self.keys, self.slow = counter, keys, slow
        if outcome not in (ENDS, LIVES, ANY, FAULT) and not counter:
            raise ValueError(f"{name}: what gives a reason is counted")


CLIENT, SERVER = [], []


def client(name, outcome, counter=None, **how):
    """Add a function as an attack by a client."""
    def add(action):
        CLIENT.append(Attack(name, action, outcome, counter, **how))
        return action
    return add


def server(name, outcome, counter=None, **how):
    def add(action):
        SERVER.append(Attack(name, action, outcome, counter, **how))
        return action
    return add


# Descriptors of our own that are sent; the victim's copies are its business.

LEFT = []


def kept(*fds):
    LEFT.extend(fds)
    return fds[0]


def release():
    """Close what the attacks have made. After each of them."""
    while LEFT:
        os.close(LEFT.pop())


def memory_file(*arguments):
    return kept(peer.memory_file(*arguments))


def eventfd(*arguments):
    return kept(os.eventfd(*arguments))


# Helpers of clients


def prepare(link):
    """Connected, with memory; nothing said yet. Returns the honest steps:
    INIT, ADD_REGION, ADD_RING c2s, ADD_RING s2c, CONNECT."""
    link.greet()
    link.build()
    return link.steps()


def say(link, *steps):
    """Send without waiting for answers."""
    for step in steps:
        try:
            link.channel.send(step.data, step.fds)
        except (BrokenPipeError, ConnectionResetError):
            return


def up(link):
    link.play(prepare(link))
    link.up()


def replaced(at, *steps):
    """An attack in which one of the honest steps is another."""
    def action(link):
        honest = prepare(link)
        made = [step(link, honest) if callable(step) else step
                for step in steps]
        link.play(honest[:at])
        say(link, *made)
        if len(made) == 1 and made[0].kind in (INIT, ADD_REGION,
                                               peer.ADD_RING):
            link.channel.expect(ACK)
            link.play(honest[at + 1:])
            link.up()
    return action


def table(add, rows):
    for name, action, outcome, counter in rows:
        add(name, outcome, counter)(action)


# Order of messages

OUT_OF_ORDER = {
    "NONE": lambda: Step(peer.record(peer.NONE)),
    "ACK": lambda: Step(peer.record(ACK)),
    "HELLO": lambda: Step(peer.hello()),
    "INIT": lambda: Step(peer.init()),
    "ADD_REGION": lambda: Step(peer.add_region(0, 1 << 16),
                               memory_file(1 << 16)),
    "ADD_RING": lambda: Step(peer.add_ring(RING_C2S, 0, 0, 0, 10),
                             eventfd(0)),
    "CONNECT": lambda: Step(peer.connect()),
    "CONNECTED": lambda: Step(peer.connected()),
    "type 9": lambda: Step(peer.record(9)),
    "type 65535": lambda: Step(peer.record(FAR)),
}


def early(make):
    def action(link):
        link.greet()
        say(link, make())
    return action


def late(make):
    def action(link):
        up(link)
        say(link, make())
    return action


for kind, maker in OUT_OF_ORDER.items():
    counter = "record_type" if kind.startswith(("type", "NONE")) else (
        "record_order")
    if kind != "INIT":
        client(f"{kind} before INIT", UNEXPECTED, counter)(early(maker))
    client(f"{kind} on a link that is up", UNEXPECTED, counter)(late(maker))

client("DISCONNECT before INIT", ENDS, "peer")(
    early(lambda: Step(peer.disconnect(b"x" * 96))))
client("DISCONNECT on a link that is up", ENDS, "peer")(
    late(lambda: Step(peer.disconnect(b"\x1b[2J\"\\\n" * 12))))

table(client, (
    ("INIT twice", replaced(1, Step(peer.init())), UNEXPECTED,
     "record_order"),
    ("CONNECT at once", replaced(1, Step(peer.connect())),
     "unexpected|no ring|without", "ring_none"),
    ("CONNECT without rings", replaced(2, Step(peer.connect())),
     "unexpected|no ring|without", "ring_none"),
    ("a region after a ring", replaced(3, lambda link, _: Step(
        peer.add_region(1, 1 << 16), memory_file(1 << 16))),
     "region after|unexpected", "record_order"),
    ("a ring before a region", replaced(1, lambda link, honest: honest[2]),
     "unknown|unexpected|region", "ring_region"),
))

# INIT


def init_with(**fields):
    return replaced(0, Step(peer.init(**fields)))


table(client, (
    ("version 0", init_with(version=0), "version", "version"),
    ("version 0x0100", init_with(version=0x100), "version", "version"),
    ("version 0x0201", init_with(version=0x201), "version", "version"),
    ("unknown id", init_with(number=1), r"\bid\b", "id"),
    ("id 0xffffffff", init_with(number=ALL), r"\bid\b", "id"),
    ("mode IP", init_with(mode=peer.IP), "mode", "mode"),
    ("mode 2", init_with(mode=peer.PUNT), "mode", "mode"),
    ("mode 255", init_with(mode=255), "mode", "mode"),
    ("a name without an end", init_with(name=b"\xff" * 32), LIVES, None),
    ("a name of control characters", init_with(name=b"\x1b[2J\"\\\n\0x"),
     LIVES, None),
))
for what, secret in (("wrong", b"sesama"), ("longer", b"sesame1"),
                     ("without an end", b"s" * 24)):
    client(f"a secret that is {what}", "secret", "secret_wrong",
           keys=("secret",))(init_with(secret=secret))
client("no secret", "secret", "secret_absent", keys=("secret",))(init_with())


@client("guessing the secret", "secret", "secret_rate", keys=("secret",))
def guess(link):
    for i in range(N_AGAIN):
        with peer.Client(link.address, secret=b"%d" % i) as other:
            try:
                other.open()
            except peer.PeerError:
                continue
            raise peer.PeerError("a guess was accepted")
    init_with(secret=b"again")(link)


# Regions


def region_of(index=0, size=None, file=None):
    """Another ADD_REGION. file makes the descriptor of it."""
    def step(link, _):
        real = link.sizes[0]
        fd = file(real) if file else link.files[0]
        return Step(peer.add_region(index, real if size is None else size), fd)
    return replaced(1, step)


def sparse(_):
    return memory_file(64 * TIB)


def short(size):
    return memory_file(size - 4096)


def stubborn(size):
    """Memory that can shrink, and whose seals cannot be added to."""
    return memory_file(size, peer.F_SEAL_SEAL)


def read_only(size):
    fd = memory_file(size)
    return kept(os.open(f"/proc/self/fd/{fd}", os.O_RDONLY))


def no_writing(size):
    return memory_file(size, peer.SEALS | 16)  # F_SEAL_FUTURE_WRITE


def plain_file(size):
    fd, path = tempfile.mkstemp()
    kept(fd)
    os.unlink(path)
    os.ftruncate(fd, size)
    return fd


def opened(path, flags=os.O_RDWR):
    return lambda *_: kept(os.open(path, flags))


def pipe_end(*_):
    return kept(*os.pipe())


def pipe_write_end(*_):
    return kept(*os.pipe()[::-1])


def socket_end(*_):
    return kept(socket.socketpair()[0].detach())


def event(*_):
    return eventfd(0)


def epoll(*_):
    made = select.epoll()
    fd = kept(os.dup(made.fileno()))
    made.close()
    return fd


for index in (1, 2, 255, 256, FAR):
    client(f"region index {index} first", REGION_INDEX, "region_index")(
        region_of(index=index))

NOT_MEMORY = (("a pipe", pipe_end), ("a socket", socket_end),
              ("an eventfd", event), ("an epoll", epoll),
              ("/dev/zero", opened("/dev/zero")),
              ("/dev/null", opened("/dev/null")),
              ("a directory", opened("/", os.O_RDONLY)),
              ("a file on a disk", plain_file),
              ("its own executable", opened("/proc/self/exe", os.O_RDONLY)))
for what, make in NOT_MEMORY:
    client(f"{what} as memory", "memory|file|seal|region", "region_file")(
        region_of(file=make))

table(client, (
    ("a region of 0 bytes", region_of(size=0), "0 bytes|empty",
     "region_size"),
    ("a region of 64 TiB", region_of(size=64 * TIB, file=sparse),
     "more than|large", "region_size"),
    ("a region of 2^64 - 1 bytes", region_of(size=2 ** 64 - 1),
     "more than|large|short", "region_size"),
    ("a region longer than its file", region_of(file=short),
     "short|smaller|region", "region_file"),
    ("memory that can shrink", region_of(file=stubborn),
     "seal|shrink", "region_file"),
    ("memory to read only", region_of(file=read_only),
     "read|writ|region|memory", "region_file"),
    ("memory that must not be written", region_of(file=no_writing), ENDS,
     None),
))


@client("memory without seals", LIVES)
def no_seals(link):
    link.seals = 0
    up(link)


@client("as many regions as there are numbers", "too many regions|region",
        "region_count")
def many_regions(link):
    honest = prepare(link)
    link.play(honest[:2])
    for i in range(1, FAR):
        link.play([Step(peer.add_region(i, 4096), memory_file(4096))])


@client("the same region again", "region index|region", "region_index")
def region_twice(link):
    honest = prepare(link)
    link.play(honest[:2])
    link.play([honest[1]])


# Rings


def ring_of(private=0, file=None, **other):
    """Another ADD_RING c2s."""
    def step(link, _):
        fields = {"flags": RING_C2S, "index": 0, "region": 0, "offset": 0,
                  "log2": link.log2, **other}
        at = fields["offset"]
        fields["offset"] = at(link) if callable(at) else at
        return Step(peer.add_ring(private=private, **fields),
                    file() if file else link.events[0])
    return replaced(2, step)


def end_of(link):
    return link.sizes[0]


def last_slot(link):
    """All but a line of the ring is in the region."""
    return (link.sizes[0] - peer.ring_bytes(link.log2) + 64) // 64 * 64


def second_ring(**other):
    def step(link, _):
        return Step(peer.add_ring(**{
            "flags": 0, "index": 0, "region": 0, "log2": link.log2,
            "offset": link.rings[1].offset, **other}), link.events[1])
    return replaced(3, step)


for index in (1, 255, 256, FAR):
    client(f"ring index {index} first", RING, "ring_index")(
        ring_of(index=index))
for region in (1, 255, 256, FAR):
    client(f"a ring in region {region}", "region", "ring_region")(
        ring_of(region=region))
for log2 in (0, 16, 31, 32, 255):
    client(f"a ring of 2^{log2}", "slots|size", "ring_size")(
        ring_of(log2=log2))
for offset in (1, 2, 3, 8):
    client(f"a ring at {offset}", "multiple|align", "ring_align")(
        ring_of(offset=offset))
for what, offset in (("the end", end_of), ("nearly the end", last_slot),
                     ("2^32 - 128", ALL - 127), ("2^31", 1 << 31)):
    client(f"a ring at {what}", "outside|region", "ring_range")(
        ring_of(offset=offset))
client("a ring larger than the region", "outside|region", "ring_range")(
    replaced(1, lambda link, _: Step(
        peer.add_region(0, 4096), memory_file(4096))))
for what, make in (*NOT_MEMORY[:2], *NOT_MEMORY[3:7], (
        "memory", lambda *_: memory_file(4096)),
        ("the writing end of a pipe", pipe_write_end),
        ("a terminal's master", opened("/dev/ptmx"))):
    client(f"{what} as an eventfd", "event", "ring_event")(ring_of(file=make))
table(client, (
    ("a private header of 1 byte", ring_of(private=1), "private",
     "ring_private"),
    ("a private header of 65535 bytes", ring_of(private=FAR), "private",
     "ring_private"),
    ("two rings in one place", second_ring(offset=0), "overlap",
     "ring_overlap"),
    ("two rings that overlap", second_ring(offset=1024), "overlap",
     "ring_overlap"),
    ("the same ring again", second_ring(flags=RING_C2S), RING,
     "ring_index"),
    ("an eventfd that blocks", ring_of(file=lambda: eventfd(0, 0)), LIVES,
     None),
    ("an eventfd that is full",
     ring_of(file=lambda: eventfd(ALL, os.EFD_NONBLOCK)), LIVES, None),
))


@client("as many rings as there are numbers", RING, "ring_count")
def many_rings(link):
    link.log2 = 1
    honest = prepare(link)
    link.play(honest[:2])
    for i in range(FAR):
        link.play([Step(peer.add_ring(RING_C2S, i, 0, 192 * i, 1),
                        link.events[0])])


@client("no cookie", "cookie", "cookie")
def no_cookie(link):
    honest = prepare(link)
    link.rings[0].cookie = 0
    link.play(honest)


@client("a cookie that goes away", LIVES)
def lost_cookie(link):
    up(link)
    for ring in link.rings:
        ring.cookie = 0


# Records and descriptors


def with_fds(at, n):
    """One of the honest steps with n descriptors in place of its own."""
    def step(link, honest):
        fds = (honest[at].fds or [link.events[0]])[:1] * n
        return Step(honest[at].data, *fds)
    return replaced(at, step)


for at, what in ((0, "INIT"), (4, "CONNECT")):
    for n in (1, 2, peer.N_FD_MAX):
        client(f"{what} with {n} descriptors", DESCRIPTORS, "fd_extra")(
            with_fds(at, n))
for at, what in ((1, "ADD_REGION"), (2, "ADD_RING")):
    client(f"{what} without a descriptor", DESCRIPTORS, "fd_missing")(
        with_fds(at, 0))
    for n in (2, 3, 17, peer.N_FD_MAX):
        client(f"{what} with {n} descriptors", DESCRIPTORS, "fd_extra")(
            with_fds(at, n))
for length in (1, 2, 127, 129, 4096, 65536):
    client(f"a record of {length} bytes", LENGTH, "record_len")(
        replaced(0, Step((peer.init() + bytes(65536))[:length])))
client("an empty record", ENDS)(replaced(0, Step(b"")))


@client("253 descriptors, again and again", DESCRIPTORS, "fd_extra")
def fds_again(link):
    for _ in range(N_AGAIN):
        with peer.Client(link.address) as other:
            other.greet()
            say(other, Step(peer.init(), *[0] * peer.N_FD_MAX))
    with_fds(0, peer.N_FD_MAX)(link)


# Ends


def hang_up_after(n):
    def action(link):
        link.play(prepare(link)[:n])
        link.channel.close()
        link.channel = None
    return action


client("connect and hang up", LIVES)(hang_up_after(0))
for n, what in ((1, "INIT"), (2, "ADD_REGION"), (3, "a ring"),
                (4, "all rings")):
    client(f"hang up after {what}", LIVES)(hang_up_after(n))


@client("connect and hang up, again and again", LIVES)
def hang_up_again(link):
    for i in range(5 * N_AGAIN):
        with peer.Client(link.address) as other:
            if i % 2:
                other.greet()
            else:
                other.channel = peer.dial(link.address)


@client("hang up on a link that is up, again and again", LIVES)
def up_and_away(link):
    for _ in range(N_AGAIN):
        with peer.Client(link.address) as other:
            peer.wait(functools.partial(opens, other), "the link to be free")
            other.tx[0].send(peer.frame(1, 60))


def opens(link):
    """Whether the link is there for us; the last one may still be leaving."""
    try:
        link.open()
        return True
    except (peer.Refused, peer.Gone):
        link.close()
        link.__init__(link.address)
        return False


@client("silence after INIT", "not finished|time", "timeout", slow=True)
def silent(link):
    honest = prepare(link)
    link.play(honest[:1])
    raise peer.Refused(link.channel.ended(15) or "")


@client("silence from the beginning", ANY, slow=True)
def mute(link):
    link.greet()
    link.channel.ended(15)


@client("many that say nothing", LIVES)
def crowd(link):
    others = []
    for _ in range(N_IDLE):
        other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        other.setblocking(False)
        try:
            other.connect(peer.name_of(link.address))
        except (BlockingIOError, ConnectionRefusedError):
            pass
        others.append(other)
    # Among them an honest one is served.
    peer.wait(functools.partial(opens, link), "to be served in a crowd", 10)
    for other in others:
        other.close()


@client("one that never reads", ENDS)
def flood_records(link):
    link.greet()
    link.channel.link.setblocking(False)
    for _ in range(N_FLOOD):
        try:
            link.channel.send(peer.init(number=7))
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break
    link.channel.link.setblocking(True)


@client("a second client", LIVES)
def second(link):
    up(link)
    with peer.Client(link.address) as other:
        try:
            other.open()
        except peer.Refused as refusal:
            peer.check("already connected" in str(refusal), str(refusal))
        else:
            raise peer.PeerError("two clients on one interface")
    peer.check(link.alive(), "the first client lost its link")


# Rings of a link that is up. The victim receives on c2s.


def slot_with(n=1, **fields):
    """One packet on c2s whose last descriptor is not what it should be."""
    def action(link):
        up(link)
        queue = link.tx[0]
        region, offset, _ = queue.buffer(0)
        made = {"flags": 0, "region": region, "length": 60, "offset": offset,
                "metadata": 0, **{name: value(link) if callable(value) else
                                  value for name, value in fields.items()}}
        for i in range(n - 1):
            queue.ring.set_slot(i, NEXT, region, 60, offset, 0)
        queue.ring.set_slot(n - 1, *made.values())
        queue.mine = n
        queue.publish("head")
    return action


for region in (1, 255, FAR):
    client(f"a packet in region {region}", DATA, None)(
        slot_with(region=region))
table(client, (
    ("a packet at the end of the region", slot_with(offset=end_of), DATA,
     None),
    ("a packet over the end", slot_with(
        offset=lambda link: link.sizes[0] - 59), DATA, None),
    ("a packet at 2^32 - 1", slot_with(offset=ALL), DATA, None),
    ("a packet that wraps", slot_with(offset=ALL - 59, length=120), DATA,
     None),
    ("a packet of 2^32 - 1 bytes", slot_with(length=ALL), DATA, None),
    ("a packet of 2^31 bytes", slot_with(length=1 << 31), DATA, None),
    ("a packet as long as the region", slot_with(
        offset=0, length=lambda link: link.sizes[0]), ANY, None),
    ("the second piece in region 9", slot_with(n=2, region=9), DATA, None),
    ("a packet of 0 bytes", slot_with(length=0), LIVES, None),
    ("a packet of 1 byte", slot_with(length=1), LIVES, None),
    ("a piece of 0 bytes", slot_with(n=2, length=0), LIVES, None),
    ("a chain that does not end yet", slot_with(flags=NEXT), LIVES, None),
    ("unknown flags", slot_with(flags=0xfffe), LIVES, None),
    ("metadata", slot_with(metadata=ALL), LIVES, None),
    ("the rings themselves as a packet", slot_with(offset=0, length=16384),
     LIVES, None),
))


@client("a ring full of one chain", CHAIN)
def endless(link):
    up(link)
    queue = link.tx[0]
    region, offset, _ = queue.buffer(0)
    for i in range(queue.ring.size):
        queue.ring.set_slot(i, NEXT, region, 60, offset, 0)
    queue.mine = queue.ring.size
    queue.publish("head")


@client("a chain of 2 MiB", ANY)
def long_chain(link):
    up(link)
    queue = link.tx[0]
    region, offset, size = queue.buffer(0)
    n = queue.ring.size
    for i in range(n):
        queue.ring.set_slot(i, NEXT * (i + 1 < n), region, size, offset, 0)
    queue.mine = n
    queue.publish("head")


def head_at(ring, value):
    def action(link):
        up(link)
        queue = (link.tx + link.rx)[ring]
        queue.mine = value(queue) & FAR
        queue.publish("head")
    return action


for what, value in (
        ("one too far", lambda queue: queue.ring.tail + queue.ring.size + 1),
        ("half around", lambda queue: queue.mine + 0x8000)):
    client(f"head {what}", INDEX)(head_at(0, value))
    client(f"head of lent buffers {what}", INDEX)(head_at(1, value))
client("head backwards", INDEX)(head_at(0, lambda queue: queue.mine - 1))
# Buffers that are taken back before they are used may just have been lent late.
client("head of lent buffers backwards", ANY)(
    head_at(1, lambda queue: queue.mine - 1))


def trembling(write):
    """Somebody writes all the while, without regard for anything."""
    def action(link):
        up(link)
        end = time.monotonic() + RACE_S
        i = 0
        while time.monotonic() < end and link.alive():
            write(link, i)
            # Our own index may be nonsense by now.
            with contextlib.suppress(peer.PeerError):
                link.tx[0].send(peer.frame(i, 60))
            i += 1
    return action


def wild_index(link, i):
    link.rings[i % 2].tail = i * 7919


def wild_flags(link, i):
    link.rings[i % 2].flags = i


def wild_lengths(link, i):
    ring = link.rings[0]
    region, offset, size = link.tx[0].buffer(i)
    for k in range(64):
        length = ALL if (i + k) % 3 == 0 else size
        ring.set_slot(i + k, (i + k) % 2, region, length, offset, 0)


def wild_bytes(link, i):
    """All of the rings, both of them, as they come."""
    end = 2 * peer.ring_bytes(link.log2)
    at = (i * 4093) % (end - 64)
    link.maps[0][at:at + 64] = os.urandom(64)


def wild_payload(link, i):
    _, offset, size = link.tx[0].buffer(i)
    link.maps[0][offset:offset + 64] = os.urandom(64)


table(client, (
    ("the server's index is written all the while", trembling(wild_index),
     ANY, None),
    ("flags are written all the while", trembling(wild_flags), LIVES, None),
    ("descriptors change all the while", trembling(wild_lengths), ANY, None),
    ("payload changes all the while", trembling(wild_payload), LIVES, None),
    ("the rings are random all the while", trembling(wild_bytes), ANY, None),
))


def race(child):
    """The same by another process, at full speed, beside honest traffic."""
    def action(link):
        up(link)
        pid = os.fork()
        if pid == 0:
            try:
                i = 0
                while True:
                    child(link, i)
                    i += 1
            finally:
                os._exit(0)
        try:
            end = time.monotonic() + RACE_S
            i = 0
            while time.monotonic() < end and link.alive():
                try:
                    link.tx[0].send(peer.frame(i, 60))
                except peer.PeerError:
                    break
                i += 1
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return action


table(client, (
    ("descriptors change under its eyes", race(wild_lengths), ANY, None),
    ("the rings are random under its eyes", race(wild_bytes), ANY, None),
    ("payload changes under its eyes", race(wild_payload), LIVES, None),
))


# The victim sends on s2c.


def lend(**fields):
    """Buffers that are not what they should be; somebody sends to us."""
    def action(link):
        link.play(prepare(link))
        queue = link.rx[0]
        for i in range(queue.ring.size):
            region, offset, size = queue.buffer(i)
            made = {"flags": 0, "region": region, "length": size,
                    "offset": offset, "metadata": 0,
                    **{name: value(link) if callable(value) else value
                       for name, value in fields.items()}}
            queue.ring.set_slot(i, *made.values())
        queue.mine = queue.ring.size
        queue.publish("head")
    return action


table(client, (
    ("buffers in region 1", lend(region=1), DATA, None),
    ("buffers in region 65535", lend(region=FAR), DATA, None),
    ("buffers at the end of the region", lend(offset=end_of), DATA, None),
    ("buffers at 2^32 - 1", lend(offset=ALL), DATA, None),
    ("buffers over the end", lend(offset=lambda link: link.sizes[0] - 64),
     DATA, None),
    ("buffers of 2^32 - 1 bytes", lend(length=ALL), DATA, None),
    ("buffers of 0 bytes", lend(length=0), DATA, None),
    ("buffers of 1 byte", lend(length=1), DATA, None),
    ("buffers that are the rings", lend(offset=0), ANY, None),
    ("buffers all in one place", lend(
        offset=lambda link: link.rx[0].buffer(0)[1]), LIVES, None),
    ("buffers with flags", lend(flags=FAR), LIVES, None),
))


@client("buffers that never come back", LIVES)
def keep(link):
    up(link)
    peer.wait(lambda: link.rx[0].ring.tail == link.rx[0].ring.head,
              "the victim to fill all buffers", 20)


@client("no buffers at all", LIVES)
def no_buffers(link):
    link.play(prepare(link))


@client("an eventfd that blocks when it is kicked", LIVES)
def blocking_event(link):
    up(link)
    for event_fd in link.events:
        os.set_blocking(event_fd, False)
        try:
            os.write(event_fd, struct.pack("=Q", 2 ** 64 - 2))
        except BlockingIOError:
            pass
        os.set_blocking(event_fd, True)
    link.rx[0].ring.flags = 0
    link.rx[0].offer()


@client("an eventfd that is drained by others", LIVES)
def drained_event(link):
    up(link)
    for i in range(N_FLOOD):
        link.tx[0].clear_event()
        link.tx[0].send(peer.frame(i, 60))


@client("kicks without packets", LIVES)
def kicks(link):
    up(link)
    for _ in range(N_FLOOD):
        peer.kick(link.events[0])


# Memory that goes away


@client("memory cut off before CONNECT", ANY)
def cut_early(link):
    link.seals = 0
    honest = prepare(link)
    link.play(honest[:2])
    try:
        os.ftruncate(link.files[0], 0)
    except PermissionError:
        pass  # it has set the seal
    link.play(honest[2:])
    link.up()


@client("memory cut off on a link that is up", LIVES)
def cut_late(link):
    link.seals = 0
    up(link)
    try:
        os.ftruncate(link.files[0], 0)
    except PermissionError:
        return
    raise peer.PeerError("the memory of a link that is up could be cut off")


@client("holes in the memory", ANY)
def holes(link):
    up(link)
    # Not in the standard library: glibc's, by its number of bits.
    libc = peer.ctypes.CDLL(None)
    libc.fallocate(link.files[0], PUNCH_HOLE, peer.ctypes.c_long(0),
                   peer.ctypes.c_long(link.sizes[0]))


# Servers. The victim is a client, and owns the memory.


def greeting(**fields):
    def action(link):
        link.channel.send(peer.hello(**fields))
        peer.Server.take_init(link)
        finish(link)
    return action


def finish(link):
    """The rest of an honest handshake, after INIT."""
    while True:
        data, fds = link.channel.receive()
        if not data:
            raise peer.Gone("end of the channel in the handshake")
        kind, fields = peer.parse(data)
        if kind == DISCONNECT:
            raise peer.Refused(peer.text_of(fields[1]))
        link.fds += fds
        if kind == CONNECT:
            break
        link.take(kind, fields, fds)
        link.channel.send(peer.record(ACK))
    link.map()
    link.channel.send(peer.connected())


def first(*steps):
    """Other words than HELLO."""
    def action(link):
        say(link, *(step() if callable(step) else step for step in steps))
    return action


def answer(n, *steps):
    """Honest up to the n-th message of the client; then something else."""
    def action(link):
        link.channel.send(peer.hello())
        for i in range(n):
            data, fds = link.channel.receive()
            if not data:
                raise peer.Gone("end of the channel")
            link.fds += fds
            if i + 1 < n:
                link.channel.send(peer.record(ACK))
        say(link, *(step() if callable(step) else step for step in steps))
    return action


def stop_after(n):
    def action(link):
        answer(n)(link)
        link.channel.close()
        link.channel = None
    return action


for kind, maker in OUT_OF_ORDER.items():
    counter = "record_type" if kind.startswith(("type", "NONE")) else (
        "record_order")
    if kind != "HELLO":
        server(f"{kind} in place of HELLO", UNEXPECTED, counter)(first(maker))
    if kind != "ACK":
        server(f"{kind} in place of the first ACK", UNEXPECTED, counter)(
            answer(1, maker))
        server(f"{kind} in place of a later ACK", UNEXPECTED, counter)(
            answer(3, maker))
    if kind != "CONNECTED":
        server(f"{kind} in place of CONNECTED", UNEXPECTED, counter)(
            answer(5, maker))

    def upset(link, made=maker):
        link.open()
        say(link, made())
    server(f"{kind} on a link that is up", UNEXPECTED, counter)(upset)

table(server, (
    ("versions before ours", first(Step(peer.hello(0, 0x1ff))), "version",
     "version"),
    ("versions after ours", first(Step(peer.hello(0x201, FAR))), "version",
     "version"),
    ("versions the wrong way round", first(Step(peer.hello(FAR, 0))),
     "version", "version"),
    ("rings of 2^0", first(Step(peer.hello(log2=0))), "slots|ring", "hello"),
    ("all numbers at their most", greeting(
        regions=FAR, s2c=FAR, c2s=FAR, log2=255), LIVES, None),
    ("one ring each way", greeting(s2c=0, c2s=0, regions=0), LIVES, None),
    ("small rings", greeting(log2=1), LIVES, None),
    ("a name without an end", greeting(name=b"\xff" * 32), LIVES, None),
    ("DISCONNECT in place of HELLO", first(
        Step(peer.disconnect(b"\x1b[2J\"\\\n" * 12))), ENDS, "peer"),
    ("DISCONNECT in place of an ACK", answer(
        2, Step(peer.disconnect(b"x" * 96))), ENDS, "peer"),
    ("HELLO twice", first(Step(peer.hello()), Step(peer.hello())),
     UNEXPECTED, "record_order"),
    ("an ACK too many", answer(1, Step(peer.record(ACK)),
                               Step(peer.record(ACK)),
                               Step(peer.record(ACK)),
                               Step(peer.record(ACK)),
                               Step(peer.record(ACK)),
                               Step(peer.record(ACK))), ANY, None),
    ("HELLO with a descriptor", first(Step(peer.hello(), 0)), DESCRIPTORS,
     "fd_extra"),
    ("HELLO with 253 descriptors", first(
        Step(peer.hello(), *[0] * peer.N_FD_MAX)), DESCRIPTORS, "fd_extra"),
    ("ACK with a descriptor", answer(1, Step(peer.record(ACK), 0)),
     DESCRIPTORS, "fd_extra"),
    ("ACK with 253 descriptors", answer(
        2, Step(peer.record(ACK), *[0] * peer.N_FD_MAX)), DESCRIPTORS,
     "fd_extra"),
    ("ACK, then nobody", stop_after(2), LIVES, None),
))
for length in (1, 2, 127, 129, 4096):
    server(f"a HELLO of {length} bytes", LENGTH, "record_len")(
        first(Step((peer.hello() + bytes(4096))[:length])))
    server(f"an ACK of {length} bytes", LENGTH, "record_len")(
        answer(1, Step((peer.record(ACK) + bytes(4096))[:length])))
for n in (1, 3, 4, 5):
    server(f"hang up after message {n}", LIVES)(stop_after(n))


@server("accept and hang up", LIVES)
def accept_and_close(link):
    link.channel.close()
    link.channel = None


@server("silence in place of HELLO", "not finished|time", "timeout",
        slow=True)
def silent_server(link):
    raise peer.Refused(link.channel.ended(15) or "")


@server("silence in place of an ACK", "not finished|time", "timeout",
        slow=True)
def silent_later(link):
    link.channel.send(peer.hello())
    link.channel.expect(INIT)
    raise peer.Refused(link.channel.ended(15) or "")


# Rings of the victim. It sends on c2s, and receives on s2c.


def tail_at(ring, value):
    def action(link):
        link.open()
        queue = (link.rx + link.tx)[ring]
        peer.wait(lambda: queue.ring.head != 0, "the victim to use the ring")
        queue.mine = value(queue.ring) & FAR
        queue.publish("tail")
    return action


for what, value in (
        ("beyond head", lambda ring: ring.head + 1 + ring.size),
        ("half around", lambda ring: ring.head + 0x8000)):
    server(f"tail {what}", INDEX)(tail_at(0, value))
    server(f"tail of lent buffers {what}", INDEX)(tail_at(1, value))
server("tail of lent buffers backwards", INDEX)(
    tail_at(1, lambda ring: ring.tail - 2))
# Until the ring is full this is no more than slots given back late.
server("tail backwards", ANY)(tail_at(0, lambda ring: ring.tail - 2))


def packet_with(n=1, flags=0, length=60):
    """A packet on s2c whose last slot is not what it should be."""
    def action(link):
        link.open()
        queue = link.tx[0]
        peer.wait(lambda: queue.room() >= n, "buffers")
        for i in range(n - 1):
            queue.ring.set_packet(i, NEXT, 60)
        queue.ring.set_packet(n - 1, flags, length)
        queue.mine = n
        queue.publish("tail")
    return action


table(server, (
    ("a packet longer than its buffer", packet_with(length=2049), DATA, None),
    ("a packet of 2^32 - 1 bytes", packet_with(length=ALL), DATA, None),
    ("a packet of 2^31 bytes", packet_with(length=1 << 31), DATA, None),
    ("the second piece too long", packet_with(n=2, length=1 << 20), DATA,
     None),
    ("a packet of 0 bytes", packet_with(length=0), LIVES, None),
    ("a packet of 1 byte", packet_with(length=1), LIVES, None),
    ("a chain that does not end yet", packet_with(flags=NEXT), LIVES, None),
    ("unknown flags", packet_with(flags=0xfffe), LIVES, None),
))


@server("a ring full of one chain", CHAIN)
def endless_server(link):
    link.open()
    queue = link.tx[0]
    peer.wait(lambda: queue.room() > queue.ring.size // 2, "buffers")
    n = queue.room()
    for i in range(n):
        queue.ring.set_packet(i, NEXT, 60)
    queue.mine = n
    queue.publish("tail")


def moved_slots(link, i):
    """Regions and offsets are the client's; it must not read them back."""
    for queue in link.tx + link.rx:
        for k in range(queue.ring.size):
            flags, _, length, _, _ = queue.ring.slot(k)
            queue.ring.set_slot(k, flags, FAR, length, ALL - 64, i & FAR)


@server("slots that point elsewhere", LIVES)
def moved(link):
    link.open()
    peer.wait(lambda: link.tx[0].room() > 0, "buffers")
    before = [link.tx[0].ring.slot(i) for i in range(8)]
    moved_slots(link, 0)
    for i, slot in enumerate(before):
        link.maps[slot[1]][slot[3]:slot[3] + 60] = peer.frame(i, 60)
        link.tx[0].ring.set_packet(i, 0, 60)
    link.tx[0].mine = 8
    link.tx[0].publish("tail")


def wild_heads(link, i):
    for queue in link.tx + link.rx:
        queue.ring.head = i * 7919


def wild_masks(link, i):
    for queue in link.tx + link.rx:
        queue.ring.flags = i


def wild_slots(link, i):
    ring = link.tx[0].ring
    for k in range(64):
        ring.set_packet(i + k, (i + k) % 2, (i * 977 + k) % 4096)


def wild_rings(link, i):
    end = 2 * peer.ring_bytes(10)
    at = (i * 4093) % (end - 64)
    link.maps[0][at:at + 64] = os.urandom(64)


def all_the_while(write):
    def action(link):
        link.open()
        end = time.monotonic() + RACE_S
        i = 0
        while time.monotonic() < end and link.alive():
            write(link, i)
            i += 1
    return action


table(server, (
    ("the client's index is written all the while",
     all_the_while(wild_heads), LIVES, None),
    ("flags are written all the while", all_the_while(wild_masks), LIVES,
     None),
    ("slots point elsewhere all the while", all_the_while(moved_slots), LIVES,
     None),
    ("lengths change all the while", all_the_while(wild_slots), ANY, None),
    ("the rings are random all the while", all_the_while(wild_rings), ANY,
     None),
))


@server("memory cut off on a link that is up", LIVES)
def cut_by_server(link):
    link.open()
    for fd in link.files:
        for size in (0, 1 << 40):
            try:
                os.ftruncate(fd, size)
            except PermissionError:
                continue
            raise peer.PeerError(f"its memory could be made {size} bytes")
        try:
            fcntl.fcntl(fd, peer.F_ADD_SEALS, 8)
        except (PermissionError, OSError):
            continue
        raise peer.PeerError("its memory could be sealed against writing")


@server("holes in the memory", ANY)
def holes_by_server(link):
    link.open()
    libc = peer.ctypes.CDLL(None)
    for fd, size in zip(link.files, link.sizes):
        libc.fallocate(fd, PUNCH_HOLE, peer.ctypes.c_long(0),
                       peer.ctypes.c_long(size))


@server("an eventfd that blocks when it is kicked", LIVES)
def blocking_by_server(link):
    link.open()
    for queue in link.tx + link.rx:
        os.set_blocking(queue.event_fd, False)
        try:
            os.write(queue.event_fd, struct.pack("=Q", 2 ** 64 - 2))
        except BlockingIOError:
            pass
        os.set_blocking(queue.event_fd, True)
    link.rx[0].ring.flags = 0


@server("packets that never are taken", LIVES)
def take_nothing(link):
    link.open()
    peer.wait(lambda: peer.distance(link.rx[0].ring.head, 0) ==
              link.rx[0].ring.size, "the victim to fill the ring", 20)


# A victim that was told to leave out what is wrong may end the link or not.

for made in (CLIENT, SERVER):
    made += [Attack(f"{one.name}, left out", one.action, FAULT,
                    keys=(*one.keys, "resync"), slow=one.slow)
             for one in made if one.outcome in (DATA, INDEX, CHAIN)]
