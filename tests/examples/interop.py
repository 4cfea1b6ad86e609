# SPDX-License-Identifier: Apache-2.0
"""What open_rs train writes, read by the programs it is written for: interop.py PROGRAM MODEL (needs torch, transformers, tensorboard).

transformers loads the exported model and a checkpoint, and computes the logits that open_rs logprobs does; TensorBoard's own loader reads
the event files of a run that was gone on with, and finds the numbers of metrics.jsonl.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import torch
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

program, model = map(os.path.abspath, sys.argv[1:])
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def open_rs(*arguments, text=""):
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout


with open("problems.jsonl", "w") as file:
    for i in range(24):
        file.write(json.dumps({"problem": f"{10 + i}+{11 + 3 * i}=", "answer": str(21 + 4 * i)}) + "\n")
train = ["train", "--model", model, "--data", "problems.jsonl", "--recipe", "exp3_tiny", "--set", "save_steps=2", "--set", "save_total_limit=0",
         "--set", "learning_rate=3e-4", "--set", "warmup_ratio=0", "--out", "run", "--resume", "auto"]
open_rs(*train, "--steps", "3")
open_rs(*train, "--steps", "6")

ids_before = None
for exported in ("run/final", "run/checkpoint-2"):
    tokenizer = AutoTokenizer.from_pretrained(exported)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "47+85="}], add_generation_prompt=True, tokenize=False)
    text = prompt + "<think>7+5=12,4+8+1=13</think><answer>132</answer>"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    ours = json.loads(open_rs("tokenize", "--model", exported, text=json.dumps({"text": text}) + "\n"))["ids"]
    assert ids == ours, (ids, ours)
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float64)(torch.tensor([ids])).logits[0]
    theirs = torch.log_softmax(logits, -1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    log_probs = json.loads(open_rs("logprobs", "--model", exported, text=json.dumps({"ids": ids}) + "\n"))["log_probs"]
    difference = ((theirs - torch.tensor(log_probs, dtype=torch.float64)).abs() / theirs.abs().clamp(min=1)).max().item()
    print(f"{exported}: largest relative difference {difference:.1e}")
    assert difference < 2e-5  # that of single precision, where logits are of size 20
    assert ids_before is None or (theirs - ids_before).abs().max() > 1e-3, "training changed nothing"
    ids_before = theirs

events = EventAccumulator("run", size_guidance={"scalars": 0})
events.Reload()
rows = [json.loads(line) for line in open("run/metrics.jsonl")]
assert [row["step"] for row in rows] == list(range(1, 7))
compared = 0
for name in {key for row in rows for key, value in row.items() if isinstance(value, (int, float)) and key != "step"}:
    wanted = [(row["step"], row[name]) for row in rows if name in row]
    got = [(event.step, event.value) for event in events.Scalars(name)]
    assert [step for step, _ in wanted] == [step for step, _ in got], (name, wanted, got)
    for (_, value), (_, read) in zip(wanted, got):
        assert abs(value - read) <= 1e-6 * max(1, abs(value)), (name, value, read)
        compared += 1
print(f"TensorBoard reads {compared} scalars as they stand in metrics.jsonl")
assert compared > 100
