# SPDX-License-Identifier: Apache-2.0
"""Checks a run of an `*_as_run` recipe against the formulas of the trainer that ran then (TRL 69ad852e).

    open_rs_as_run.py make DIR             a tiny random model with a tokenizer that adds a BOS, and problems
    open_rs_as_run.py check DIR [--bf16] [--ranks N]
                                           DIR/record and DIR/run, written by `open_rs train --record`, step for step:
                                           data order, both prompts, rewards, advantages, loss, KL, gradient norm, rate;
                                           with N ranks that train, that each had one group a micro-step

The model goes through the same updates here, in float64 by transformers and autograd, from the same start; nothing but
completions is taken from the recording. Tolerance 1e-5. Where log-probs are rounded to bf16 it is 1e-2, and each step begins
with the weights of the run's checkpoint: rounding makes two runs drift apart.

Needs torch, transformers and tokenizers (written with 2.11, 5.23 and 0.23).
"""
import argparse
import json
import math
import pathlib
import re

import torch
import transformers
from transformers.utils import logging
from safetensors.torch import load_file
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
ARITHMETIC = HERE.parent.parent / "examples/arithmetic/model"
GROUP, MICRO_BATCHES, STEPS, SEED = 6, 12, 20, 42
LIMIT, BETA, RATE, WARMUP, FLOOR = 24, 0.04, 1e-3, 2, 0.1
WEIGHTS = {"format": 1.0, "cosine": 2.0}
MAX_LEN = 60  # characters, of the cosine
SYSTEM = "Think."
BOS = "<|endoftext|>"


def make(folder):
    torch.manual_seed(1)
    config = transformers.Qwen2Config(
        vocab_size=264, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, rope_theta=10000.0, rms_norm_eps=1e-6, tie_word_embeddings=False, bos_token_id=256,
        eos_token_id=259)  # no pad token, whose embedding would get no gradient; the original's configuration has none either
    model = transformers.Qwen2ForCausalLM(config)
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() > 1:
                p.normal_(0, 0.3)
        model.model.embed_tokens.weight[:, 0] = 3  # an axis that every token shares, along which completions end
        model.lm_head.weight[259, 0] = 1.2
    model.save_pretrained(folder / "model")
    tokenizer = json.loads((ARITHMETIC / "tokenizer.json").read_text())
    bos = {"SpecialToken": {"id": BOS, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing", "single": [bos, text], "pair": [bos, text, bos, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {BOS: {"id": BOS, "ids": [256], "tokens": [BOS]}}}
    (folder / "model/tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "model/tokenizer_config.json").write_text(json.dumps({
        "bos_token": BOS, "eos_token": "<|end|>", "pad_token": BOS,
        "chat_template": "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<|user|>{{ m['content'] }}"
                         "{% else %}{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"}))
    # A gold without LaTeX cannot be read, and every completion to it gets 1.
    rows = [{"problem": f"{'What is ' * (i % 3)}{i}+{i}?", "solution": f"${2 * i}$" if i % 5 else "none"} for i in range(30)]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def format_reward(text):
    return 1.0 if text.count("\n</think>\n") == 1 else 0.0


def cosine_reward(text, gold):
    """The script's values: a short wrong answer is worth 0, a long one -0.5; characters, not clamped. A random model is
    taken to be wrong."""
    if not re.search(r"\$.*\$|\\boxed|\\\(|\\\[", gold):
        return 1.0
    return -0.25 + 0.25 * math.cos(math.pi * len(text) / MAX_LEN)


def advantages(rewards):
    groups = rewards.view(-1, GROUP)
    return ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)).view(-1)


def learning_rate(update):
    if update < WARMUP:
        return RATE * update / WARMUP
    cosine = 0.5 * (1 + math.cos(math.pi * (update - WARMUP) / (STEPS - WARMUP)))
    return RATE * ((1 - FLOOR) * cosine + FLOOR)


def log_probs(model, prompt, completion, bf16):
    """Of the completion's tokens at temperature 1; with bf16, of rounded logits and rounded again."""
    ids = torch.tensor([prompt + completion])
    logits = model(ids).logits[0, len(prompt) - 1:-1]
    if bf16:
        logits = logits.to(torch.bfloat16)
    return torch.log_softmax(logits, -1).gather(-1, torch.tensor(completion).unsqueeze(-1)).squeeze(-1)


def micro_batch(model, reference, sequences, advantage, bf16):
    """The loss of one rank's micro-step, and what the KL and the policy add to it."""
    per_token, kls, policy = [], [], []
    for sequence, a in zip(sequences, advantage):
        logp = log_probs(model, sequence["train_prompt_ids"], sequence["ids"], bf16)
        with torch.inference_mode():
            ref = log_probs(reference, sequence["train_prompt_ids"], sequence["ids"], bf16)
        ref = ref.clone()
        kl = torch.exp(ref - logp) - (ref - logp) - 1
        ratio = torch.exp(logp - logp.detach())
        a = a.reshape(1).to(torch.float32 if bf16 else torch.float64)  # a column, beside which bf16 is widened
        gain = -torch.min(ratio * a, torch.clamp(ratio, 0.8, 1.2) * a)
        per_token.append(gain + BETA * kl)
        kls.append(kl.detach().double())
        policy.append(gain.detach().double())
    tokens = sum(len(t) for t in per_token)
    return sum(t.double().sum() for t in per_token) / tokens, torch.cat(kls), torch.cat(policy)


