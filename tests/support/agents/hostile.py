#!/usr/bin/env python3
"""An agent that misbehaves on purpose; only Python's standard library. The first argument says how.

plain               a whole turn, well-behaved: words, a tool call, end_turn
banner              lines that are no protocol before and between the messages
garbage             lines that are not UTF-8, half JSON, JSON of other shapes, a batch, a very long line
unknown-update      an update of a kind that nobody knows
unknown-request     a request that nobody knows; its refusal is said
permission          asks for a permission; the answer is said
permission-allow    asks for a permission whose options all allow; the answer is said
never-initialize    reads, and never answers
exit-at-once        ends with code 3 and a line on stderr
exit-in-turn        ends with code 4 in the middle of its turn
slow                says something every 20 ms until it is cancelled, then answers `cancelled`
ignore-cancel       as slow, but takes no notice of a cancel, of a closed stdin or of TERM
result              a structured result by our extension, then words
result-twice        two results
result-foreign      a result for a session that is not this one
result-late         a result after it was cancelled
silent              ends its turn without a word
refuse-session      answers `session/new` with an error
wrong-version       speaks version 2 of the protocol
flood               200,000 updates as fast as they are read
tool-started        asks to record a tool call; whether it may run is said
write-tool          tells a tool call of kind `execute`, as a foreign agent does
stderr-flood        200 kB on stderr, most of it without a line feed, before and in the turn
secret              says the SHA-256 of its variable SECRET, and nothing else of it
"""

import hashlib
import json
import os
import signal
import sys
import threading

MODE = sys.argv[1] if len(sys.argv) > 1 else "plain"
OUT = sys.stdout.buffer
IDS = iter(range(1, 1 << 30))
LOCK = threading.Lock()
CANCELLED = threading.Event()
ANSWERS = {}
ANSWERED = threading.Condition()


def raw(data):
    with LOCK:
        OUT.write(data)
        OUT.flush()


def send(**message):
    raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def update(session, what, meta=None, **fields):
    params = {"sessionId": session, "update": {"sessionUpdate": what, **fields}}
    if meta:
        params["_meta"] = {"modelscan": meta}
    send(method="session/update", params=params)


def say(session, text):
    update(session, "agent_message_chunk", content={"type": "text", "text": text})


def ask(method, params):
    """Asks the client and waits for its answer: a result or an error."""
    number = next(IDS)
    send(id=number, method=method, params=params)
    with ANSWERED:
        ANSWERED.wait_for(lambda: number in ANSWERS)
        answer = ANSWERS.pop(number)
    return answer.get("result", answer.get("error"))


def permission(session, *kinds):
    options = [{"optionId": f"o{n}", "name": kind, "kind": kind} for n, kind in enumerate(kinds)]
    call = {"toolCallId": "danger", "title": "Removing everything", "kind": "execute"}
    answer = ask("session/request_permission", {"sessionId": session, "toolCall": call, "options": options})
    say(session, json.dumps(answer, sort_keys=True))


def complain():
    sys.stderr.write("e" * 190_000 + "\n" + "line of an error\n" * 600)
    sys.stderr.flush()


def slow(session):
    while not CANCELLED.wait(0.02):
        say(session, "still here. ")


def turn(session, request):
    stop = "end_turn"
    if MODE == "banner":
        raw(b"*** now working ***\n\n")
        say(session, "hello")
        raw(b"debug: x = 1\n")
    elif MODE == "garbage":
        raw(b"\xff\xfe\x00\n{\"half\": \n[]\n7\n\"text\"\nnull\n{}\n")
        raw(b"[{\"jsonrpc\": \"2.0\", \"method\": \"session/update\"}]\n")
        raw(b"x" * (17 * 1024 * 1024) + b"\n")
        say(session, "hello")
    elif MODE == "unknown-update":
        update(session, "confetti", colour="red")
        say(session, "hello")
    elif MODE == "unknown-request":
        say(session, json.dumps(ask("party/start", {"sessionId": session}).get("code")))
    elif MODE == "permission":
        permission(session, "allow_once", "allow_always", "reject_once", "reject_always")
    elif MODE == "permission-allow":
        permission(session, "allow_once", "allow_always")
    elif MODE == "exit-in-turn":
        say(session, "almost")
        print("the bottom fell out", file=sys.stderr, flush=True)
        os._exit(4)
    elif MODE in ("slow", "ignore-cancel", "result-late"):
        slow(session)
        if MODE == "result-late":
            ask("_modelscan/result", {"sessionId": session, "result": {"late": True}})
        stop = "cancelled"
    elif MODE in ("result", "result-twice", "result-foreign"):
        target = "another" if MODE == "result-foreign" else session
        ask("_modelscan/result", {"sessionId": target, "result": {"answer": 42}, "report": "The answer is 42."})
        if MODE == "result-twice":
            answer = ask("_modelscan/result", {"sessionId": session, "result": {"answer": 43}})
            say(session, json.dumps(answer.get("code")))
        say(session, "words beside it")
    elif MODE == "flood":
        for number in range(200_000):
            update(session, "agent_thought_chunk", content={"type": "text", "text": f"thought {number} "})
        say(session, "done")
    elif MODE == "tool-started":
        params = {"sessionId": session, "toolCallId": "w", "tool": "writer", "input": {"path": "x"}}
        say(session, json.dumps(ask("_modelscan/tool_started", params)))
    elif MODE == "write-tool":
        update(session, "tool_call", toolCallId="w", title="Writing", kind="execute", status="in_progress")
        update(session, "tool_call_update", toolCallId="w", status="completed", rawOutput={"ok": True})
        say(session, "written")
    elif MODE == "stderr-flood":
        complain()
        say(session, "hello")
    elif MODE == "secret":
        say(session, hashlib.sha256(os.environb[b"SECRET"]).hexdigest())
    elif MODE != "silent":
        update(session, "tool_call", toolCallId="r", title="Looking", kind="read", status="in_progress")
        update(session, "tool_call_update", toolCallId="r", status="completed", meta={"progress": {"fraction": 0.5, "text": "half"}})
        say(session, "hello")
    send(id=request, result={"stopReason": stop})


def handle(message):
    method, number, params = message.get("method"), message.get("id"), message.get("params") or {}
    if method is None:
        with ANSWERED:
            ANSWERS[number] = message
            ANSWERED.notify_all()
    elif MODE == "never-initialize":
        pass
    elif method == "initialize":
        version = 2 if MODE == "wrong-version" else 1
        send(id=number, result={"protocolVersion": version, "agentInfo": {"name": "hostile", "version": MODE}})
    elif method == "session/new" and MODE == "refuse-session":
        send(id=number, error={"code": -32000, "message": "log in first"})
    elif method == "session/new":
        send(id=number, result={"sessionId": "only"})
    elif method == "session/prompt":
        threading.Thread(target=turn, args=(params["sessionId"], number), daemon=True).start()
    elif method == "session/cancel":
        if MODE != "ignore-cancel":
            CANCELLED.set()
    elif number is not None:
        send(id=number, error={"code": -32601, "message": f"no {method} here"})


def main():
    if MODE == "exit-at-once":
        print("no licence found", file=sys.stderr, flush=True)
        sys.exit(3)
    if MODE == "stderr-flood":
        complain()
    if MODE == "ignore-cancel":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if MODE == "banner":
        raw(b"Welcome to \x1b[1mHostile\x1b[0m 1.0\n")
    for line in sys.stdin.buffer:
        handle(json.loads(line))
    if MODE == "ignore-cancel":
        threading.Event().wait()


if __name__ == "__main__":
    main()
