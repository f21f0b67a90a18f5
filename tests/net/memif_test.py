# SPDX-License-Identifier: Apache-2.0
"""Two links with a memif between them: tap - vif - memif - vif - tap.

     namespace a                                             namespace b
  +--------------+   +----------+   memif    +----------+   +--------------+
  | va  10.77.0.1 ===[ A server ]~~~~~~~~~~~~[ client B ]=== 10.77.0.2  vb |
  +--------------+   +----------+            +----------+   +--------------+
"""
import os
import signal
import socket
import sys

import harness
from harness import MIB, PATIENCE, check, check_equal, wait

cases = harness.Cases()

BYTES = 64 * MIB // PATIENCE
ENDLESS = 1 << 50
OTHER = {"server": "client", "client": "server"}
SIDE = {"server": "a", "client": "b"}


class Cable:
    """Both links. Either can be ended and started anew."""

    def __init__(self, net, path=None, server=(), client=(), kind="tap"):
        self.net = net
        self.kind = kind
        self.path = path or f"{net.directory}/cable.sock"
        self.keys = {"server": server, "client": client}
        self.vif = {}

    def start(self, role):
        side = SIDE[role]
        memif = ",".join([f"memif:{self.path}", f"role={role}",
                          *self.keys[role]])
        self.vif[role] = self.net.vif(
            "link", self.net.address(side, self.kind, families=(4,)),
            memif).wait_ready()
        return self.vif[role]

    def start_both(self):
        self.start("server")
        self.start("client")
        self.wait_up()
        return self

    def state(self, role):
        """The state of the memif as it was told last."""
        states = [event["state"] for event in self.vif[role].events("state")
                  if event["port"].startswith("memif:")]
        return states[-1] if states else "down"

    def wait_up(self):
        for role in OTHER:
            wait(lambda role=role: self.state(role) == "up",
                 f"{role} to be up")

    def notices(self, role):
        return [event["text"] for event in self.vif[role].events("notice")]

    def facts(self, role, event="counters"):
        """What a port tells of itself."""
        vif = self.vif[role]
        before = len(vif.events(event))
        vif.signal(signal.SIGUSR1)
        wait(lambda: len(vif.events(event)) > before, "counters")
        return vif.events(event)[-1]["ports"]["b"]

    def stop(self):
        return {role: vif.stop() for role, vif in self.vif.items()}


def wait_notice(cable, role, *words):
    """One that has all the words; there is one of them."""
    def find():
        return [text for text in cable.notices(role)
                if all(word in text for word in words)]
    return wait(find, f"a notice of {role} with {words}, of "
                f"{cable.notices(role)}")[0]


def counted(net, cable):
    harness.ping(net, "a")
    harness.ping(net, "b")
    harness.tcp(net, BYTES)
    return cable.stop()


@cases
def ping_and_tcp_by_a_path(net):
    cable = Cable(net).start_both()
    for summary in counted(net, cable).values():
        for direction in ("a_to_b", "b_to_a"):
            drops = summary[direction]["drops"]
            # The kernel may have said something before there was a peer.
            check(not any(n for reason, n in drops.items()
                          if reason != "down"), f"drops {drops}")
    check(not os.path.exists(cable.path), "the socket is left behind")


@cases
def ping_and_tcp_by_an_abstract_name(net):
    cable = Cable(net, path=f"@{net.directory}/x").start_both()
    counted(net, cable)


@cases
def ip_mode_between_tuns(net):
    keys = ["mode=ip"]
    cable = Cable(net, server=keys, client=keys, kind="tun").start_both()
    counted(net, cable)


@cases
def small_buffers_and_rings(net):
    cable = Cable(net, client=["buffer=256", "ring=64"]).start_both()
    notice = wait_notice(cable, "client", "buffer of 256", "chain")
    check("buffer=1536" in notice, f"hint in {notice!r}")
    check_equal(cable.notices("server"), [], "notices of the server")
    counted(net, cable)


@cases
def two_queues_each(net):
    keys = ["queues=2"]
    cable = Cable(net, server=keys, client=keys).start_both()
    check_equal(cable.facts("server")["rx1"].split()[0], "ring=1024", "rx1")
    counted(net, cable)


def queue_of(facts, name):
    return dict(item.split("=") for item in facts[name].split())


def kill_under_load(net, cable, role):
    """A device goes with its link; only what is at the other end stays."""
    ends = harness.tcp_start(net, ENDLESS)
    sent = net.bytes_out(SIDE[role])
    wait(lambda: net.bytes_out(SIDE[role]) > sent + MIB, "TCP to flow")
    cable.vif[role].kill()
    wait(lambda: cable.state(OTHER[role]) == "down", "the other to see it")
    wait_notice(cable, OTHER[role], "the peer is gone")
    for end in ends:
        end.kill()


