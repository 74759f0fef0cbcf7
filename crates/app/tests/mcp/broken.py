"""Servers of tools that no library would make, over standard input and output; the first argument says how. What happens
is told as `peer.py` tells it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

mode = sys.argv[1]
NOTES = socket.create_connection(("127.0.0.1", int(os.environ["PEER_NOTES"])))


def note(text):
    NOTES.sendall(f"{text}\n".encode())


note(f"pid {os.getpid()}")


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def answer(request, result):
    say(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))


def tool(name, **more):
    return {"name": name, "description": "A tool.", "inputSchema": {"type": "object"}} | more


has_been_called = False


def tools(cursor):
    if mode == "thousand":
        # In pages that never end.
        start = int(cursor or 0)
        return {"tools": [tool(f"t{number}") for number in range(start, start + 100)], "nextCursor": str(start + 100)}
    if mode == "growing" and has_been_called:
        return {"tools": [tool("go"), tool("grown")]}
    if mode == "unfit":
        large = {"type": "object", "properties": {"a": {"description": "x" * 100_000}}}
        return {"tools": [tool("large", inputSchema=large), tool("", title="nameless"), tool("good")]}
    return {"tools": [tool("go")]}


def call(request):
    global has_been_called
    has_been_called = True
    note("called")
    if mode == "garbage-result":
        return answer(request, {"content": "not a list", "isError": 7})
    if mode == "endless":
        while True:
            sys.stdout.write("x" * 65536)
    if mode == "noise":
        for line in ["no json", "{", "[]", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":999,"result":{}}', "\u0000"]:
            say(line)
    answer(request, {"content": [{"type": "text", "text": "went"}]})
    if mode == "growing":
        say(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))


if mode == "dies":
    sys.exit("there is no such database: hunter2")
if mode == "silent":
    sys.stdin.read()
    sys.exit()
if mode == "stubborn":
    # Wants to outlive whoever started it, with a child that does too.
    for name in ["SIGTERM", "SIGHUP", "SIGINT"]:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    subprocess.Popen([sys.executable, __file__, "sleeper"], stdin=subprocess.DEVNULL)
if mode == "sleeper":
    time.sleep(600)

for line in sys.stdin:
    request = json.loads(line)
    match request.get("method"):
        case "initialize":
            info = {"name": "broken", "version": "1"}
            answer(request, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info})
        case "tools/list":
            answer(request, tools((request.get("params") or {}).get("cursor")))
        case "tools/call":
            call(request)
        case method if "id" in request:
            error = {"code": -32601, "message": f"no {method}"}
            say(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}))
if mode == "stubborn":
    time.sleep(600)
