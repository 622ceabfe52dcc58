"""The CPO-MADDPG family on CMG: devices that learn what to film, compute and offload, under an energy limit.

Source: Chen et al., "CPO-MADDPG", Computer Networks 280 (2026) 112164, section 4.
"""

__all__: list[str] = []
