# SPDX-License-Identifier: Apache-2.0
"""open_rs generate --chat in a terminal of its own and with lines from a pipe: chat.py PROGRAM MODEL"""
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

program, model = sys.argv[1:3]
words = [program, "generate", "--chat", "--model", model, "--temperature", "0", "--max-tokens", "48"]


def completion(messages):
    """What generate answers to the whole conversation."""
    line = json.dumps({"messages": messages}) + "\n"
    plain = [word for word in words if word != "--chat"]
    out = subprocess.run(plain, input=line.encode(), stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)["text"]


def check(holds, what):
    if not holds:
        sys.exit("FAILED: " + what)


first = completion([{"role": "user", "content": "12+3="}])
talk = [{"role": "user", "content": "12+3="}, {"role": "assistant", "content": first}, {"role": "user", "content": "4+5="}]
second = completion(talk)

# Through a pipe: answers only, history kept, /new forgets it.
piped = subprocess.run(words, input=b"12+3=\n4+5=\n\n/new\n12+3=", stdout=subprocess.PIPE, check=True).stdout.decode()
check(piped == first + "\n" + second + "\n" + first + "\n", f"piped answers: {piped!r}")
bad = subprocess.run(words, input=b"\xff\xfe\n/new\n12+3=\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
check(bad.returncode == 0 and bad.stdout.decode().endswith(first + "\n"), f"a line that is no UTF-8: {bad}")
for options, message in ((["-n", "2"], "several answers"),):
    refused = subprocess.run(words + options, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    check(refused.returncode == 2 and message in refused.stderr.decode(), message)


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(program, command)
        self.text = b""

    def until(self, wanted, seconds=60):
        end = time.time() + seconds
        while wanted not in self.text:
            check(time.time() < end, f"no {wanted!r} in {self.text!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.fd, 4096)
                except OSError:
                    check(wanted in self.text, f"the program ended after {self.text!r}")
        before, self.text = self.text.split(wanted, 1)
        return before.decode()

    def type(self, text):
        os.write(self.fd, text.encode())


shown = first.replace("\n", "\r\n")
terminal = Terminal(words)
terminal.until(b"> ")
terminal.type("12+3=\n")
check(shown in terminal.until(b"> "), "the answer in a terminal")
# Ctrl-C in a line drops the line, not the program.
terminal.type("half a line\x03")
terminal.until(b"> ")
terminal.type("\n")
terminal.until(b"> ")
terminal.type("/new\n")
terminal.until(b"> ")
terminal.type("12+3=\n")
check(shown in terminal.until(b"> "), "the answer after Ctrl-C")
terminal.type("\x04")
check(os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 0, "Ctrl-D ends with exit code 0")

# Ctrl-C in an answer ends the answer alone. A model of zeros always says token 0, so that its answer lasts.
with tempfile.TemporaryDirectory() as folder:
    slow = os.path.join(folder, "model")
    shutil.copytree(model, slow)
    with open(os.path.join(slow, "config.json")) as file:
        config = json.load(file)
    config["max_position_embeddings"] = 1000000
    with open(os.path.join(slow, "config.json"), "w") as file:
        json.dump(config, file)
    with open(os.path.join(slow, "model.safetensors"), "r+b") as file:
        header = 8 + int.from_bytes(file.read(8), "little")
        size = file.seek(0, os.SEEK_END)
        file.seek(header)
        file.write(bytes(size - header))
    command = [slow if word == model else word for word in words]
    command[command.index("48")] = "900000"
    terminal = Terminal(command)
    terminal.until(b"> ")
    for _ in range(2):
        terminal.type("1+1=\n")
        terminal.until(b"1+1=\r\n")
        time.sleep(0.3)
        os.kill(terminal.pid, signal.SIGINT)
        terminal.until(b"[stopped]", 20)
        terminal.until(b"> ")
    terminal.type("/exit\n")
    check(os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 0, "/exit after Ctrl-C ends with exit code 0")
