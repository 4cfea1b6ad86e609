# SPDX-License-Identifier: Apache-2.0
"""Writes include/grove/text/unicode_ranges.hpp: how Hugging Face's `tokenizers` sees every code point.

Asked of the library itself (its regex engines and its normaliser each carry their own Unicode version), so that the
tokenizer does not depend on the Unicode version of the system's utf8proc.

    python tests/oracle/tokenizer_unicode.py > include/grove/text/unicode_ranges.hpp
"""
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

LETTER, NUMBER, SPACE, WORD, NFC_ACTIVE, NFC_FIRST = 1, 2, 4, 8, 16, 32
LAST = 0x10FFFF
points = [c for c in range(LAST + 1) if not 0xD800 <= c < 0xE000]
classes = [0] * (LAST + 1)


def mark_regex(pattern, bit):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    for c in points:
        if not split.pre_tokenize_str(chr(c)):
            classes[c] |= bit


def mark_word():
    """`\\w` of the engine behind `single_word`: a single-word token is not found when such a character follows."""
    tokenizer = Tokenizer(models.BPE(vocab={"?": 0}, merges=[], unk_token="?"))
    tokenizer.add_tokens([AddedToken("<x>", single_word=True, normalized=False)])
    token = tokenizer.token_to_id("<x>")
    for c in points:
        if token not in tokenizer.encode("<x>" + chr(c)).ids:
            classes[c] |= WORD


def mark_nfc():
    """ACTIVE: changes under NFC alone, is reordered, or may compose with what stands before it.
    FIRST: may compose, or have its parts recomposed, with marks that follow."""
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    for c in points:
        s = chr(c)
        if nfc(s) != s or nfc("a" + s + "\u0334") != "a" + s + "\u0334" or nfc("a\u0315" + s) != "a\u0315" + s:
            classes[c] |= NFC_ACTIVE
        decomposed = nfd(s)
        if decomposed != s:
            classes[c] |= NFC_FIRST
        if len(decomposed) > 1 and nfc(decomposed) == s:
            classes[ord(decomposed[-1])] |= NFC_ACTIVE
            first = nfc(decomposed[:-1])
            assert len(first) == 1
            classes[ord(first)] |= NFC_FIRST


mark_regex(r"\p{L}", LETTER)
mark_regex(r"\p{N}", NUMBER)
mark_regex(r"\s", SPACE)
mark_word()
mark_nfc()

starts = [c for c in range(LAST + 1) if c == 0 or classes[c] != classes[c - 1]]
cells = [f"0x{c:x}{classes[c]:02x}" for c in starts]
print(f"""// SPDX-License-Identifier: Apache-2.0
// Written by tests/oracle/tokenizer_unicode.py from tokenizers {tokenizers.__version__}. Do not edit.
#pragma once

#include <cstdint>

namespace grove::text::detail {{

/// Each cell is `first << 8 | classes`: the classes (bits of CharClass) hold from `first` to before the next cell's.
// clang-format off
inline constexpr std::uint32_t unicode_ranges[] = {{""")
line = "   "
for cell in cells:
    if len(line) + len(cell) + 2 > 118:
        print(line)
        line = "   "
    line += f" {cell},"
print(line)
print("""};
// clang-format on

}  // namespace grove::text::detail""")
