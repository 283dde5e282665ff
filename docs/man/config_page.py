"""Writes tcqf-router(5) from the YANG module, which is the one place where the configuration is described.

usage: config_page.py YANGLINT MODULE HEAD OUTPUT

HEAD is the page's hand-written part; the reference of all keys is appended to it.
"""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

YIN = "{urn:ietf:params:xml:ns:yang:yin:1}"
NODES = ("container", "list", "leaf", "leaf-list", "choice", "case", "uses")


def escape(text):
    """Text as roff shows it: no line may begin with a control character."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def text_of(node, child, attribute="value"):
    found = node.find(YIN + child)
    if found is None:
        return None
    inner = found.find(YIN + "text")
    return inner.text if inner is not None else found.get(attribute)


class Page:
    """Collects the reference, one entry a key."""

    def __init__(self, module):
        self.groupings = {node.get("name"): node for node in module.iter(YIN + "grouping")}
        self.typedefs = {node.get("name"): node for node in module.iter(YIN + "typedef")}
        self.lines = []

    def type_of(self, node):
        """A leaf's type in words: enumerations by their values, numbers with their range."""
        kind = node.find(YIN + "type")
        name = kind.get("name").split(":")[-1]
        if name == "enumeration":
            return " | ".join(value.get("name") for value in kind.findall(YIN + "enum"))
        if name == "union":
            return " or ".join(part.get("name").split(":")[-1] for part in kind.findall(YIN + "type"))
        if name in self.typedefs and kind.find(YIN + "range") is None:
            inner = self.typedefs[name].find(YIN + "type")
            if inner.get("name") == "leafref" or inner.find(YIN + "range") is not None:
                kind, name = inner, inner.get("name")
        if name == "leafref":
            steps = re.findall(r"[\w-]+(?=/|$)", kind.find(YIN + "path").get("value"))
            return f"one of {steps[-2]}" if len(steps) > 1 else "reference"
        limits = kind.find(YIN + "range")
        if limits is None:
            return name
        return limits.get("value").replace("..", " to ").replace("|", "or")

    def facts(self, node, keys):
        if node.tag in (YIN + "container", YIN + "list"):
            kind = "list" if node.tag == YIN + "list" else "group"
            return f"({kind})"
        parts = [self.type_of(node)]
        if node.tag == YIN + "leaf-list":
            parts[0] = "list of: " + parts[0]
        for name, sentence in (("units", "{}"), ("default", "default {}")):
            value = text_of(node, name, "name" if name == "units" else "value")
            if value is not None:
                parts.append(sentence.format(value))
        implied = node.find("{urn:tcqf:router}implied-key")
        if implied is not None:
            parts.append(f"default {implied.get('value')}")
        is_key = node.get("name") in keys and text_of(node, "default") is None and implied is None
        if text_of(node, "mandatory") == "true" or is_key:
            parts.append("required")
        return "(" + ", ".join(parts) + ")"

    def add(self, node, path, keys=()):
        """The entry of a node, then those of what is in it."""
        tag = node.tag.removeprefix(YIN)
        if tag not in NODES:
            return
        if tag == "uses":
            for child in self.groupings[node.get("name").split(":")[-1]]:
                self.add(child, path)
            return
        if tag in ("choice", "case"):
            for child in node:
                self.add(child, path)
            return
        name = node.get("name")
        if name == "index":  # filled in by the reader of the file
            return
        here = f"{path}{name}"
        self.lines += [".TP", f"\\fB{escape(here)}\\fR {escape(self.facts(node, keys))}",
                       escape(text_of(node, "description") or "")]
        own_keys = (text_of(node, "key") or "").split()
        for child in node:
            self.add(child, f"{here}.", own_keys)


def main():
    yanglint, module, head, output = sys.argv[1:]
    done = subprocess.run([yanglint, "-f", "yin", module], capture_output=True, text=True, check=True)
    root = xml.etree.ElementTree.fromstring(done.stdout)
    page = Page(root)
    container = next(node for node in root.findall(YIN + "container") if node.get("name") == "router")
    for child in container:
        page.add(child, "")
    text = pathlib.Path(head).read_text(encoding="utf-8") + "\n".join(page.lines) + "\n"
    pathlib.Path(output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
