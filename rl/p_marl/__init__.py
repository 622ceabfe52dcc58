"""The family of FOCI on P-MARL: what a device sees, its networks, the loop that trains them, and what runs.

Source: Zhou and Zhang, "Fairness-Oracular MARL with Competitor-Aware Signals for Collaborative Inference" (2025).
"""

__all__: list[str] = []