class Checks:
    def __init__(self, tolerance):
        self.tolerance, self.worst = tolerance, {}

    def __call__(self, step, name, got, expected, scale=None):
        """Relative to the expected value, or to `scale` where that is larger."""
        error = abs(got - expected) / max(abs(expected), scale or 0, 1e-12)
        self.worst[name] = max(self.worst.get(name, 0), error)
        if not error <= self.tolerance:
            raise SystemExit(f"step {step}: {name} is {got!r}; expected {expected!r} (off by {error:.2g})")


def check(folder, bf16, ranks):
    logging.disable_progress_bar()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)  # tensors are small
    model, reference = (transformers.Qwen2ForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float64)
                        for _ in range(2))
    tokenizer = Tokenizer.from_file(str(folder / "model/tokenizer.json"))
    rows = [json.loads(line) for line in (folder / "problems.jsonl").read_text().splitlines()]
    metrics = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
    assert len(metrics) == STEPS, f"{len(metrics)} steps"
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    generator = torch.Generator().manual_seed(SEED)
    order = []
    while len(order) < STEPS * MICRO_BATCHES:  # incomplete last chunks are dropped
        epoch = torch.randperm(len(rows), generator=generator).tolist()
        order += epoch[:len(epoch) // MICRO_BATCHES * MICRO_BATCHES]
    exact, checks = Checks(1e-5), Checks(1e-2 if bf16 else 1e-5)
    ends = 0
    for step in range(1, STEPS + 1):
        lines = [json.loads(line) for line in (folder / f"record/step-{step:06d}.jsonl").read_text().splitlines()]
        got = metrics[step - 1]
        assert len(lines) == GROUP * MICRO_BATCHES
        if bf16 and step > 1:
            model.load_state_dict(load_file(folder / f"run/checkpoint-{step - 1}/model.safetensors"))
        totals = []
        by_place = {}
        for i, line in enumerate(lines):
            by_place.setdefault((line["rank"], line["micro_batch"]), []).append(i)
            row = rows[order[(step - 1) * MICRO_BATCHES + i // GROUP]]
            prompt = f"{BOS}{SYSTEM}<|user|>{row['problem']}<|assistant|><think>\n"
            once, twice = (tokenizer.encode(prompt, add_special_tokens=again).ids for again in (False, True))
            assert line["prompt_ids"] == twice and twice[:2] == [256, 256], f"step {step}: the sampler's prompt"
            assert line["train_prompt_ids"] == once[-LIMIT:], f"step {step}: the trainer's prompt"
            text = tokenizer.decode(line["ids"], skip_special_tokens=True)
            ends += line["ids"][-1] == 259
            rewards = {"format": format_reward(text), "cosine": cosine_reward(text, row["solution"])}
            for name, value in rewards.items():
                exact(step, f"reward {name}", line["rewards"][name], value, 1)
            totals.append(sum(WEIGHTS[name] * value for name, value in rewards.items()))
        totals = torch.tensor(totals)
        exact(step, "reward", got["reward"], totals.mean().item(), 1)
        advantage = advantages(totals)
        optimizer.zero_grad()
        losses, kls, policies = [], [], []
        # One group a rank and micro-step. Which rank has which group changes nothing: gradients are averaged over all.
        assert set(by_place) == {(rank, m) for rank in range(ranks) for m in range(MICRO_BATCHES // ranks)}
        for place, part in by_place.items():
            assert part == list(range(part[0], part[0] + GROUP)) and part[0] % GROUP == 0, f"step {step}: {place} has {part}"
            loss, kl, policy = micro_batch(model, reference, [lines[i] for i in part], advantage[part], bf16)
            (loss / MICRO_BATCHES).backward()
            losses.append(loss.item()), kls.append(kl), policies.append(policy.mean().item())
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        rate = learning_rate(step - 1)
        policy = sum(policies) / MICRO_BATCHES
        checks(step, "loss", got["loss"], sum(losses) / MICRO_BATCHES, 1)
        exact(step, "policy loss (advantages)", got["policy_loss"], policy, 1)
        checks(step, "KL in the loss", got["kl_loss"], BETA * sum(kl.mean().item() for kl in kls) / MICRO_BATCHES, 1e-2 if bf16 else 1e-3)
        checks(step, "KL", got["kl"], torch.cat(kls).mean().item(), 1e-2 if bf16 else 1e-3)
        checks(step, "gradient norm", got["grad_norm"], norm)
        exact(step, "learning rate", got["learning_rate"], rate, RATE)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    assert 0 < ends < STEPS * MICRO_BATCHES * GROUP, "either all completions end or none"
    for name, error in {**exact.worst, **checks.worst}.items():
        print(f"{name:28s} off by at most {error:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["make", "check"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--ranks", type=int, default=1)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    make(args.folder) if args.command == "make" else check(args.folder, args.bf16, args.ranks)
