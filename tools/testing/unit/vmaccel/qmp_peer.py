#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays a QEMU's monitor, a good one or a bad one.

Usage: qmp_peer.py SOCKET MANNER [STATE]

STATE is a file with a JSON object: actual, oom, stats (an object of guest-stats, without
"stat-"), running. It is read for each command. "update" counts up by itself. Commands that
change something are added to STATE.log.
"""
import json
import os
import socket
import sys
import time

GREETING = {"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": []}}
UNKNOWN = 2 ** 64 - 1
STATS = ("swap-in", "swap-out", "major-faults", "minor-faults", "free-memory", "total-memory",
         "available-memory", "disk-caches")


def send(conn, message):
    conn.sendall(json.dumps(message).encode() + b"\r\n")


def answer(command, arguments, state):
    """What a good one returns."""
    if command == "qom-list":
        if arguments["path"].endswith("anon"):
            return [{"name": "type", "type": "string"},
                    {"name": "device[0]", "type": "child<virtio-balloon-pci>"}]
        return [{"name": "net0", "type": "child<virtio-net-pci>"}]
    if command == "query-memory-size-summary":
        return {"base-memory": state["ram"], "plugged-memory": 0}
    if command == "query-status":
        return {"status": "running", "running": state.get("running", True)}
    if command == "query-balloon":
        return {"actual": state["actual"]}
    if command == "qom-get" and arguments["property"] == "deflate-on-oom":
        return state.get("oom", False)
    if command == "qom-get" and arguments["property"] == "guest-stats":
        stats = {"stat-" + name: state["stats"].get(name, UNKNOWN) for name in STATS}
        spoke = bool(state["stats"])
        return {"stats": stats, "last-update": int(time.time()) if spoke else 0}
    return {}


def serve(conn, manner, path):
    send(conn, GREETING)
    for line in conn.makefile("rb"):
        message = json.loads(line)
        command, arguments = message["execute"], message.get("arguments", {})
        with open(path, encoding="ascii") as file:
            state = json.load(file)
        if command in ("balloon", "qom-set"):
            with open(path + ".log", "a", encoding="ascii") as log:
                log.write(f"{command} {arguments['value']}\n")
        reply = {"return": answer(command, arguments, state), "id": message["id"]}
        if manner == "mute":
            continue
        if manner == "wrongid":
            reply["id"] += 1
        if manner == "noid":
            del reply["id"]
        if manner == "types":
            reply["return"] = ["\x1b[2J", None, {"name": 7, "type": {}}]
        if manner == "nothing":
            reply = {"id": message["id"]}
        if manner == "refuse":
            reply = {"error": {"desc": "\x1b[2J\n" + "no " * 9999}, "id": message["id"]}
        if manner == "huge" and command == "query-balloon":
            reply["return"] = {"actual": 2 ** 64 - 1}
        if manner == "negative" and command == "query-balloon":
            reply["return"] = {"actual": -1}
        if manner == "names" and command == "qom-list":
            reply["return"] = [{"name": "x" * 9999, "type": "child<virtio-balloon-pci>"}]
        if manner == "events":
            send(conn, {"event": "RESET", "data": {}})
            send(conn, {"event": None, "id": message["id"], "return": {}})
            continue
        if manner == "twice":
            send(conn, reply)
        if manner == "cut":
            conn.sendall(json.dumps(reply).encode()[:9])
            return
        send(conn, reply)


def bad(conn, manner):
    """Those who do not wait to be asked."""
    while manner == "silent":
        time.sleep(1)
    if manner == "deep":
        conn.sendall(b"[" * 60000 + b"\n")
    while manner == "endless":
        conn.sendall(b"x" * 65536)
    while manner == "lines":
        conn.sendall(b"{}\n" * 20000)
    while manner == "random":
        conn.sendall(os.urandom(512) + b"\n")
    send(conn, GREETING)
    while manner == "flood":
        send(conn, {"event": "RTC_CHANGE", "data": {}})
    for byte in (b"x" for _ in range(100000)):
        conn.sendall(byte)


def main():
    path, manner = sys.argv[1:3]
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(0 if manner == "full" else 1)
    if manner == "full":
        # So that who connects would have to wait.
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(path)
        time.sleep(1000)
    while True:
        conn, _ = listener.accept()
        try:
            if len(sys.argv) > 3:
                serve(conn, manner, sys.argv[3])
            else:
                bad(conn, manner)
        except (BrokenPipeError, ConnectionResetError):
            pass
        conn.close()


if __name__ == "__main__":
    main()
