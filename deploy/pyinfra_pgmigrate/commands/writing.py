"""What a command prints, and the files that it writes: one that is there already is never overwritten."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Kind, PgMigrateError
from ..units import visible


def tell(text: str) -> None:
    """Prints a line, with what could steer a terminal made visible.

    Raises PgMigrateError (settings) where it cannot be written, BrokenPipeError where nobody reads any more.
    """
    try:
        print(visible(text), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise PgMigrateError(
            Kind.SETTINGS,
            f"could not write to standard output: {error.strerror}",
            detail="Found no way to print; expected a terminal, a pipe or a file with room.",
            hint="Free some space where it is written to: df -h .",
        ) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the operating system says about a file that cannot be written into a refusal."""
    try:
        yield
    except OSError as error:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not write "{path}": {error.strerror}',
            detail=f"Found no way to write there ({type(error).__name__}); expected a folder of this account.",
            hint=f"Look at its rights: ls -ld {path.parent}",
        ) from error


def there_already(path: Path) -> PgMigrateError:
    """Returns the refusal of a file that would be overwritten."""
    return PgMigrateError(
        Kind.SETTINGS,
        f"could not write {path}: it is there already",
        detail="Found a file of that name; expected none: an existing file is not overwritten.",
        hint=f"Move it away first: mv {path} {path}.old",
    )


def write_new(path: Path, text: str) -> None:
    """Writes a file that must not be there, and the folders above it. Raises PgMigrateError (settings)."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            raise there_already(path) from None