def kill_and_restart(net, role):
    cable = Cable(net).start_both()
    for _ in range(3):
        kill_under_load(net, cable, role)
        cable.start(role)
        cable.wait_up()
        # The new device has another address than the one that is known.
        other = SIDE[OTHER[role]]
        net.ip(other, "neigh", "flush", "dev", f"v{other}")
        harness.ping(net, "a")
    harness.tcp(net, BYTES)
    facts = cable.facts(OTHER[role])
    check_equal((facts["link"], facts["connects"]), ("connected", 4),
                f"facts {facts}")
    check(facts["last_reason"], "no reason for the last end")
    lost = [name for name in queue_of(facts, "tx0") if name.startswith("drop_")]
    check(set(lost) & {"drop_down", "drop_stopped"},
          f"nothing was lost: {facts['tx0']}")
    cable.stop()


@cases
def server_killed_and_restarted(net):
    kill_and_restart(net, "server")


@cases
def client_killed_and_restarted(net):
    kill_and_restart(net, "client")


@cases
def client_comes_first(net):
    cable = Cable(net)
    cable.start("client")
    wait_notice(cable, "client", "cannot connect", "the server makes the")
    cable.start("server")
    cable.wait_up()
    harness.ping(net, "a")
    check_equal(len(cable.notices("client")), 1, "notices")
    cable.stop()


@cases
def facts_tell_all(net):
    cable = Cable(net, server=["id=7", "name=left"],
                  client=["id=7", "ring=256"]).start_both()
    harness.ping(net, "a")
    facts = cable.facts("server")
    expected = {"socket": cable.path, "role": "server", "id": 7,
                "mode": "ethernet", "secret": "no", "interface": "left",
                "peer_interface": "memif7", "peer_program": "vif",
                "link": "connected", "connects": 1, "failures": 0,
                "regions": 1, "state": "up"}
    check_equal({key: facts.get(key) for key in expected}, expected, "facts")
    queue = queue_of(facts, "rx0")
    check_equal(queue["ring"], "256", "ring")
    check(int(queue["head"]) > 0, f"head of {queue}")
    check_equal((queue["rx"], queue["interrupts"] in ("yes", "no")),
                ("adaptive", True), f"how {queue} is woken")
    check(int(queue["packets"]) >= 3 and
          int(queue["bytes"]) >= 60 * int(queue["packets"]),
          f"packets of {queue}")
    check_equal({"kicks", "waits"} - set(queue_of(facts, "tx0")), set(),
                f"what is known of {facts['tx0']}")
    summaries = cable.stop()
    check_equal(summaries["client"]["ports"]["b"]["role"], "client",
                "role in the summary")
    check("ports" in summaries["server"], "no ports in the summary")


# What goes wrong


def meet(net, server, client, words, server_words=(), **how):
    """A pair that does not meet: what the client is told, and the server."""
    cable = Cable(net, server=server, client=client, **how)
    cable.start("server")
    cable.start("client")
    wait_notice(cable, "client", *words)
    if server_words:
        wait_notice(cable, "server", *server_words)
    # Each reason is told once, however often it is tried.
    wait(lambda: cable.facts("client")["failures"] >= 3, "three tries")
    check_equal(len(cable.notices("client")), 1,
                f"notices {cable.notices('client')}")
    check(len(cable.notices("server")) <= 1,
          f"notices {cable.notices('server')}")
    facts = cable.facts("client")
    check(words[0] in facts["last_reason"], "last reason")
    check(words[1] in facts["last_hint"], "last hint")
    cable.stop()


def secret_file(net, name, text):
    path = f"{net.directory}/{name}"
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return f"secret-file={path}"


@cases
def wrong_secret(net):
    meet(net, [secret_file(net, "one", "sesame\n")],
         [secret_file(net, "two", "sesam\n")],
         ("incorrect secret", "both ends need the same secret"),
         ("incorrect secret", "both ends need the same secret"))


@cases
def right_secret(net):
    key = secret_file(net, "one", "sesame\n")
    cable = Cable(net, server=[key], client=[key]).start_both()
    harness.ping(net, "a")
    check_equal(cable.facts("server")["secret"], "yes", "secret")
    cable.stop()


@cases
def no_secret(net):
    meet(net, ["secret=x"], [], ("secret required", "both ends need"))


@cases
def wrong_id(net):
    meet(net, ["id=1"], ["id=2"], ("no interface with id 2", "compare id="))


