"""The reply that both versions of sentiment give."""

from collections.abc import Mapping

from headworks import tasks


def best_first(shares: Mapping[str, float], call: tasks.text_classification.Request) -> tasks.text_classification.Reply:
    """The labels in falling order of their share, as many as the caller asked for."""
    top_k = call.parameters.top_k if call.parameters else None
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return [tasks.text_classification.Label(label=label, score=share) for label, share in ranked[:top_k]]
