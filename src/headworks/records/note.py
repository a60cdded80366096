"""Signed checkpoints of the tree, as text that foreign tools can check.

Source: C2SP signed-note v1 (Ed25519, algorithm 0x01) and C2SP tlog-checkpoint v1.
"""

from __future__ import annotations

import base64
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

_ED25519 = b"\x01"
_DASH = "\u2014 "
MOST_NOTE_CHARS = 16384


class Checkpoint(Struct, frozen=True):
    """What one signed note says: the log named `origin` had `size` records under `root`."""

    origin: str
    size: int
    root: bytes


class Signer:
    """Signs in the name of one log.

    Cost: about 70 µs a signature.
    """

    def __init__(self, origin: str, seed: bytes) -> None:
        self.origin = origin
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(origin, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Name the log only; the key shows nowhere."""
        return f"Signer({self.origin!r})"

    def sign(self, message: bytes) -> bytes:
        """The bare signature over a message."""
        return self._key.sign(message)

    def note(self, size: int, root: bytes) -> str:
        """The signed checkpoint of a tree."""
        body = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(self.verifier.key_hash + self._key.sign(body.encode())).decode()
        return f"{body}\n{_DASH}{self.origin} {signature}\n"


class Verifier:
    """Checks what a log signed, from its public key alone."""

    def __init__(self, origin: str, public: bytes) -> None:
        self.origin = origin
        self._public = public
        self._key = Ed25519PublicKey.from_public_bytes(public)
        self.key_hash = sha256(origin.encode() + b"\n" + _ED25519 + public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """The verifier that `text` gave.

        Raises: ValueError.
        """
        origin, key_hash, encoded = text.strip().split("+", 2)
        key = base64.b64decode(encoded, validate=True)
        if key[:1] != _ED25519 or len(key) != 33:
            raise ValueError("not an Ed25519 verifier key")
        verifier = cls(origin, key[1:])
        if verifier.key_hash.hex() != key_hash:
            raise ValueError("the verifier key does not belong to its name")
        return verifier

    def text(self) -> str:
        """The verifier key as other tools take it: name+hash+key."""
        return f"{self.origin}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self._public).decode()}"

    def is_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the log signed this message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this log signed; other signatures beside ours are passed over.

        Raises: ValueError when the note is malformed, of another log or not signed by this one.
        """
        head, separator, tail = note.partition("\n\n")
        lines = head.split("\n")
        if len(note) > MOST_NOTE_CHARS or not separator or len(lines) < 3 or not lines[1].isdecimal():
            raise ValueError("not a checkpoint")
        if lines[0] != self.origin:
            raise ValueError(f"a checkpoint of another log: {lines[0][:80]}")
        root = base64.b64decode(lines[2], validate=True)
        if len(root) != 32 or not any(self._is_ours(line, f"{head}\n".encode()) for line in tail.splitlines()):
            raise ValueError("the checkpoint is not signed by this log")
        return Checkpoint(lines[0], int(lines[1]), root)

    def _is_ours(self, line: str, body: bytes) -> bool:
        if not line.startswith(f"{_DASH}{self.origin} "):
            return False
        try:
            signature = base64.b64decode(line.rpartition(" ")[2], validate=True)
        except ValueError:
            return False
        return signature[:4] == self.key_hash and self.is_signed(body, signature[4:])
