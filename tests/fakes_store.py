"""A store without a writer thread, for what is kept in tables of its own."""

import apsw

from headworks.pending import Pending


class OneConnection:
    """A file written at once, on the thread that asks."""

    def __init__(self):
        self.connection = apsw.Connection(":memory:")

    def read(self, sql, args=()):
        return list(self.connection.execute(sql, args))

    def write(self, job):
        pending = Pending()
        with self.connection:
            pending.resolve(job(self.connection))
        return pending

    def write_now(self, job):
        return self.write(job).result()
