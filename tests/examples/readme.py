# SPDX-License-Identifier: Apache-2.0
"""Reads open_rs's README as a new user does: readme.py PROGRAM MODEL README...

Each command of its code blocks may name only options that `--help` lists and keys that recipes have. Commands that need nothing but
the small model, or the stand-ins below for data that one has to download, are run in their order, and where the README shows lines of
JSON they are the program's.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

program, model = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
readmes = [pathlib.Path(argument).resolve() for argument in sys.argv[3:]]
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
faults = []
variables = {}  # that the README sets

# What shows JSON lines that do not depend on the machine beyond rounding.
SHOWN = {"tokenize", "detokenize", "logprobs", "score"}


def code_blocks(text):
    """Lines of indented and of fenced blocks."""
    block, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            line = ""
        elif not fenced:
            line = line[4:] if line.startswith("    ") else None if line else ""
        if line is None:
            if any(block):
                yield block
            block = []
        else:
            block.append(line)
    if any(block):
        yield block


def commands(block):
    """(command, lines that follow as its output); a command goes on behind a backslash or a pipe."""
    found, prompts = [], any(line.startswith("$ ") for line in block)
    lines = iter(block)
    for line in lines:
        starts = line.startswith("$ ") if prompts else bool(line)
        if not starts:
            if found:
                found[-1][1].append(line)
            continue
        command = line.removeprefix("$ ")
        while command.rstrip().endswith(("\\", "|")):
            command = command.rstrip().removesuffix("\\") + " " + next(lines).strip()
        found.append((command.replace("./examples/run open_rs", "open_rs"), []))
    return found


def calls(command):
    """The words of each call of open_rs in a shell command."""
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    call = None
    for word in words:
        if word == "open_rs" and call is None:
            call = []
        elif call is not None and set(word) <= set("|<>;&()"):
            yield call
            call = None
        elif call is not None and word != "...":
            call.append(word)
    if call is not None:
        yield call


def answer(*arguments, text=""):
    return subprocess.run([program, *arguments], input=text, capture_output=True, text=True, timeout=120)


helps = {}


def options_of(subcommand):
    if subcommand not in helps:
        text = answer(subcommand, "--help").stdout.split("\nKeys of")[0]
        helps[subcommand] = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
    return helps[subcommand]


def check(call):
    if not call or call[0].startswith("-"):
        return
    for word in call[1:]:
        if re.fullmatch(r"--?[A-Za-z][\w-]*(=.*)?", word) and word.split("=")[0] not in options_of(call[0]):
            faults.append(f"open_rs {call[0]} has no option {word}: {shlex.join(call)}")
    if call[0] in ("train", "recipe") and "--dry-run" not in call:
        result = answer(*call, *(["--print-recipe"] if call[0] == "train" else []))
        if result.returncode != 0:
            faults.append(f"{shlex.join(call)}: {result.stderr.strip()}")


def same(shown, got):
    if isinstance(shown, float) or isinstance(got, float):
        return abs(shown - got) <= 1e-3 * max(1, abs(shown))
    if isinstance(shown, list):
        return isinstance(got, list) and len(shown) == len(got) and all(map(same, shown, got))
    if isinstance(shown, dict):
        return isinstance(got, dict) and shown.keys() == got.keys() and all(same(shown[k], got[k]) for k in shown)
    return shown == got


def run(command, shown):
    result = subprocess.run(["bash", "-c", 'open_rs() { "$program" "$@"; }\n' + command], capture_output=True, text=True, timeout=300,
                            env={**os.environ, **variables, "program": program, "M": model})
    is_refused = any("expected" in line and line.startswith("open_rs: ") for line in shown)
    if result.returncode != (2 if is_refused else 0):
        return faults.append(f"exit code {result.returncode}: {command}\n{result.stderr}")
    json_shown = [line for line in shown if line.startswith("{") and "..." not in line]
    if json_shown and next(calls(command), [""])[0] in SHOWN:
        got = [json.loads(line) for line in result.stdout.splitlines()]
        if not same([json.loads(line) for line in json_shown], got):
            faults.append(f"prints otherwise than shown: {command}\n{result.stdout}")


def stand_ins():
    """Small things under the names of those that one downloads or makes first."""
    def lines(name, rows):
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    sums = [{"id": f"{a}", "problem": f"What is {a} and {a + 3} together, as number {i}?", "answer": str(2 * a + 3),
             "solution": f"It is $\\boxed{{{2 * a + 3}}}$."} for i, a in enumerate(range(11, 41))]
    for name in ("aime24", "amc23", "math500", "s1", "data/open-rs/train"):
        lines(f"{name}.jsonl", [{**row, "id": f"{name}-{row['id']}"} for row in sums[:3 if name in ("aime24", "amc23") else 30]])
    for name in ("aime24", "amc23", "math500", "minerva", "olympiadbench"):  # as the hub's tool leaves them
        lines(f"data/{name}/test.jsonl", [{**row, "id": f"{name}-{row['id']}"} for row in sums[:3]])
    lines("theirs.jsonl", [{"id": f"aime24-{row['id']}", "completion": row["solution"]} for row in sums[:3]])
    lines("small-model.jsonl", [{"id": f"s1-{row['id']}", "completion": row["solution" if i % 2 else "problem"]} for i, row in enumerate(sums)])
    lines("judge.jsonl", [{"id": f"s1-{row['id']}", "completion": "yes"} for row in sums])
    longer = pathlib.Path("models/r1-1.5b")  # the original's task prompt has more bytes than the small model's context
    shutil.copytree(model, longer)
    config = json.loads((longer / "config.json").read_text())
    (longer / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 450}))
    for name in ("models/open-rs3", "models/judge"):
        pathlib.Path(name).symlink_to(longer.resolve())
    lines("tiny.jsonl", [{"problem": f"{a}+{a + 3}=", "answer": str(2 * a + 3)} for a in range(11, 41)])
    result = answer("train", "--model", str(longer), "--data", "tiny.jsonl", "--recipe", "exp3_tiny", "--steps", "2", "--out", "runs/exp3",
                    "--record", "runs/exp3/record")
    if result.returncode != 0:
        sys.exit(result.stderr)
    pathlib.Path("runs/exp3/checkpoint-50").symlink_to("final")
    shutil.copytree("runs/exp3", "runs/tiny", symlinks=True)


def is_runnable(command):
    """Training of the real model is not, nor what stands for more, nor the tiny recipe whole, which another test trains."""
    words = list(calls(command))
    if not words and command.startswith(("seq ", "head ", "tail ")):
        return True
    if not words or any(not call for call in words) or re.search(r"(^|\s)\.\.\.(\s|$)", command):
        return False
    call = words[0]
    return "--chat" not in call and "DIR" not in call and (call[0] != "train" or ("$M" in call and "exp3_tiny" not in call) or "--dry-run" in call or "--print-recipe" in call)


stand_ins()
text = "".join(path.read_text() for path in readmes)
count = ran = 0
for block in code_blocks(text):
    for command, shown in commands(block):
        if made := re.fullmatch(r"cat (\S+)", command):
            pathlib.Path(made[1]).write_text("".join(line + "\n" for line in shown if line))
            continue
        if given := re.fullmatch(r'(\w+)="?([^"]*)"?', command):
            variables[given[1]] = given[2]
        for call in calls(command):
            count += 1
            check(call)
        if is_runnable(command):
            ran += 1
            run(command, shown)
known = set().union(*(options_of(name) for name in ("train", "evaluate", "generate", "score", "plan", "report", "curate", "tokenize",
                                                  "detokenize", "logprobs", "recipe", "verify", "objective")))
for option in set(re.findall(r"`(--[a-z][\w-]*)", text)) - known - {"--version", "--local-dir"}:
    faults.append(f"no command has the option {option}")
keys = set(json.loads(answer("recipe", "--recipe", "exp3", "--json").stdout))
table = text.split("| | keys |")[1].split("\n\n")[0] if "| | keys |" in text else sys.exit("the README has no table of keys")
for row in table.splitlines()[2:]:
    for key in re.findall(r"`([a-z_.0-9]+\*?)`(?! \()", re.sub(r"\([^)]*\)", "", row)):
        if key not in keys and not (key.endswith("*") and any(one.startswith(key[:-1]) for one in keys)):
            faults.append(f"there is no key {key}")
if count < 20 or ran < 15:
    faults.append(f"found only {count} calls and ran {ran}: the README is not read as it should be")
print(f"{count} calls, {ran} commands run")
for fault in faults:
    print("FAULT:", fault)
sys.exit(bool(faults))
