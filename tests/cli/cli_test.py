#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program from outside, as far as it needs no rights: help, completion,
manual page, probe, and what it says to a bad command line.

usage: cli_test.py VIF [MANUAL]
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import unittest

VIF = sys.argv[1]
MANUAL = sys.argv[2] if len(sys.argv) > 2 else None
TYPES = ["fault", "loop", "memif", "null", "tap", "tun"]


def vif(*arguments, **more):
    return subprocess.run([VIF, *arguments], capture_output=True, text=True,
                          timeout=60, check=False, **more)


def help_of(topic):
    return vif("help", topic).stdout


def commands():
    listed = vif("help").stdout.split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def keys_of(port):
    return re.findall(r"^  (\w+)=", help_of(port), re.MULTILINE)


def options_of(command):
    return re.findall(r"--([\w-]+)", help_of(command).split("options:")[-1]
                      .split("\n\n")[0])


class Help(unittest.TestCase):
    def test_overview_lists_commands_and_types(self):
        self.assertEqual(set(commands()), {
            "link", "demo", "probe", "help", "version", "completion"})
        listed = vif("help").stdout.split("addresses such as")[1]
        for port in TYPES:
            self.assertRegex(listed, rf"\n  {port} +\w")

    def test_every_command_explains_itself_in_three_ways(self):
        for command in commands():
            text = help_of(command)
            self.assertTrue(text.startswith(f"usage: vif {command}"), text)
            self.assertEqual(vif(command, "--help").stdout, text)
            self.assertEqual(vif(command, "-h").stdout, text)

    def test_every_type_lists_keys_with_default_and_example(self):
        for port in TYPES:
            self.assertIn("example: ", help_of(port))
            self.assertEqual(help_of(port + ":"), help_of(port))
        self.assertLessEqual({"ip", "mtu", "mac", "up", "netns", "queues",
                              "offload", "txqueuelen", "persist", "owner",
                              "group", "fd", "steering", "probe"},
                             set(keys_of("tap")))
        self.assertNotIn("mac", keys_of("tun"))
        self.assertRegex(help_of("tun"), r"queues=N\n +.*1 to 256; default: 1")

    def test_version(self):
        self.assertRegex(vif("version").stdout, r"^vif \d+\.\d+\.\d+\n")
        self.assertEqual(vif("--version").stdout, vif("version").stdout)


