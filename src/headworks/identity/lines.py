"""Lines of keys: each rotation goes on with the same owner under another id."""

from headworks.identity.rows import KeyStore

LONGEST_LINE = 10_000


class KeyLines:
    """Finds the first key of a line of rotations.

    Bounded: the newest lookups are remembered, for a key's predecessor never changes.
    Cost: a read of the store for each rotation, once a key. Safe under: one thread.
    """

    def __init__(self, store: KeyStore, most_known: int = 4096) -> None:
        self._store = store
        self._most_known = most_known
        self._known: dict[str, str] = {}

    def first(self, key_id: str) -> str:
        """The id of the first key of the line that this one stands in.

        Raises: RecordUnavailable (503).
        """
        known = self._known.get(key_id)
        if known is not None:
            return known
        first = key_id
        for _ in range(LONGEST_LINE):
            row = self._store.find(first)
            if row is None or row.predecessor is None:
                break
            first = row.predecessor
        if len(self._known) >= self._most_known:
            self._known.clear()
        self._known[key_id] = first
        return first
