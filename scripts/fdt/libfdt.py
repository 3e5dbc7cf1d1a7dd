"""Asks libfdt. Reads JSON from stdin, a list of jobs; writes a list of answers to stdout.

{"job": "check", "bytes": hex, "edits": [[[at, value], ...], cut], ...}: both checks of each mutant
{"job": "sequential", "tree": tree, "size": n}: fdt_create ... fdt_finish, perhaps in a buffer of that size
{"job": "read-write", "tree": tree}: the root written sequentially, the rest added, packed
{"job": "nop", "bytes": hex, "nodes": [path], "properties": [[path, name]]}: turned into NOPs
{"job": "open", "bytes": hex, "size": n}: fdt_open_into a larger buffer
{"job": "set", "bytes": hex, "size": n, "path": path, "name": name, "value": hex}: opened, one property set
"""

import ctypes
import json
import os
import sys

fdt = ctypes.CDLL("libfdt.so.1")
ERRORS = {
    1: "NOTFOUND", 2: "EXISTS", 3: "NOSPACE", 4: "BADOFFSET", 5: "BADPATH", 6: "BADPHANDLE", 7: "BADSTATE",
    8: "TRUNCATED", 9: "BADMAGIC", 10: "BADVERSION", 11: "BADSTRUCTURE", 12: "BADLAYOUT", 13: "INTERNAL",
}


def error(code):
    return None if code >= 0 else "-FDT_ERR_" + ERRORS[-code]


def ok(code):
    if code < 0:
        raise RuntimeError(error(code))
    return code


def buffer(data, size=None):
    room = ctypes.create_string_buffer(max(size or 0, len(data)) + 64)
    ctypes.memmove(room, bytes(data), len(data))
    if ctypes.addressof(room) % 8:
        raise RuntimeError("unaligned")
    return room


def result(room):
    size = int.from_bytes(room.raw[4:8], "big")
    return room.raw[:size].hex()


def check(job):
    base = bytes.fromhex(job["bytes"])
    answers = []
    for edits, cut in job["edits"]:
        data = bytearray(base)
        for at, value in edits:
            data[at] = value
        data = data[:cut]
        answers.append(in_child(lambda: one(data)))
    return answers


def one(data):
    room = buffer(data)
    full = fdt.fdt_check_full(room, ctypes.c_size_t(len(data)))
    return [error(fdt.fdt_check_header(room)), error(full)]


def in_child(job):
    """libfdt 1.6.1 crashes on some mutants: lengths that wrap an int around. The answer is "crash" then."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(job()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else "crash"


def raw(name):
    return name.encode("utf-8")


def properties_in_order(room, node, write):
    for name, value in node["properties"]:
        value = bytes.fromhex(value)
        ok(write(raw(name), value, len(value)))


def sequential(job):
    size = job.get("size") or 65536
    room = buffer(b"", size)
    ok(fdt.fdt_create(room, size))
    for address, length in job["tree"]["reservations"]:
        ok(fdt.fdt_add_reservemap_entry(room, ctypes.c_uint64(int(address)), ctypes.c_uint64(int(length))))
    ok(fdt.fdt_finish_reservemap(room))

    def write(node, children):
        ok(fdt.fdt_begin_node(room, raw(node["name"])))
        properties_in_order(room, node, lambda n, v, l: fdt.fdt_property(room, n, v, l))
        for child in children:
            write(child, child["children"])
        ok(fdt.fdt_end_node(room))

    write(job["tree"]["root"], job["tree"]["root"]["children"] if job["job"] == "sequential" else [])
    ok(fdt.fdt_finish(room))
    return room


def read_write(job):
    room = sequential(job)
    ok(fdt.fdt_open_into(room, room, 65536))

    def add(parent, path, node):
        offset = ok(fdt.fdt_path_offset(room, raw(path or "/")))
        ok(fdt.fdt_add_subnode(room, offset, raw(node["name"])))
        path = path + "/" + node["name"]
        for name, value in reversed(node["properties"]):
            offset = ok(fdt.fdt_path_offset(room, raw(path)))
            value = bytes.fromhex(value)
            ok(fdt.fdt_setprop(room, offset, raw(name), value, len(value)))
        for child in reversed(node["children"]):
            add(node, path, child)

    root = job["tree"]["root"]
    for child in reversed(root["children"]):
        add(root, "", child)
    ok(fdt.fdt_pack(room))
    return room


def nop(job):
    room = buffer(bytes.fromhex(job["bytes"]))
    for path, name in job["properties"]:
        ok(fdt.fdt_nop_property(room, ok(fdt.fdt_path_offset(room, raw(path))), raw(name)))
    for path in job["nodes"]:
        ok(fdt.fdt_nop_node(room, ok(fdt.fdt_path_offset(room, raw(path)))))
    return room


def opened(job):
    room = buffer(bytes.fromhex(job["bytes"]), job["size"])
    ok(fdt.fdt_open_into(room, room, job["size"]))
    return room


def set_property(job):
    room = opened(job)
    value = bytes.fromhex(job["value"])
    offset = ok(fdt.fdt_path_offset(room, raw(job["path"])))
    ok(fdt.fdt_setprop(room, offset, raw(job["name"]), value, len(value)))
    return room


JOBS = {
    "check": check,
    "sequential": lambda job: result(sequential(job)),
    "read-write": lambda job: result(read_write(job)),
    "nop": lambda job: result(nop(job)),
    "open": lambda job: result(opened(job)),
    "set": lambda job: result(set_property(job)),
}
json.dump([JOBS[job["job"]](job) for job in json.load(sys.stdin)], sys.stdout)
