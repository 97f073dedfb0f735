"""Names of kernels as people read them: what a template was made for, and the arguments, are left out."""

from __future__ import annotations

import re

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
    text = name.replace("(anonymous namespace)::", "").replace("->", "")
    text = _LAMBDA.sub("", text)
    while (shorter := _INNERMOST.sub("", text)) != text:
        text = shorter
    text = _RETURNS.sub("", text).split("(")[0].split("<")[0].strip().removesuffix(" const")
    return text.rsplit(" ", 1)[-1] or name


def is_compilers_triton(name: str) -> bool:
    """Whether a kernel's name is one that torch.compile gives to the Triton kernels that it writes."""
    return bool(_TRITON.match(name))
