# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/reward/rewards.json: scores of random completions under every rule-based reward.

Formulas are written out here from the papers and from the documented patterns, with Python's own re, str and
unicodedata; think_format, soft_overlong_punishment and the repetition penalty over tokens are TRL's functions.
Needs trl (written with 1.16). Run from the repository root, no arguments.
"""
import json
import math
import random
import re
import unicodedata

from trl.rewards import get_repetition_penalty_reward, get_soft_overlong_punishment, think_format_reward

PIECES = ["<think>", "</think>", "<think>\n", "\n</think>\n", "<answer>", "</answer>", "\n<answer>\n", "\n</answer>",
          "\n</think>\n<answer>\n", "```python\n", "```", "```js", "\n", "\n\n", "Step 1:", "Step 22: ", "Step :",
          "First,", "Second,", "Next,", "Finally,", "1. ", "12. ", "\n- ", "\n* ", "- ", "* ", "the cat", " The Cat ",
          "sat", " on ", "the mat ", " ", "\t", "\u00a0", "\u3000", "x^2", "42", "\\boxed{7}", "na\u00efve ",
          "\u0441\u043b\u043e\u0432\u043e", "\u4f60\u597d", "\u3053\u3093", "\u03b1", "\u03b1\u03b2", "\ud55c\uad6d ",
          "\u0645\u0631\u062d", "\U0001f600", "\u0939\u093f", "a b c "]

SCRIPTS = {"LATIN": "Latin", "GREEK": "Greek", "CYRILLIC": "Cyrillic", "HEBREW": "Hebrew", "ARABIC": "Arabic",
           "DEVANAGARI": "Devanagari", "THAI": "Thai", "HANGUL": "Hangul", "HIRAGANA": "Kana", "KATAKANA": "Kana",
           "CJK": "Han"}


def tag_count(text, tags):
    return sum(text.count(tag) == 1 for tag in tags) / len(tags)


def reasoning_steps(text):
    found = re.findall(r"(Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)", text)
    return min(1.0, len(found) / 3)


def repetition(text, n, penalty):
    words = text.lower().split()
    grams = [tuple(words[i:i + n]) for i in range(len(words) - n + 1)]
    return (1 - len(set(grams)) / len(grams)) * penalty if grams else 0.0


def code_format(text):
    pattern = r"^<think>\n.*?\n</think>\n<answer>\n.*?```python.*?```.*?\n</answer>$"
    return 1.0 if re.match(pattern, text, re.DOTALL | re.MULTILINE) else 0.0


def script(character):
    if unicodedata.category(character)[0] not in "LM":
        return None
    return SCRIPTS.get(unicodedata.name(character, "").split()[0], "Other")


def language(text, target):
    words, previous = [], None
    for character in text:
        now = script(character)
        if now is not None:
            if now == previous and now not in ("Han", "Kana"):
                words[-1][1] += 1
            else:
                words.append([now, 1])
        previous = now
    words = [w for w in words if not (w[0] == "Greek" and target != "Greek" and w[1] == 1)]
    good = sum(w[0] == target or (target == "Kana" and w[0] == "Han") for w in words)
    return good / len(words) if words else 1.0


def cosine(length, right, max_length, values, clamped):
    wrong_short, wrong_long, right_short, right_long = values
    progress = length / max_length
    if clamped:
        progress = min(1.0, progress)
    short, full = (right_short, right_long) if right else (wrong_short, wrong_long)
    return full + 0.5 * (short - full) * (1 + math.cos(math.pi * progress))


def kimi(lengths, right):
    shortest, longest = min(lengths), max(lengths)
    if shortest == longest:
        return [0.0] * len(lengths)
    scores = [0.5 - (n - shortest) / (longest - shortest) for n in lengths]
    return [s if r else min(0.0, s) for s, r in zip(scores, right)]


def case(text, tokens):
    message = [[{"content": text}]]
    return {
        "text": text, "tokens": tokens, "characters": len(text),
        "tag_count": tag_count(text, ["<think>\n", "\n</think>\n"]),
        "tag_count_open_r1": tag_count(text, ["<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"]),
        "reasoning_steps": reasoning_steps(text),
        "repetition_3": repetition(text, 3, -1.0),
        "repetition_2_half": repetition(text, 2, -0.5),
        "repetition_tokens_2": get_repetition_penalty_reward(ngram_size=2, max_penalty=-1.0)([tokens])[0],
        "code_format": code_format(text),
        "think_format": think_format_reward(message)[0],
        "soft_overlong": get_soft_overlong_punishment(max_completion_len=12, soft_punish_cache=5)([tokens])[0],
        "latin": language(text, "Latin"), "kana": language(text, "Kana"), "greek": language(text, "Greek"),
        "cosine": {f"{int(right)}{int(clamped)}": cosine(len(text), right, 40, (-0.5, 0.0, 1.0, 0.5), clamped)
                   for right in (False, True) for clamped in (False, True)},
    }


def form(random_):
    """Texts that come near to the code format."""
    parts = ["<think>\n", "why", "\n</think>\n<answer>\n", "so", "```python", "\nx = 1\n", "```", "", "\n</answer>", ""]
    for _ in range(random_.choice((0, 1, 1, 2))):
        parts[random_.randrange(len(parts))] = random_.choice(["", "\n", "```", "</answer>", "\n</answer>", "x", "<think>\n"])
    return "".join(parts)


if __name__ == "__main__":
    generator = random.Random(7)
    cases = []
    for i in range(400):
        pieces = generator.choices(PIECES, k=generator.randrange(0, 14))
        text = form(generator) if i % 4 == 0 else "".join(pieces)
        if i % 4 == 2:
            text = "".join(generator.choices(["the cat ", "The Cat\u3000", "sat ", "on\u00a0", "\u0441 ", "the\n"],
                                             k=generator.randrange(0, 20)))
        if i % 8 == 3:
            text = "<think>" + text
        cases.append(case(text, [generator.randrange(5) for _ in range(generator.randrange(0, 18))]))
    groups = []
    for _ in range(40):
        n = generator.randrange(1, 9)
        lengths = [generator.choice((3, 7, 7, generator.randrange(1, 60))) for _ in range(n)]
        right = [generator.random() < 0.5 for _ in range(n)]
        groups.append({"lengths": lengths, "right": right, "scores": kimi(lengths, right)})
    with open("tests/data/reward/rewards.json", "w") as file:
        json.dump({"cases": cases, "groups": groups}, file, separators=(",", ":"))
        file.write("\n")