@cases
def wrong_mode(net):
    cable = Cable(net, server=["id=1"])
    cable.start("server")
    memif = f"memif:{cable.path},id=1,mode=ip"
    vif = net.vif("link", net.address("b", "tun", families=(4,)), memif)
    cable.vif["client"] = vif.wait_ready()
    wait_notice(cable, "client", "mode mismatch", "both ends need the same")
    wait_notice(cable, "server", "mode mismatch", "both ends need the same")
    cable.stop()


@cases
def two_servers(net):
    cable = Cable(net)
    cable.start("server")
    vif = net.vif("link", "null:", f"memif:{cable.path},role=server",
                  as_json=False)
    vif.ends(harness.CLI_FAILED)
    check("a server listens there already" in vif.err, f"why: {vif.err!r}")
    check("role=client" in vif.err, f"hint: {vif.err!r}")
    cable.stop()


@cases
def two_clients(net):
    cable = Cable(net).start_both()
    vif = net.vif("link", "null:", f"memif:{cable.path}").wait_ready()
    wait(lambda: vif.events("notice"), "a notice")
    text = vif.events("notice")[0]["text"]
    check("already connected" in text and "another id=" in text,
          f"notice {text!r}")
    harness.ping(net, "a")  # the first one is unharmed
    vif.stop()
    cable.stop()


@cases
def path_against_abstract_name(net):
    cable = Cable(net)
    cable.start("server")
    cable.path = "@" + cable.path
    cable.start("client")
    notice = wait_notice(cable, "client", "cannot connect")
    check("leave the @ away" in notice, f"hint in {notice!r}")
    cable.stop()


@cases
def abstract_name_against_path(net):
    cable = Cable(net, path=f"@{net.directory}/x")
    cable.start("server")
    cable.path = cable.path[1:]
    cable.start("client")
    notice = wait_notice(cable, "client", "cannot connect")
    check("abstract" in notice, f"hint in {notice!r}")
    cable.stop()


@cases
def stale_socket(net):
    """Nobody listens on it: a server replaces it, a client says so."""
    cable = Cable(net)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(cable.path)
    cable.start("client")
    wait_notice(cable, "client", "cannot connect", "left")
    cable.start("server")
    cable.wait_up()
    harness.ping(net, "a")
    cable.stop()


@cases
def socket_of_another_user(net):
    harness.need_root()
    cable = Cable(net)
    program = harness.public_copy(net.directory, harness.binary("VIF"))[0]
    cable.start("server")
    cable.vif["client"] = net.vif("link", "null:", f"memif:{cable.path}",
                                  before=harness.become_nobody,
                                  program=program).wait_ready()
    notice = wait_notice(cable, "client", "cannot connect", "denied")
    check("user or group of the server" in notice, f"hint in {notice!r}")
    cable.stop()


@cases
def file_that_is_no_socket(net):
    path = f"{net.directory}/file"
    with open(path, "w", encoding="ascii") as file:
        file.write("precious")
    vif = net.vif("link", "null:", f"memif:{path},role=server", as_json=False)
    vif.ends(harness.CLI_CONFIG)
    lines = vif.err.splitlines()
    check(f"vif: memif:{path}: cannot listen: there is a file, which is no "
          "socket" in lines, f"why: {vif.err!r}")
    check(any(line.startswith("hint: remove it") for line in lines),
          f"hint: {vif.err!r}")
    check_equal(harness.read(path), "precious", "the file")


# Rest


def run_time(pid):
    """Nanoseconds on a CPU and times put there, of all threads."""
    totals = [0, 0]
    for task in os.listdir(f"/proc/{pid}/task"):
        fields = harness.read(f"/proc/{pid}/task/{task}/schedstat").split()
        totals[0] += int(fields[0])
        totals[1] += int(fields[2])
    return totals


@cases
def idle_links_use_no_cpu(net):
    """While another cable works, one that has nothing to do does nothing."""
    if harness.SMALL:
        raise harness.Skip("a sanitizer has threads of its own")
    net.quiet()
    idle = Cable(net, path=f"@{net.directory}/idle",
                 server=["rx=interrupt"], client=["rx=interrupt"],
                 kind="tap")
    memif = {role: f"memif:{idle.path},role={role},rx=interrupt"
             for role in OTHER}
    for role in OTHER:
        idle.vif[role] = net.vif("link", "null:", memif[role]).wait_ready()
    idle.wait_up()
    cable = Cable(net).start_both()
    harness.ping(net, "a")
    before = {role: run_time(vif.pid) for role, vif in idle.vif.items()}
    harness.tcp(net, BYTES)
    for role, vif in idle.vif.items():
        used = [now - then
                for now, then in zip(run_time(vif.pid), before[role])]
        check_equal(used, [0, 0], f"ns on a CPU, and times, of the {role}")
    idle.stop()
    cable.stop()


if __name__ == "__main__":
    cases.run(sys.argv[1:])
