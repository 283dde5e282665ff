"""MPLS network actions (RFC 9994) as far as a partition's selector goes.

An entry of a label stack is [upper 20 bits, 3 bits, lower 8 bits] here as everywhere in the model;
those of a sub-stack behind its first are no labels, but have their bottom bit at the same place.
"""

LABEL = 4
NO_OPERATION, FLAGS, EXTENSION = 2, 1, 127
HOP_BY_HOP, SELECT, RESERVED = 1, 2, 3
ENTRIES = 3


def entry_of(word):
    return [word >> 12, word >> 9 & 7, word & 255]


def word_of(entry):
    return entry[0] << 12 | entry[1] << 9 | entry[2]


def sub_stack(selector, opcode, above):
    """Label 4, a no-operation in format B, and the 20-bit selector in format C."""
    b = NO_OPERATION << 25 | HOP_BY_HOP << 9 | 1 << 4
    c = opcode << 25 | (selector >> 4) << 9 | (selector & 15) << 4
    return [[LABEL, above[1], above[2]], entry_of(b), entry_of(c)]


def with_selector(labels, selector, opcode, depth):
    """The labels with the sub-stack among them: at the bottom, and as often above as a router that
    reads depth entries needs, but never on top (RFC 9994, 7)."""
    out, group = [], max(depth - ENTRIES, 1)
    for at in range(0, len(labels), group):
        part = labels[at:at + group]
        out += part + sub_stack(selector, opcode, part[-1])
    return out


class BadActions(Exception):
    """A sub-stack that contradicts itself."""


class UnknownAction(Exception):
    """An action that asks to be dropped where it is not known."""


def kept_in_reach(labels, beneath, opcode, depth):
    """The labels on top of the stack beneath. Where they would put its topmost hop-by-hop sub-stack
    out of the reach of a router that reads depth entries, copies go in between, so that from every
    label on one is within reach (RFC 9994, 7.1)."""
    at = 0
    while at < len(beneath) and (beneath[at][0] != LABEL or
                                 scope_of(beneath, at) != HOP_BY_HOP):
        at += 1 if beneath[at][0] != LABEL else read(beneath, at, opcode, False)[0]
    if at == len(beneath):
        return labels + beneath
    copied = beneath[at:at + read(beneath, at, opcode, False)[0]]
    if len(copied) >= depth:
        return labels + beneath
    out, rest = [], labels
    while len(rest) + at + len(copied) > depth and rest:
        part, rest = rest[:depth - len(copied)], rest[depth - len(copied):]
        out += part + [[LABEL, part[-1][1], part[-1][2]], *copied[1:]]
    return out + rest + beneath


def scope_of(stack, at):
    return word_of(stack[at + 1]) >> 9 & 3


def read(stack, at, opcode, on_top):
    """(entries, selector or None) of the sub-stack at stack[at]. What is not on top counts with
    hop-by-hop scope alone; of the reserved scope no router knows whom it is for."""
    if at + 1 >= len(stack):
        raise BadActions
    b = word_of(stack[at + 1])
    length, scope = b >> 4 & 15, b >> 9 & 3
    end = at + 2 + length
    if end > len(stack) or b & 7 > length or b >> 25 == 0:
        raise BadActions
    actions, i = [(b >> 25, b, None)], at + 2 + (b & 7)
    while i < end:
        c = word_of(stack[i])
        if c >> 25 == 0 or i + 1 + (c & 7) > end:
            raise BadActions
        actions.append((c >> 25, c, (c >> 9 & 0xFFFF) << 4 | c >> 4 & 15))
        i += 1 + (c & 7)
    selector = None
    counts = scope in (HOP_BY_HOP, RESERVED) or on_top
    for code, word, value in actions:
        if scope == RESERVED or code not in (NO_OPERATION, FLAGS, opcode):
            if counts and (word & 8 or code == EXTENSION):  # RFC 9994, 5.4 and 6.4
                raise UnknownAction
        elif code == opcode and value is not None and selector is None and counts:
            selector = value
    return 2 + length, selector
