#!/usr/bin/env python3
"""Keeps the reference in docs/configuration.md the same as the YANG module.

usage: configuration_reference.py YANGLINT MODULE PAGE [--write]

What stands behind the page's marker is made from the module. Without --write the script says whether the page
is as it should be (exit 1 where it is not).
"""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from config_page import YIN, Page, text_of  # noqa: E402

MARKER = "<!-- From here on made by docs/man/configuration_reference.py from config/tcqf-router.yang. -->\n"
IMPLIED_KEY = "{urn:tcqf:router}implied-key"


class Reference:
    """One table a container or list, in the order of the module."""

    def __init__(self, module):
        self.page = Page(module)
        self.lines = []

    def children(self, node):
        for child in node:
            if child.tag == YIN + "uses":
                yield from self.children(self.page.groupings[child.get("name").split(":")[-1]])
            elif child.tag.removeprefix(YIN) in ("container", "list", "leaf", "leaf-list"):
                yield child

    def default_of(self, node, keys):
        implied = node.find(IMPLIED_KEY)
        if implied is not None:
            return f"`{implied.get('value')}`"
        value = text_of(node, "default")
        if value is not None:
            return f"`{value}`"
        is_key = node.get("name") in keys
        return "required" if is_key or text_of(node, "mandatory") == "true" else ""

    def kind_of(self, node):
        if node.tag in (YIN + "container", YIN + "list"):
            return "list" if node.tag == YIN + "list" else "group"
        kind = self.page.type_of(node).replace("|", "\\|")
        units = text_of(node, "units", "name")
        kind += f" {units}" if units else ""
        return f"list of: {kind}" if node.tag == YIN + "leaf-list" else kind

    def add(self, node, path):
        own_keys = (text_of(node, "key") or "").split()
        title = path or "The top level"
        self.lines += [f"### {title}", ""]
        description = text_of(node, "description")
        if path and description:
            self.lines += [" ".join(description.split()), ""]
        self.lines += ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
        inner = []
        for child in self.children(node):
            name = child.get("name")
            if name == "index":  # filled in by the reader of the file
                continue
            meaning = " ".join((text_of(child, "description") or "").split()).replace("|", "\\|")
            self.lines.append(f"| `{name}` | {self.kind_of(child)} | {self.default_of(child, own_keys)} | {meaning} |")
            if child.tag in (YIN + "container", YIN + "list"):
                inner.append((child, f"{path}.{name}" if path else name))
        self.lines.append("")
        for child, below in inner:
            self.add(child, below)


def main():
    yanglint, module, page = sys.argv[1:4]
    done = subprocess.run([yanglint, "-f", "yin", module], capture_output=True, text=True, check=True)
    root = xml.etree.ElementTree.fromstring(done.stdout)
    reference = Reference(root)
    container = next(node for node in root.findall(YIN + "container") if node.get("name") == "router")
    reference.add(container, "")
    path = pathlib.Path(page)
    written = path.read_text(encoding="utf-8")
    wanted = written[: written.index(MARKER)] + MARKER + "\n" + re.sub(r"\n+\Z", "\n", "\n".join(reference.lines))
    if "--write" in sys.argv[4:]:
        path.write_text(wanted, encoding="utf-8")
    elif written != wanted:
        sys.exit(f"{page} is older than {module}: run {sys.argv[0]} {yanglint} {module} {page} --write")


if __name__ == "__main__":
    main()
