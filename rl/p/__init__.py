"""The family of HC-MAPPO-L on P: one file per layer of the hierarchy, one for the loop that trains them, one for what runs.

Source: "Safe Multi-Agent Deep Reinforcement Learning for Privacy-Aware Edge-Device Collaborative DNN Inference".
"""

__all__: list[str] = []
