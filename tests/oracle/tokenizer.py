# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/tokenizer: three small tokenizers of the published kinds and what Hugging Face makes of texts.

    python tests/oracle/tokenizer.py tests/data/tokenizer
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CONTRACTIONS = r"'s|'t|'re|'ve|'m|'ll|'d"
GPT4 = (r"(?i:" + CONTRACTIONS + r")|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = GPT4.replace("DIGITS", "")
LLAMA3 = GPT4.replace("DIGITS", "{1,3}")

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the other foxes don't mind; they're used to it.",
    "Every morning Aya goes for a $9$-kilometer-long walk and stops at a coffee shop afterwards.",
    "Let $f(x) = \\frac{1}{2} + \\sqrt{x^2}$. Then the answer is \\boxed{204}.",
    "def reward(prompt, completion):\n    return 1.0 if completion == '42' else 0.0\n",
    "<think>\nWe need to find the number of ways. There are 12345 of them.\n</think>\n<answer>7</answer>\n",
    "Zażółć gęślą jaźń. Где находится библиотека? 数学の問題を解く。 القاهرة 안녕하세요 café naïve",
    "    indented\n\n\n\ttabs\t\tand   spaces   \r\nwindows\r\n\r\nlines",
] * 3

TEXTS = [
    "", " ", "a", "\n", "Hello world", "don't we'll THEY'RE I'M you'Ve 'sand 'LLama 'x'", "it'\u017f", "''ll", "1234567 89 x123",
    "\u0661\u0662\u0663\u0664 \u216b\u00b2\u00be", "a  b   c\t\td \n e\n\n  f  ", "  \n \r\n\t x", "trailing   ", "trailing \n ", "\u00a0\u00a0x\u3000y\u2028z",
    "!!!\n\n??? ...\r\n$%^ &*", " (x) [y] {z} <w>", "cafe\u0301 caf\u00e9 na\u00efve a\u0308\u0323 \u1e69 s\u0323\u0307 \u212b\u2126", "\u1100\u1161\u11a8 \uac01 \ud55c\uae00",
    "\u09c7\u09be \u0958 \u0344 \U0001d15e \ufb01 \uf900", "a\u0300\u0301\u0327b", "\u6570\u5b66\u306e\u554f\u984c\u3002\uff01 \u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f", "\U0002ebf0\U000105c0\U00010d40\U00013460", "\x00\x01\x7f\u0085\ufeff\ufffd\uffff",
    "<|im_start|>user\nhi<|im_end|>\n", "<|im_start|><|im_start|>", "<|im_start|", "x<think>y</think> z", "cafe\u0301", "xcaf\u00e9y",
    "a  <mask>  b", "a  <left>  b", "<left> <left>", "a\u3000<left>b", "a  <right> \n b", "<right>  <left>  x", "one word wordy sword word.", "word", "\u00e9word word\u00e9 word_ word-word",
    "a\u00a0\u00a0token", "to  the  <both>  end<both> ", "\u00e9t\u00e9 e\u0301te\u0301", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "thethethethethethethethethethethethethethethethethethethethethethethethethethethe", "quick brown foxes", " the", "the answer", "unreachableword",
    "<|begin_of_text|>the<|eot_id|>", "<|endoftext|>the<|endoftext|>",
] + CORPUS[:7]

# Characters that the patterns, the normaliser and the added tokens disagree about most.
ALPHABET = list("''''   \n\r\t\u00a0\u3000\u2028\u000b\u0085sStTrReEvVmMlLdDae\u00e9\u6f22\u5b57\u0661 1234\u00b2\u2167\u0301\u0323\u0308\u017f\u212a!.,-_$\\{}\u00df\U0001f600\u200d")
ALPHABET += ["'ll", "'RE", "  ", "\r\n", "the", "word", "<mask>", "<left>", "<right>", "<both>", "<think>", "<|im_start|>", "cafe\u0301", "\u1100\u1161", "\u0899"]


def random_text(rng, longest=16):
    def char():
        if rng.random() < 0.93:
            return rng.choice(ALPHABET)
        return chr(rng.choice([rng.randrange(1, 0xD800), rng.randrange(0xE000, 0x110000)]))

    return "".join(char() for _ in range(rng.randrange(1, longest)))


def trained(normalizer, pre_tokenizer, size):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def special(text):
    return AddedToken(text, special=True, normalized=False)


def plain(text, **flags):
    return AddedToken(text, **({"normalized": False} | flags))


def qwen2():
    """NFC, one digit a word, merges as pairs, every flag of added tokens."""
    tokenizer = trained(normalizers.NFC(), split(QWEN2), 400)
    tokenizer.add_tokens([
        special("<|endoftext|>"), special("<|im_start|>"), special("<|im_end|>"), plain("<think>"), plain("</think>"),
        plain("<left>", lstrip=True), plain("<right>", rstrip=True), plain("<both>", lstrip=True, rstrip=True),
        plain("word", single_word=True), plain("cafe\u0301", normalized=True), plain("e\u0301te\u0301"),
        AddedToken("<mask>", lstrip=True, special=True, normalized=True), plain("\u00e9")])
    config = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": {"content": "<|endoftext|>"},
              "add_bos_token": False}
    return json.loads(tokenizer.to_str()), config


def llama3():
    """No normaliser, ignore_merges, merges as strings, BOS by template."""
    spec = json.loads(trained(None, split(LLAMA3), 380).to_str())
    spec["model"]["vocab"]["unreachableword"] = len(spec["model"]["vocab"])
    spec["model"]["vocab"]["\u0120the\u0120"] = len(spec["model"]["vocab"])
    spec["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    tokenizer.add_tokens([special("<|begin_of_text|>"), special("<|eot_id|>")])
    bos = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
                                      special_tokens=[("<|begin_of_text|>", bos)])])
    spec = json.loads(tokenizer.to_str())
    spec["model"]["merges"] = [" ".join(pair) for pair in spec["model"]["merges"]]
    return spec, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}


def gpt2():
    """ByteLevel's own pattern; the end token stands in the vocabulary; the model does not name its type."""
    tokenizer = trained(None, pre_tokenizers.ByteLevel(add_prefix_space=False), 360)
    spec = json.loads(tokenizer.to_str())
    spec["model"]["vocab"]["<|endoftext|>"] = len(spec["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    spec = json.loads(tokenizer.to_str())
    del spec["model"]["type"]
    return spec, {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "add_bos_token": True}


KINDS = {"qwen2": qwen2, "llama3": llama3, "gpt2": gpt2}


def main(folder):
    rng = random.Random(3)
    texts = TEXTS + [random_text(rng) for _ in range(150)]
    for name, kind in KINDS.items():
        spec, config = kind()
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
        with open(os.path.join(folder, name, "tokenizer.json"), "w", encoding="utf-8") as out:
            out.write(text)
        with open(os.path.join(folder, name, "tokenizer_config.json"), "w", encoding="utf-8") as out:
            json.dump(config, out)
        tokenizer = Tokenizer.from_str(text)
        with open(os.path.join(folder, name, "encode.jsonl"), "w", encoding="utf-8") as out:
            for t in texts:
                out.write(json.dumps({"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids}) + "\n")
        with open(os.path.join(folder, name, "decode.jsonl"), "w", encoding="utf-8") as out:
            for _ in range(60):
                ids = [rng.randrange(tokenizer.get_vocab_size()) for _ in range(rng.randrange(8))]
                kept, skipped = (tokenizer.decode(ids, skip_special_tokens=s) for s in (False, True))
                out.write(json.dumps({"ids": ids, "text": kept, "text_without_special": skipped}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
