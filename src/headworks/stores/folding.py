"""Folding the WAL into its file beside the writer, so that no commit waits for a disk to sync what is long durable.

A thread with a connection of its own that only ever checkpoints, passively: it neither blocks the writer nor is blocked.
Two connections that checkpoint are safe from SQLite 3.51.3 on, which `connect` insists on.
"""

from __future__ import annotations

import contextlib
import threading

import apsw


class Folder:
    """Folds one file's WAL when asked; a fold that fails is left to the writer, who finds out for sure.

    Measured at 64 calls at once on a busy two-core machine: half the slowest calls' time, twice the commits a second,
    against folding between batches.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._wanted = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="folder", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Fold soon; asking again meanwhile changes nothing."""
        self._wanted.set()

    def stop(self) -> None:
        """End the thread after the fold under way and close its connection."""
        self._is_stopping = True
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._is_stopping:
                break
            with contextlib.suppress(apsw.Error):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        with contextlib.suppress(apsw.Error):
            self._connection.close(True)
