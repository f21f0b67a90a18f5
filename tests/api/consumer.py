#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that the installed library can be used through its pkg-config file.

Arguments: shared or static, the build directory, the program's source, the
Meson command, and after -- the compiler. Installs into a temporary directory,
builds and runs the program, and compares the version it prints.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile


def run(*command, **options):
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout}")
    return result.stdout.strip()


def install(meson, build, root):
    """Install what belongs to the library; return the folder of vif.pc."""
    run(*meson, "install", "-C", build, "--no-rebuild", "--tags",
        "runtime,devel", env={**os.environ, "DESTDIR": root})
    found = glob.glob(os.path.join(root, "**", "vif.pc"), recursive=True)
    if len(found) != 1:
        sys.exit(f"vif.pc installed {len(found)} times")
    return os.path.dirname(found[0])


class PkgConfig:
    """pkg-config for an installation that lies below root."""

    def __init__(self, folder, root):
        self.environment = {**os.environ, "PKG_CONFIG_PATH": folder}
        self.variables = [
            f"--define-variable=prefix={root}{self.ask('--variable=prefix')}"]
        self.libdir = self.ask("--variable=libdir")

    def ask(self, *options):
        return run("pkg-config", *getattr(self, "variables", []), *options,
                   "vif", env=self.environment)

    def use_libdir(self, folder):
        self.variables.append(f"--define-variable=libdir={folder}")


def only_static(pkg_config, root):
    """Let the linker see libvif.a alone: it prefers a shared library."""
    folder = os.path.join(root, "static")
    os.mkdir(folder)
    shutil.copy(os.path.join(pkg_config.libdir, "libvif.a"), folder)
    pkg_config.use_libdir(folder)
    return ["--static"]


def check(kind, meson, build, source, compiler, root):
    pkg_config = PkgConfig(install(meson, build, root), root)
    options = only_static(pkg_config, root) if kind == "static" else []
    flags = pkg_config.ask("--cflags", "--libs", *options).split()
    program = os.path.join(root, "consumer")
    run(*compiler, "-Wall", "-Wextra", "-Werror", "-o", program, source, *flags)

    environment = dict(os.environ)
    if kind == "shared":
        environment["LD_LIBRARY_PATH"] = pkg_config.libdir
    version = run(program, env=environment)
    expected = pkg_config.ask("--modversion")
    if version != expected:
        sys.exit(f"vif_version() says {version}, vif.pc {expected}")

    is_shared = "libvif.so" in run("readelf", "-d", program)
    if is_shared != (kind == "shared"):
        sys.exit(f"the {kind} program {'uses' if is_shared else 'lacks'} "
                 "libvif.so")


def main():
    split = sys.argv.index("--")
    kind, build, source, *meson = sys.argv[1:split]
    with tempfile.TemporaryDirectory() as root:
        check(kind, meson, build, source, sys.argv[split + 1:], root)


if __name__ == "__main__":
    main()