class Errors(unittest.TestCase):
    def fails(self, code, words, *arguments):
        done = vif(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_no_command(self):
        self.fails(2, ["usage: vif COMMAND"])

    def test_unknown_command(self):
        self.fails(2, ["unknown command 'lnik'", "did you mean 'link'"],
                   "lnik")
        self.fails(2, ["unknown command 'xyzzy'", "'vif help'"], "xyzzy")

    def test_unknown_topic(self):
        self.fails(2, ["did you mean 'tun'"], "help", "tunn")

    def test_unknown_option(self):
        self.fails(2, ["unknown option '--statss'", "did you mean '--stats'"],
                   "link", "--statss", "null:", "null:")
        self.fails(2, ["unknown option", "'vif help probe'"], "probe", "-x")

    def test_unknown_letter_is_named_alone(self):
        for letters in ("-xq", "-qx", "-x"):
            done = vif("link", letters, "null:", "null:")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, "unknown option '-?x'")

    def test_missing_value(self):
        self.fails(2, ["needs a value"], "link", "null:", "null:", "--stats")

    def test_strange_descriptors(self):
        self.fails(1, ["cannot use descriptor 99", "pass it on"], "link",
                   "tun:,fd=99", "null:")
        with open("/dev/null", "r+b") as null:
            done = vif("link", "tun:,fd=0", "null:", stdin=null)
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in ("cannot use descriptor 0", "neither TUN nor TAP",
                     "hint: "):
            self.assertIn(word, done.stderr)

    def test_bad_values(self):
        for option, value in [("stats", "0s"), ("stats", "1"),
                              ("duration", "soon"), ("workers", "0"),
                              ("workers", "-1"), ("workers", "100000"),
                              ("cpu", "1-"), ("cpu", ""), ("cpu", "3-1"),
                              ("spin", "1h"), ("full", "maybe"),
                              ("ready-fd", "x")]:
            self.fails(2, [f"bad value '{value}' for --{option} "],
                       "link", f"--{option}={value}", "null:", "null:")

    def test_closed_ready_fd(self):
        # 3 is the first one vif itself would open.
        for number in ("77", "3", "2147483647"):
            done = vif("link", "--ready-fd", number, "-d", "50ms", "null:",
                       "null:")
            self.assertEqual((done.returncode, done.stdout), (2, ""), number)
            self.assertRegex(done.stderr, rf"\bready-fd\b.*\b{number}\b|"
                             rf"\b{number}\b.*\bready-fd\b")
            self.assertNotIn("null -> null", done.stderr)

    def test_number_of_addresses(self):
        self.fails(2, ["needs two addresses, got 1"], "link", "null:")
        self.fails(2, ["got 3"], "link", "null:", "null:", "null:")

    def test_address(self):
        self.fails(2, ["'nothing' is no address"], "link", "nothing", "null:")
        self.fails(2, ["unknown key 'queue'", "did you mean 'queues'"],
                   "link", "null:,queue=2", "null:")

    def test_ring_of_memif(self):
        for value, hint in (("1000", "write 512 or 1024"),
                            ("3", "write 2 or 4"),
                            ("32767", "write 16384 or 32768")):
            self.fails(2, [f"bad value '{value}' for key 'ring'",
                           "no power of two", f"hint: {hint}"],
                       "link", f"memif:@a,ring={value}", "null:")

    def test_keys_of_memif_that_contradict_each_other(self):
        for keys, key, why in (
                ("rsize=4,ring=32", "rsize", "ring says otherwise"),
                ("qpairs=2,queues=3", "qpairs", "queues says otherwise"),
                ("queues=1,qpairs=2", "qpairs", "queues says otherwise"),
                ("bsize=64,buffer=2048", "bsize", "buffer says otherwise"),
                ("name=" + 32 * "n", "name", "31 bytes at most")):
            self.fails(2, [f"for key '{key}'", why],
                       "link", f"memif:@a,{keys}", "null:")
        same = "rsize=4,ring=16,qpairs=2,queues=2,bsize=64,buffer=64"
        done = vif("link", "-d", "10ms", f"memif:@a,{same}", "null:")
        self.assertEqual((done.returncode, done.stderr.count("hint")), (0, 0))

    def test_path_of_memif(self):
        """What is at the path is no failure while running."""
        with tempfile.TemporaryDirectory() as path:
            with open(f"{path}/file", "w", encoding="ascii"):
                pass
            server = ",role=server"
            for code, address, words in (
                    (6, f"{path}/file{server}", "there is a file"),
                    (6, f"{path}{server}", f"{path}/memif.sock"),
                    (6, f"{path}/none/s{server}", "directory has to be made"),
                    (6, f"{path}/file/s{server}", "Not a directory"),
                    (6, f"@a,secret-file={path}", "Is a directory"),
                    (2, f"{path}/{108 * 'n'}{server}", "too long"),
                    (2, f"@{108 * 'n'}", "too long")):
                self.fails(code, [words], "link", f"memif:{address}", "null:")

    def test_too_many_workers(self):
        self.fails(2, ["cannot use 3 workers", "hint:"],
                   "link", "--workers=3", "null:", "null:")

    def test_lost_output_is_told(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([VIF, "help"], stdout=full, check=False,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write output", done.stderr)


class Link(unittest.TestCase):
    def test_duration_and_summary(self):
        done = vif("link", "null:", "null:", "--duration", "10ms")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("null -> null: superpackets", done.stderr)
        self.assertEqual(done.stderr.count("no drops"), 2)
        self.assertEqual(done.stdout, "")

    def test_quiet(self):
        for more in (["-d", "1ms"], ["-d", "50ms", "--stats", "10ms"]):
            done = vif("link", "-q", "null:", "null:", *more)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, "", ""))

    def test_long_duration_does_not_wrap_around(self):
        for duration in ("18446744073s", "18446744073709ms"):
            ready, write_end = os.pipe()
            with subprocess.Popen(
                    [VIF, "link", "-d", duration, "--ready-fd",
                     str(write_end), "null:", "null:"], pass_fds=[write_end],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True) as child:
                os.close(write_end)
                with open(ready, encoding="ascii") as file:
                    self.assertEqual(file.read(), "ready\n")
                with self.assertRaises(subprocess.TimeoutExpired):
                    child.wait(0.3)
                child.send_signal(signal.SIGTERM)
                _, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 0, err)

    def test_json_lines(self):
        done = vif("link", "--json", "null:", "null:", "-d", "50ms",
                   "--stats", "10ms")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(done.stderr, "")
        self.assertEqual(events[0]["event"], "plan")
        self.assertEqual(events[0]["schema_version"], 1)
        self.assertEqual(events[-1]["event"], "summary")
        self.assertIn("stats", [event["event"] for event in events])
        for way in ("a_to_b", "b_to_a"):
            flow = events[-1][way]
            self.assertEqual(flow["rx_packets"], 0)
            self.assertEqual(set(flow["drops"]), {
                "full", "down", "bad_header", "truncated", "too_long",
                "offload", "refused", "no_memory", "stopped", "injected"})

    def test_json_of_names_that_are_not_utf8(self):
        with tempfile.TemporaryDirectory() as directory:
            name = os.path.join(directory, "").encode() + b"\xff.sock"
            done = vif("link", "--json", b"memif:" + name, "null:", "-d",
                       "50ms")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(events[0]["event"], "plan")
        self.assertIn("?.sock", events[0]["a"]["name"])
        self.assertIn("?.sock", events[0]["a_to_b"]["text"])

    def test_reader_that_went_away_is_no_failure(self):
        # The server's last calls, after its last line, fail for good reasons.
        name = f"memif:@vif-cli-{os.getpid()}"
        reader, writer = os.pipe()
        with subprocess.Popen([VIF, "link", "-q", name, "null:"]) as client, \
                subprocess.Popen([VIF, "link", "--json", name + ",role=server",
                                  "null:"], stdout=writer, text=True,
                                 stderr=subprocess.PIPE) as server:
            os.close(writer)
            with open(reader, encoding="utf-8") as lines:
                while True:
                    event = json.loads(lines.readline())
                    if event["event"] == "state" and event["state"] == "up":
                        break
            server.send_signal(signal.SIGTERM)
            _, err = server.communicate(timeout=60)
            client.terminate()
        self.assertEqual((server.returncode, err), (0, ""))

    def test_disk_that_is_full_is_told(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(
                [VIF, "link", "--json", "-d", "10ms", "null:", "null:"],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write output: No space left", done.stderr)

    def test_ends_although_nobody_reads(self):
        reader, writer = os.pipe()
        child = subprocess.Popen(
            [VIF, "link", "--json", "--stats", "1ms", "null:", "null:"],
            stdout=writer)
        try:
            # Full: it must be blocked in a write now, or soon.
            while select.select([], [writer], [], 0)[1]:
                self.assertIsNone(child.poll())
            child.send_signal(signal.SIGTERM)
            while self.is_pending(child.pid, signal.SIGTERM):
                pass
            child.send_signal(signal.SIGTERM)
            self.assertIn(child.wait(timeout=8), (0, 1))
        finally:
            child.kill()
            child.wait()
            os.close(reader)
            os.close(writer)

    @staticmethod
    def is_pending(pid, number):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            masks = re.findall(r"^(?:Sig|Shd)Pnd:\s+(\w+)", file.read(),
                               re.MULTILINE)
        return any(int(mask, 16) & 1 << (number - 1) for mask in masks)

    def test_closed_standard_descriptors(self):
        for closing in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
            done = subprocess.run(
                f'"{VIF}" link -j -d 20ms null: null: {closing}', shell=True,
                capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 0, closing + done.stderr)


class Probe(unittest.TestCase):
    def test_json_and_text_agree(self):
        report = json.loads(vif("probe", "--json").stdout)
        self.assertEqual(report["schema_version"], 1)
        self.assertGreater(len(vif("probe").stdout.splitlines()), 10)

    def test_kinds_are_tried(self):
        report = json.loads(vif("probe", "--json").stdout)
        checks = {check["name"]: check for check in report["checks"]}
        for kind in ("csum", "tcp4", "tcp6", "udp"):
            check = checks[f"trial_{kind}"]
            # A reason for all but a yes, a remedy for a no.
            self.assertEqual(check["answer"] == "yes", check["why"] == "")
            self.assertEqual(check["answer"] == "no", check["hint"] != "")
            self.assertEqual(check["answer"] == "no", check["errno"] != 0)


class Completion(unittest.TestCase):
    def complete(self, line):
        script = (f'source <("{VIF}" completion bash)\n'
                  f'COMP_LINE={line!r}\nCOMP_POINT=${{#COMP_LINE}}\n'
                  'read -ra COMP_WORDS <<<"$COMP_LINE"\n'
                  '[[ $COMP_LINE == *" " ]] && COMP_WORDS+=("")\n'
                  'COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n'
                  'compopt() { :; }\n_vif\nprintf "%s\\n" "${COMPREPLY[@]}"\n')
        done = subprocess.run(["bash", "-c", script], capture_output=True,
                              text=True, check=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands(self):
        self.assertEqual(set(self.complete("vif ")), set(commands()))
        self.assertEqual(self.complete("vif li"), ["link"])

    def test_options(self):
        self.assertEqual(set(self.complete("vif link --")),
                         {"--help"} | {f"--{name}"
                                       for name in options_of("link")})

    def test_types_and_keys(self):
        self.assertIn("tun:", self.complete("vif link "))
        # What readline has already, up to the last colon, is left out.
        self.assertEqual(self.complete("vif link tun:a,mt"), ["a,mtu="])
        self.assertEqual(set(self.complete("vif link tap:a,ip=1.2.3.4/5,up=")),
                         {"yes", "no"})

    def test_zsh_script_has_every_key(self):
        text = vif("completion", "zsh").stdout
        self.assertTrue(text.startswith("#compdef vif\n"))
        for key in keys_of("tap"):
            self.assertIn(f" {key}=", text)


@unittest.skipUnless(MANUAL, "the manual page is not built: no scdoc")
class Manual(unittest.TestCase):
    def test_has_every_command_option_and_key(self):
        with open(MANUAL, encoding="utf-8") as file:
            text = file.read().replace("\\", "")
        for command in commands():
            self.assertIn(f"vif {command}", text)
            for option in options_of(command):
                self.assertIn(f"--{option}", text)
        for port in TYPES:
            for key in keys_of(port):
                self.assertIn(f"fB{key}fR=", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
