"""CERL and its rivals on P1: value networks over the graph of nodes and layers, evolved or trained by gradients.

Source: "CERL: Evolutionary Reinforcement Learning for Partitioned Collaborative Inference on On-Device Models".
"""

__all__: list[str] = []
