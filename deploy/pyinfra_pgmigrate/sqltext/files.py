"""The text of a file that somebody wrote, or why it cannot be read. Pure: no I/O but the files."""

from __future__ import annotations

from pathlib import Path

from ..errors import Kind, PgMigrateError


def read_text(path: Path, *, kind: Kind = Kind.FILE) -> str:
    """Returns the text of a file of the SQL folder, without the mark that some editors begin UTF-8 files with.

    + kind: of the refusal
    Raises PgMigrateError where it cannot be read or is no UTF-8 text.
    """
    try:
        # A FIFO would be waited for without end, and a folder is not passed over.
        if path.exists() and not path.is_file():
            raise PgMigrateError(
                kind,
                f'could not read "{path}": it is no file',
                detail=f"Found {'a folder' if path.is_dir() else 'a FIFO, socket or device'}; expected a text file.",
                hint=f"Look at it, and move it away: ls -ld {path}",
            )
        data = path.read_bytes()
    except OSError as error:
        raise PgMigrateError(
            kind,
            f'could not read "{path}": {error.strerror}',
            detail=f"Found a file that this account cannot read ({type(error).__name__}); expected a text file.",
            hint=f"Look at it, and at the folders above it: ls -ld {path}",
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _no_text(path, kind, line, f"the byte 0x{data[error.start]:02x}", "iconv -f LATIN1 -t UTF-8") from error
    if "\0" in text:
        # To the grammar, which is written in C, the text would end there.
        line = text[: text.index("\0")].count("\n") + 1
        raise _no_text(path, kind, line, "the byte 0x00", "iconv -f UTF-16 -t UTF-8")
    # A line end in a literal or a body is part of it, as psql takes it; of an effect it is none.
    return text.replace("\r\n", "\n") if kind is Kind.EFFECT else text


def _no_text(path: Path, kind: Kind, line: int, found: str, command: str) -> PgMigrateError:
    return PgMigrateError(
        kind,
        f"could not read {path.name}, line {line}: it is no UTF-8 text",
        detail=f"Found {found}; expected UTF-8 alone.",
        hint=f"If you know its encoding, convert it: {command} {path} > {path.name}.utf8",
    )
