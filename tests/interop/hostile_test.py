# SPDX-License-Identifier: Apache-2.0
"""A memif peer that lies: every attack of attacks.py against a running vif.

        the attack            one vif process             an honest peer
   peer.Client or Server === memif port A == link == memif port B === Beside

A is what is attacked. B has an honest link of the same process, over which a
process of its own sends all the while, so that A always has something to send,
and measures how long its packets wait. Of every attack is checked:
 - what comes of the link that is attacked, and the reason the victim gives;
 - that the victim counts it, by name, in its summary, or in what it tells of
   the queue if the link goes on;
 - that an honest peer gets the link afterwards, and its packets pass;
 - that B never stood still for 100 ms;
 - that no descriptor and no mapping is left over;
 - that the victim ends with 0 when told to, and no sanitizer complains.

Some of it against testpmd as well, which is known to fall: an attack that harms
nobody would prove nothing.

  --full    also those that have to wait for a timer of 5 s
"""
import contextlib
import functools
import json
import os
import re
import resource
import select
import signal
import sys
import time

import interop
import harness
import peer
import testpmd
from attacks import ANY, CLIENT, ENDS, FAULT, LIVES, SERVER, release
from harness import PATIENCE, check, check_equal, wait
from peer import Client, Listener, Server
from testpmd import Testpmd, memif

HANG_S = 0.1
PACE_S = 0.001
RETRY_S = 0.05
GLANCE_S = 0.005  # of our own absence, the most that counts as the victim's
ENDS_S = 3.0 * PATIENCE
N_HEALTHY = 200
SECRET = b"sesame"

# What testpmd 22.11 falls to, as a server.
FATAL = ("a ring at 2^31", "the same ring again",
         "memory cut off on a link that is up", "a packet at 2^32 - 1",
         "a packet in region 255", "buffers at 2^32 - 1")


# The victim


def descriptors(pid):
    links = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return links


def n_mapping(pid):
    """Mappings of shared memory that peers have made."""
    return harness.read(f"/proc/{pid}/maps").count("/memfd:")


def waited_s(pid):
    """How long its threads have waited for a CPU that others had."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            fields = harness.read(f"/proc/{pid}/task/{tid}/schedstat").split()
            total += int(fields[1])
    return total / 1e9


class Beside:
    """An honest client of port B, in a process of its own."""

    def __init__(self, address, victim_pid):
        self.result_fd, out = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            harness.die_with_parent()
            code = 1
            try:
                result = self.work(address, victim_pid,
                                   lambda: os.write(out, b"up\n"))
                os.write(out, json.dumps(result).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(out)

    def wait_up(self):
        """Until its first packet was taken."""
        check(select.select([self.result_fd], [], [], 10 * PATIENCE)[0] and
              os.read(self.result_fd, 3) == b"up\n",
              "the honest link beside it does not come up")

    @staticmethod
    def work(address, victim_pid, up):
        """Send until told to stop; how long did the worst packet wait?"""
        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append(True))
        worst = count = 0
        with Client(address, poll=True).open() as link:
            while not told and link.alive():
                late = waited_s(victim_pid)
                start = seen = time.monotonic()
                took = 0.0
                check(link.tx[0].send(peer.frame(count, 60)), "no room")
                while (link.tx[0].ring.tail != link.tx[0].mine and
                       link.alive()):
                    os.sched_yield()
                    now = time.monotonic()
                    took += min(now - seen, GLANCE_S)
                    seen = now
                    if now - start > 20:
                        break
                if took > HANG_S:
                    took -= waited_s(victim_pid) - late
                worst = max(worst, took)
                count += 1
                if count == 1:
                    up()
                for queue in link.rx:
                    queue.receive()
                select.select([], [], [], PACE_S)
            return {"worst_s": worst, "count": count, "told": bool(told)}

    def stop(self):
        """Its result, or what went wrong with it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        text = b""
        while part := os.read(self.result_fd, 4096):
            text += part
        os.close(self.result_fd)
        os.waitpid(self.pid, 0)
        check(text, "the honest link beside it failed")
        return json.loads(text)


