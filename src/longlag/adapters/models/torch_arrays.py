"""The tensors of a PyTorch module as arrays."""

from __future__ import annotations

import numpy as np
import torch  # pyright: ignore[reportMissingImports]


def arrays_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """All tensors of a module, by name; bfloat16, which NumPy lacks, as float32.

    Raises:
        ValueError: Its state has other things than tensors of numbers.
    """
    state = module.state_dict()
    for name, each in state.items():
        if not isinstance(each, torch.Tensor) or each.is_quantized:
            raise ValueError(
                f"its state has {name}, which is no tensor of numbers, as in a quantized module. "
                "Return the module before it is quantized: what is quantized cannot be trained."
            )
    return {
        name: (each.float() if each.dtype == torch.bfloat16 else each).detach().cpu().numpy()
        for name, each in state.items()
    }
