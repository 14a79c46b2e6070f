"""Reading the files that people edit: text to a strict model, and every mistake in words a person can act on."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from platform_images.errors import UsageError
from platform_images.model.spelling import nearest

M = TypeVar("M", bound=BaseModel)
_PREFIX = "Value error, "


def is_there(path: Path) -> bool:
    """Whether a folder has an entry of this name, be it a link to nowhere: a person has put it there and means it.

    Raises:
        OSError: The folder cannot be looked into.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def unreadable(shown: str, error: OSError) -> UsageError:
    """Return the error for a file or folder of the project that cannot be read."""
    return UsageError(
        f"{shown} cannot be read.",
        why=error.strerror or str(error),
        fix=f"see that {shown} is what it should be, and that this user may read it",
    )


def read_text(path: Path, *, shown: str, as_it_is: bool = False) -> str:
    """Return a text file's content.

    Args:
        path: The file.
        shown: Its name for messages, relative to the project.
        as_it_is: With its own line ends, and with the byte order mark where it has one: to be changed and written.

    Raises:
        UsageError: It is missing, no file, unreadable or not UTF-8.
    """
    try:
        _check_file(path, shown=shown)
        if as_it_is:
            return path.read_bytes().decode("utf-8")
        return path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except FileNotFoundError as error:
        raise _missing(path, shown=shown) from error
    except OSError as error:
        raise unreadable(shown, error) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} cannot be read.", why=str(error), fix=f"save {shown} as UTF-8 text") from error


def _check_file(path: Path, *, shown: str) -> None:
    """Refuse what is no file before it is opened: opening a pipe waits for somebody who writes to it."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise UsageError(
            f"{shown} is {kind}, not a file.", fix=f"move it away; if there is to be a {shown}, save it as UTF-8 text"
        )


def _missing(path: Path, *, shown: str) -> UsageError:
    """Return the error for a file that is not there: nothing has its name, or a link that leads nowhere."""
    if path.is_symlink():
        return UsageError(
            f"{shown} is a link to {path.readlink()}, where nothing is.", fix=f"correct the link, or remove {shown}"
        )
    return UsageError(f"{shown} is missing.", fix=f"write {shown}, or bring it back: git checkout -- {shown}")


def parse_toml(text: str, model: type[M], *, shown: str) -> M:
    """Return a TOML text as a validated model.

    Raises:
        UsageError: It is not TOML, or does not fit the model; names file, key, found and allowed values.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown} is not valid TOML.", why=str(error), fix=f"correct that line of {shown}") from error
    except ValueError as error:  # of Python's own: it reads no number of thousands of digits
        raise UsageError(f"{shown} has a number of too many digits.", why=str(error), fix=f"edit {shown}") from error
    except RecursionError as error:
        raise too_deep(shown) from error
    return validate(data, model, shown=shown)


def too_deep(shown: str) -> UsageError:
    """Return the error for a file of lists or tables within each other without end."""
    return UsageError(
        f"{shown} is nested too deeply.", why="a list or table in a list or table, and so on", fix=f"edit {shown}"
    )


def validate(data: Any, model: type[M], *, shown: str) -> M:
    """Return ``data`` as a validated model.

    Raises:
        UsageError: It does not fit; names file, key, found and allowed values, and the nearest right spelling.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistakes = [_mistake(detail, model) for detail in _told(error)]
        plural = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise UsageError(
            f"{shown} has {plural}.",
            why="\n".join(f"{shown}: {line}" for line in mistakes),
            fix=f"edit {shown}; docs/schemas describes every key",
        ) from error


def _told(error: ValidationError) -> list[ErrorDetails]:
    """Return the mistakes to tell: a list is not also too short because an item of it is wrong."""
    details = error.errors(include_url=False)
    above = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in above]


def _mistake(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """Say one validation error: key, what was found, what is allowed."""
    where = ".".join(str(part) for part in detail["loc"])
    key = f"key '{where}'" if where else "the file"
    match detail["type"]:
        case "extra_forbidden":
            allowed = sorted(_keys_at(model, detail["loc"][:-1]))
            word = str(detail["loc"][-1])
            return f"{key} is not known{nearest(word, allowed)}; allowed: {', '.join(allowed)}"
        case "missing":
            return f"{key} is missing{_described(model, detail['loc'])}"
        case "literal_error":
            expected = str(detail.get("ctx", {}).get("expected", ""))
            choices = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
            hint = nearest(detail["input"], choices) if isinstance(detail["input"], str) else ""
            return f"{key}: found {_found(detail['input'])}{hint}; allowed: {', '.join(choices)}"
        case "value_error":
            return f"{key}: {detail['msg'].removeprefix(_PREFIX)}"
        case _:
            return f"{key}: found {_found(detail['input'])}; {detail['msg']}{_described(model, detail['loc'])}"


def _found(value: Any) -> str:
    """Return a value as it was found, where that can be written out."""
    try:
        return repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number of too many digits"
    except RecursionError:
        return "lists or tables that are nested too deeply"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys that the model allows at a place in the document."""
    here = _model_at(model, loc)
    return tuple(here.model_fields) if here is not None else ()


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Follow a location through nested models, tables of models and lists of models."""
    here: type[BaseModel] | None = model
    for part in loc:
        if here is None:
            return None
        if isinstance(part, str) and part in here.model_fields:
            here = _inner_model(here.model_fields[part].annotation) or here
    return here


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``tuple[Channel, ...]`` or ``dict[str, Sdist]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _described(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """Return the field's own description, where it has one."""
    here = _model_at(model, loc[:-1])
    field = here.model_fields.get(str(loc[-1])) if here is not None and loc else None
    return f" ({field.description.rstrip('.')})" if field is not None and field.description else ""


def package_lines(text: str) -> tuple[str, ...]:
    """Return the entries of a list file: one a line, ``#`` starts a comment; sorted, without repeats."""
    entries = {line.split("#", 1)[0].strip() for line in text.splitlines()}
    return tuple(sorted(entry for entry in entries if entry))