class Victim:
    """A vif with two memif ports, and what it had before it was attacked."""

    def __init__(self, net, role, keys=()):
        self.address = f"{net.directory}/a.sock"
        beside = f"{net.directory}/b.sock"
        ends = [",".join([f"memif:{path}", f"role={as_}", "id=0", *more])
                for path, as_, more in (
                    (self.address, role, self.keys(net, keys)),
                    (beside, "server", ()))]
        self.vif = net.vif("link", *ends, "--full", "drop").wait_ready()
        self.beside = Beside(beside, self.vif.pid)
        self.role = role
        self.beside.wait_up()
        self.before = self.holdings()

    @staticmethod
    def keys(net, keys):
        made = [f"{key}=yes" for key in keys if key != "secret"]
        if "secret" in keys:
            path = f"{net.directory}/secret"
            with open(path, "wb") as file:
                file.write(SECRET)
            os.chmod(path, 0o600)
            made.append(f"secret-file={path}")
        return made

    def faults(self):
        """Of the link that is attacked, in the connection it has now."""
        n_before = len(self.vif.events("counters"))
        self.vif.signal(signal.SIGUSR1)
        event = wait(lambda: self.vif.events("counters")[n_before:],
                     "the counters of the victim")[0]
        return sum(int(n) for n in re.findall(r"\bfaults=(\d+)",
                                              str(event["ports"]["a"])))

    def holdings(self):
        """How many descriptors and mappings, when nothing goes on. A client
        that tries again has one more for a moment."""
        seen = [self.now() for _ in range(5)]
        return min(seen)

    def now(self):
        return len(descriptors(self.vif.pid)), n_mapping(self.vif.pid)

    def check_holdings(self):
        try:
            wait(lambda: self.now() <= self.before, "descriptors to go", 5)
        except harness.Failure as failure:
            raise harness.Failure(
                f"had {self.before} descriptors and mappings, has "
                f"{self.now()}: {descriptors(self.vif.pid)}") from failure

    def finish(self):
        result = self.beside.stop()
        check(result["told"], "the honest link beside it broke")
        check(result["count"] > 0, "the honest link beside it sent nothing")
        check(result["worst_s"] < HANG_S,
              f"the link beside it stood still for {result['worst_s']:.3f} s")
        return self.vif.stop(5)


def counted(tree, name):
    """The sum of all numbers of this name, wherever they are in the JSON."""
    if isinstance(tree, dict):
        return sum(value if key == name and isinstance(value, int) else
                   counted(value, name) for key, value in tree.items())
    if isinstance(tree, list):
        return sum(counted(value, name) for value in tree)
    return 0


# Attacks


def outcome_of(action, subject):
    """Play it. Returns LIVES, or ENDS, and the reason if one was given."""
    try:
        action(subject)
        if subject.channel is None:
            return ENDS, None
        try:
            return ENDS, subject.channel.ended(ENDS_S)
        except peer.Timeout:
            return LIVES, None
    except peer.Refused as refusal:
        return ENDS, str(refusal)
    except (peer.Gone, BrokenPipeError, ConnectionResetError):
        return ENDS, None


def soon_of(attack, subject):
    """The same, without waiting for an end that must not come."""
    if attack.outcome not in (LIVES, ANY, FAULT):
        return outcome_of(attack.action, subject)
    try:
        attack.action(subject)
    except peer.Refused as refusal:
        return ENDS, str(refusal)
    except (peer.Gone, BrokenPipeError, ConnectionResetError):
        return ENDS, None
    if subject.channel is None:
        return LIVES, None  # we have hung up ourselves
    alive = subject.alive()
    return (LIVES, None) if alive else (ENDS, subject.channel.ended(1))


def judge(attack, got, reason):
    if attack.outcome in (ANY, FAULT):
        return  # what it counts is looked at
    if attack.outcome in (LIVES, ENDS):
        check_equal(got, attack.outcome, f"outcome, with reason {reason!r}")
        return
    check_equal(got, ENDS, "outcome: it went on")
    check(reason, "it ended without a reason")
    check(re.search(attack.outcome, reason, re.IGNORECASE),
          f"its reason is {reason!r}, not like {attack.outcome!r}")


def counter_of(attack, victim, link, got):
    """The name of what the summary has to count, or None.

    As long as a connection lasts its faults are told with its queues.
    """
    if attack.outcome != FAULT:
        return attack.counter
    if got == LIVES:
        wait(lambda: victim.faults() or not link.alive(),
             "a fault to be counted")
        if link.alive():
            return None
    return "data"


def by_client(net, attack):
    victim = Victim(net, "server", attack.keys)
    with Client(victim.address) as link:
        got, reason = soon_of(attack, link)
        judge(attack, got, reason)
        counter = counter_of(attack, victim, link, got)
    healthy_client(victim, attack)
    return conclude(victim, counter, reason)


def healthy_client(victim, attack):
    """An honest client gets the link, and its packets are taken."""
    secret = SECRET if attack and "secret" in attack.keys else b""
    with Client(victim.address, secret=secret) as link:
        def served():
            try:
                return link.open()
            except (peer.Refused, peer.Gone):
                link.close()
                link.__init__(victim.address, secret=secret)
                # Those who have guessed too often are kept waiting.
                select.select([], [], [], RETRY_S)
                return False
        peer.wait(served, "the link to be free for an honest client", 15)
        for number in range(N_HEALTHY):
            peer.send(link, peer.frame(number, 60))
        wait(lambda: link.tx[0].ring.tail == link.tx[0].mine,
             "honest packets to be taken")


