#!/usr/bin/env python3
"""Writes a C++ source that holds the text of a file: embed.py INPUT OUTPUT."""

import pathlib
import sys

text = pathlib.Path(sys.argv[1]).read_bytes()
rows = [", ".join(map(str, text[i : i + 24])) for i in range(0, len(text), 24)]
pathlib.Path(sys.argv[2]).write_text(
    '#include "config/schema.h"\n\n'
    "namespace tcqf::config {\n"
    "namespace {\n"
    "constexpr unsigned char kModule[] = {\n" + ",\n".join(rows) + "};\n"
    "}  // namespace\n\n"
    "std::string_view module_text() {\n"
    "    return {reinterpret_cast<const char*>(kModule), sizeof kModule};\n"
    "}\n"
    "}  // namespace tcqf::config\n"
)
