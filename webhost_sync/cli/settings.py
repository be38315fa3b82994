"""The settings as commands read them: options of the command line over the environment over `.env`."""

from __future__ import annotations

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from webhost_sync.config import Settings
from webhost_sync.logs import configure_logging


class UnusableSettings(Exception):
    """Variables that hold something else than they should; names each, and repeats no secret."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(*, quiet: bool = False, **chosen: object) -> Settings:
    """Read the settings and set up logging by them; `chosen` wins where it isn't None.

    A `quiet` command logs warnings only: what it does, it prints.
    Raises: UnusableSettings.
    """
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise UnusableSettings(tuple(_problem(dict(detail)) for detail in error.errors())) from None
    except SettingsError as error:
        raise UnusableSettings((f"{error}; see docs/settings.md for how it is written",)) from None
    chatty = settings.log_level in ("debug", "info")
    configure_logging(settings.model_copy(update={"log_level": "warning"}) if quiet and chatty else settings)
    return settings


def _problem(detail: dict[str, object]) -> str:
    location = detail["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else ""
    field = Settings.model_fields.get(name)
    secret = field is None or field.annotation in (SecretStr, SecretStr | None)
    value = "" if secret else f" is {detail['input']!r}, but"
    message = str(detail["msg"])
    return (
        f"{name.upper()}{value or ':'} {message[:1].lower()}{message[1:]}; correct it (see docs/settings.md)"
    )