def by_server(net, attack):
    victim = Victim(net, "client", attack.keys)
    listener = Listener(victim.address)
    try:
        with Server(listener.accept(20)) as link:
            got, reason = soon_of(attack, link)
            judge(attack, got, reason)
            counter = counter_of(attack, victim, link, got)
        with Server(listener.accept(20)) as link:
            peer.wait(lambda: honest(link, listener), "an honest link", 20)
            for number in range(N_HEALTHY):
                peer.send(link, peer.frame(number, 60), seconds=10)
            wait(lambda: link.tx[0].room() == link.tx[0].ring.size,
                 "honest packets to be taken")
    finally:
        listener.close()
    return conclude(victim, counter, reason)


def honest(link, listener):
    """One whole handshake; connections made meanwhile are of the past."""
    try:
        return link.open()
    except (peer.Gone, BrokenPipeError, ConnectionResetError):
        link.close()
        link.__init__(listener.accept(20))
        return False


def conclude(victim, counter, reason):
    victim.check_holdings()
    summary = victim.finish()
    if counter:
        check(counted(summary, counter) > 0,
              f"{counter} is not counted in {json.dumps(summary)}")
    return f"{reason!r}" if reason else ""


# Other processes of vif on the same socket


def second_server(net):
    """A socket that is in use is not taken away from whoever has it."""
    victim = Victim(net, "server")
    other = net.vif("link", f"memif:{victim.address},role=server,id=0",
                    "null:")
    check(other.wait(5) != 0, "two servers on one socket")
    check(victim.address in other.err, f"it does not name it: {other.err!r}")
    healthy_client(victim, None)
    victim.check_holdings()
    victim.finish()


def second_vif_client(net):
    """One of two clients is served; the other is told, and waits its turn."""
    path = f"{net.directory}/a.sock"
    server = net.vif("link", f"memif:{path},role=server,id=0",
                     "null:").wait_ready()
    first, other = [net.vif("link", f"memif:{path},role=client,id=0",
                            "null:").wait_ready() for _ in range(2)]

    def up():
        return [one for one in (first, other) if one.running() and
                any(event["state"] == "up" and "memif" in event["port"]
                    for event in one.events("state")[-1:])]
    served = wait(up, "one to be served", 10)
    check_equal(len(served), 1, "clients that are served")
    late = other if served[0] is first else first
    wait(lambda: "already connected" in late.out + late.err,
         "the other one to say why it is not", 10)
    served[0].stop()
    wait(lambda: late in up(), "the other one to be served", 15)
    late.stop()
    server.stop()


# The attacks must bite


def fells_testpmd(net, attack):
    """testpmd believes everything: it dies of this."""
    testpmd.need()
    address = f"{net.directory}/a.sock"
    other = net.start(Testpmd(net.directory, memif("server", address),
                              mode="txonly" if "buffers" in attack.name else
                              "rxonly")).ready()
    with Client(address) as link:
        with contextlib.suppress(peer.PeerError):
            outcome_of(attack.action, link)
        wait(lambda: not other.running(), "testpmd to fall", 10)
    check(other.crashed(), f"testpmd ended with {other.child.returncode}")


def survives_testpmd(net):
    """And it does not die of an honest client that goes the same way."""
    testpmd.need()
    address = f"{net.directory}/a.sock"
    other = net.start(Testpmd(net.directory, memif("server", address),
                              mode="rxonly")).ready()
    with Client(address).open() as link:
        for number in range(N_HEALTHY):
            peer.send(link, peer.frame(number, 60))
        wait(lambda: other.received() == N_HEALTHY, "packets")
        other.quit()


def tidily(play, attack, net):
    try:
        return play(net, attack)
    finally:
        release()


def main(arguments):
    # Some attacks send descriptors by the hundred.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    full = interop.FULL in arguments
    cases = harness.Cases()
    for attack in CLIENT:
        if attack.name in FATAL:
            cases.add(f"testpmd falls to {attack.name}",
                      functools.partial(fells_testpmd, attack=attack))
    cases.add("testpmd stands an honest client", survives_testpmd)
    if not interop.has_port():
        cases.add("all attacks against vif", interop.no_port)
        interop.run(cases, arguments)
    for who, table, play in (("client", CLIENT, by_client),
                             ("server", SERVER, by_server)):
        for attack in table:
            if full or not attack.slow:
                cases.add(f"{who}: {attack.name}",
                          functools.partial(tidily, play, attack))
    cases.add("a second vif on the same socket", second_server)
    cases.add("a second vif as a client", second_vif_client)
    interop.run(cases, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
