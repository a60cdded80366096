"""What the command line prints: for people, or one JSON document for programs."""

import sys
from collections.abc import Callable, Iterable, Sequence

import msgspec

from headworks.errors import HeadworksError


class Output:
    """Prints results on standard output, refusals on standard error."""

    def __init__(self, is_json: bool) -> None:
        self.is_json = is_json

    def show(self, value: object, as_text: Callable[[], str]) -> None:
        """Print a result: as JSON, or as the text a person reads."""
        if self.is_json:
            sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
            sys.stdout.flush()
        else:
            print(as_text())

    def refuse(self, error: HeadworksError) -> None:
        """Print why a command was refused and what to do."""
        if self.is_json:
            errors = [{"pointer": field.pointer, "message": field.message} for field in error.errors]
            document = {"error": error.detail, "code": error.code, "errors": errors}
            sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
            sys.stdout.flush()
            return
        told = {field.message for field in error.errors}
        print(f"headworks: {error.detail}", file=sys.stderr)
        for field in error.errors:
            if field.message in told and field.message not in error.detail:
                print(f"  {field.pointer}: {field.message}", file=sys.stderr)


def counted(count: int, thing: str) -> str:
    """So many of a thing, in words: `1 version`, `2 versions`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns of text, as wide as their widest cell."""
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
