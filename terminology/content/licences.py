"""The file of the setting ``licences``: which texts of which code systems may leave the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from terminology.catalogue.licensed import Licence, Licences
from terminology.core.errors import SettingError, reason_of
from terminology.systems.names import registered


class LicenceEntry(BaseModel):
    """The licence of a code system; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: Annotated[str, Field(min_length=1)]
    policy: Literal["codes", "supplements", "full"]
    licence: Annotated[str, Field(min_length=1)]
    notice: Annotated[str, Field(min_length=1)] | None = None


class LicencesFile(BaseModel):
    """The file: a list of licences, one for a code system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    licences: list[LicenceEntry]


def read_licences(path: Path) -> Licences:
    """The file at a path. Raises SettingError, which names the file, the place in it and the correct values."""
    try:
        file = LicencesFile.model_validate(json.loads(path.read_bytes()))
    except OSError as problem:
        raise SettingError(f"{path}: cannot be read: {reason_of(problem)}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        raise SettingError(f"{path}: {place}: {first['msg']}") from None
    except (ValueError, RecursionError) as problem:
        raise SettingError(f"{path}: cannot be read as JSON: {problem}") from None
    licences = [
        Licence(registered(entry.system), entry.policy, entry.licence, entry.notice)
        for entry in file.licences
    ]
    systems = [licence.system for licence in licences]
    for system in systems:
        if systems.count(system) > 1:
            raise SettingError(f"{path}: licences: two are for the code system {system}")
    return Licences(licences)
