"""Names of kernels as people read them: what a template was made for, and the arguments, are left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

#: Brackets of each kind are taken out from the innermost outwards, so that no pattern has to count.
_INNERMOST = re.compile(r"<[^<>()]*>|\((?!anonymous namespace\))[^<>()]*\)")
_LAMBDA = re.compile(r"\{lambda[^{}]*\}(#\d+)?|\{unnamed[^{}]*\}(#\d+)?")
_RETURNS = re.compile(r"^(?:void|static|inline)\s+")
_TRITON = re.compile(r"^triton_(?:poi|per|red|for|mm|tem)_")
#: A name is not taken apart beyond this length: a hostile one could have a bracket a character.
_LONGEST = 20_000


def short_name(name: str) -> str:
    """A kernel's name without return type, template arguments, arguments and anonymous namespaces.

    >>> short_name("void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float, false>(int, float)")
    'at::native::vectorized_layer_norm_kernel'
    """
    if len(name) > _LONGEST or not any(bracket in name for bracket in "<(") or "operator" in name.partition("<")[0]:
        return _RETURNS.sub("", name) or name
    return _without_brackets(name)


@lru_cache(maxsize=1_000)
def _without_brackets(name: str) -> str:
    """The same of a name with brackets, which several tables of one trace show."""
    text = name.replace("(anonymous namespace)::", "").replace("->", "")
    text = _LAMBDA.sub("", text)
    while (shorter := _INNERMOST.sub("", text)) != text:
        text = shorter
    text = _RETURNS.sub("", text).split("(")[0].split("<")[0].strip().removesuffix(" const")
    return text.rsplit(" ", 1)[-1] or name


def is_compilers_triton(name: str) -> bool:
    """Whether a kernel's name is one that torch.compile gives to the Triton kernels that it writes."""
    return bool(_TRITON.match(name))


#: Words of a name that are looked at, of how many characters, to tell it from others; and how many of them are shown.
_WORD = re.compile(r"\w+")
_TELLS_LITTLE = frozenset(
    [
        "anonymous",
        "array",
        "at",
        "bool",
        "c10",
        "char",
        "const",
        "detail",
        "double",
        "float",
        "func_wrapper_t",
        "int",
        "lambda",
        "long",
        "namespace",
        "native",
        "operator",
        "std",
        "unsigned",
        "ReduceOp",
        "TensorIterator",
        "TensorIteratorBase",
        "Scalar",
    ]
)
_LOOKED_AT, _MOST_WORDS, _LONGEST_WORD = 4_000, 3, 28


def told_apart(names: Sequence[str]) -> list[str]:
    """Short names of some kernels, each only once: those that would be the same have what they differ in behind them.

    >>> told_apart(["void at::reduce<512, Sum<float>>(int)", "void at::reduce<512, Mean<float>>(int)", "void fill<int>()"])
    ['reduce [Sum]', 'reduce [Mean]', 'fill']
    """
    labels = [short_name(name) for name in names]
    alike: dict[str, list[int]] = {}
    for at, label in enumerate(labels):
        alike.setdefault(label, []).append(at)
    for label, group in alike.items():
        if len(group) > 1:
            base = label.rsplit("::", 1)[-1]
            for at, differs in zip(group, _differences([names[at] for at in group]), strict=True):
                labels[at] = f"{base} [{differs}]" if differs else base
    met: Counter[str] = Counter()
    taken: set[str] = set()
    for at, label in enumerate(labels):
        while labels[at] in taken:  # words don't tell these: numbers do
            met[label] += 1
            labels[at] = f"{label} ({met[label] + 1})"
        taken.add(labels[at])
    return labels


def _differences(names: list[str]) -> list[str]:
    """For each of some names the words that fewest others have, as many as it takes."""
    words = [list(dict.fromkeys(_WORD.findall(name[:_LOOKED_AT]))) for name in names]
    often = Counter(word for each in words for word in each)
    found = []
    for each in words:
        places = {word: at for at, word in enumerate(each)}
        rare = sorted(
            (word for word in each if often[word] < len(names)),
            key=lambda word: (often[word], word in _TELLS_LITTLE, word[0].isdigit(), places[word]),
        )
        most = 1 if rare and often[rare[0]] == 1 else _MOST_WORDS
        found.append(", ".join(word[:_LONGEST_WORD] for word in rare[:most]))
    return found
