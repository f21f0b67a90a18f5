#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that every public function has a complete kernel-doc comment.

Directly in front of each VIF_API prototype: name() - phrase, @param: for each
parameter in order, then Return: unless it returns nothing, Context:.

And that no design page tells of a public function there is none of.
"""

import re
import sys

import tree

PHRASE_MAX = 59

PROTOTYPE = re.compile(r"^VIF_API\s[^;]*;", re.MULTILINE)
COMMENT_BEFORE = re.compile(r"/\*\*\n((?: \*(?: [^\n]*)?\n)*) \*/\n\Z")
NAME = re.compile(r"(\w+)\s*\((.*)\)", re.DOTALL)
FIELDS = ["Return", "Context", "Ownership", "Since"]
MENTION = re.compile(r"`(vif_\w+)\(\)`")
FIELD = re.compile(rf"^({'|'.join(FIELDS)}):", re.MULTILINE)


def split_parameters(text):
    """Split at the commas that are not inside parentheses."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def parameter_name(text):
    """Name of a parameter, also of a pointer to a function, and of an array."""
    if text == "...":
        return "..."
    pointer = re.search(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*\)\s*\(", text)
    if pointer:
        return pointer.group(1)
    return re.search(r"(\w+)\s*(?:\[[^\]]*\])*$", text).group(1)


class Prototype:
    def __init__(self, text):
        text = text.removeprefix("VIF_API").removesuffix(";").strip()
        text = re.sub(r"\s*VIF_PRINTF\(\d+,\s*\d+\)$", "", text)
        match = NAME.search(text)
        self.name = match.group(1)
        self.returns_nothing = text[:match.start()].split() == ["void"]
        inner = match.group(2).strip()
        self.parameters = [] if inner == "void" else [
            parameter_name(part) for part in split_parameters(inner)]


def prototypes(text):
    """The prototypes of a header, each with the comment before it or None."""
    for match in PROTOTYPE.finditer(text):
        comment = COMMENT_BEFORE.search(text[:match.start()])
        body = comment and re.sub(r"^ \* ?", "", comment.group(1),
                                  flags=re.MULTILINE)
        yield Prototype(match.group(0)), body


def check_title(prototype, comment):
    match = re.match(rf"{prototype.name}\(\) - (\S.*)\n", comment)
    if not match:
        return [f'does not begin "{prototype.name}() - "']
    if len(match.group(1)) > PHRASE_MAX:
        return [f"its phrase has more than {PHRASE_MAX} characters"]
    return []


def check_parameters(prototype, comment):
    documented = re.findall(r"^@(\w+|\.\.\.):", comment, re.MULTILINE)
    if documented != prototype.parameters:
        return [f"documents parameters {documented}, has "
                f"{prototype.parameters}"]
    return []


def check_fields(prototype, comment):
    found = FIELD.findall(comment)
    faults = []
    if found != sorted(set(found), key=FIELDS.index):
        faults.append(f"its fields are not in the order {FIELDS}")
    if prototype.returns_nothing and "Return" in found:
        faults.append("has Return:, but returns nothing")
    if not prototype.returns_nothing and "Return" not in found:
        faults.append("lacks Return:")
    for field in ("Context",):
        if field not in found:
            faults.append(f"lacks {field}:")
    return faults


def check_pages(root, names):
    return [f"{path}: there is no {name}()"
            for path in tree.files(root, ["docs/design"], ".md")
            for name in sorted(set(MENTION.findall(tree.read(root, path))) -
                               names)]


def check(root):
    faults = []
    names = set()
    for path in tree.files(root, ["include/vif"], ".h"):
        for prototype, comment in prototypes(tree.read(root, path)):
            names.add(prototype.name)
            if comment is None:
                found = ["has no kernel-doc comment directly before it"]
            else:
                found = (check_title(prototype, comment) +
                         check_parameters(prototype, comment) +
                         check_fields(prototype, comment))
            faults += [f"{path}: {prototype.name}(): {fault}"
                       for fault in found]
    if not names:
        faults.append("include/vif has no VIF_API prototype")
    return faults + check_pages(root, names)


HEADER = """\
#define VIF_API

/**
 * vif_walk() - visit every port
 * @link:  borrowed.
 * @visit: called once for each port.
 * @name:  array.
 *
 * More text.
 *
 * Return: how many.
 * Context: any thread.
 * Since: 0.1
 */
VIF_API int vif_walk(const struct vif_link *link,
		     void (*visit)(void *user, int port),
		     char name[16]);

/**
 * vif_end() - end
 *
 * Context: any thread.
 * Since: 0.1
 */
VIF_API void vif_end(void);
"""

PATH = "include/vif/link.h"
PAGE = "docs/design/link.md"
GOOD = {PATH: HEADER, PAGE: "`vif_walk()`, `vif_end()`, `walk()`\n"}

BROKEN = [{PATH: HEADER.replace(old, new, 1)} for old, new in [
    ("/**\n", "/*\n"),
    (" */\nVIF_API int", " */\n\nVIF_API int"),
    ("vif_walk() - ", "vif_wander() - "),
    ("visit every port", "visit " + "every " * 10 + "port"),
    (" * @name:  array.\n", ""),
    (" * @visit: called once for each port.\n * @name:  array.\n",
     " * @name:  array.\n * @visit: called once for each port.\n"),
    (" * Return: how many.\n", ""),
    (" * Context: any thread.\n", ""),
    (" * vif_end() - end\n *\n", " * vif_end() - end\n *\n * Return: 0.\n"),
    (" * Return: how many.\n * Context: any thread.\n",
     " * Context: any thread.\n * Return: how many.\n"),
]] + [{PATH: "#define VIF_API\n", PAGE: ""}, {PAGE: "`vif_wander()`\n"}]


if __name__ == "__main__":
    sys.exit(tree.main(check, GOOD, BROKEN))
