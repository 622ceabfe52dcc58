"""What every vectorised view for Stable-Baselines3 says of its environments: they are rows of one batch."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["batch_view"]


@cache
def batch_view() -> Any:
    """Class of views whose environments share their attributes and have no methods of their own, made at its first use.

    Its base class comes with PyTorch, which is needed to train only.
    """
    from stable_baselines3.common.vec_env import VecEnv

    class BatchView(VecEnv):  # type: ignore[misc]  # Stable-Baselines3 is not type-checked
        """See `batch_view`."""

        def close(self) -> None:
            """Nothing is held."""

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(self, attr_name) for _ in self._get_indices(indices)]

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError("the environments of a batch share their attributes")

        def env_method(self, method_name: str, *arguments: Any, indices: Any = None, **keywords: Any) -> list[Any]:
            raise NotImplementedError("the environments of a batch have no methods of their own")

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False for _ in self._get_indices(indices)]

    return BatchView
