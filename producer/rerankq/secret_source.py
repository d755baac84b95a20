"""Gives settings classes the secrets that are in files (`rerankq.secret_files`)."""

from collections.abc import Mapping, Sequence

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from rerankq.secret_files import SECRETS, Place, text_in_file


class FilesOfSecrets(PydanticBaseSettingsSource):
    """Comes before the environment: a file counts only where no variable before it has the value.

    Args:
        settings: the settings class.
        variables: for each field that may be read, the names of its variables.
        places: where variables are looked up, the first comes first.
    """

    def __init__(
        self,
        settings: type[BaseSettings],
        variables: Mapping[str, Sequence[str]],
        places: Sequence[Place],
    ) -> None:
        super().__init__(settings)
        self._variables = variables
        self._places = places

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """What is in the file of a field, the field's name or alias, and that it is no JSON."""
        for name in self._variables.get(field_name, ()):
            if name in SECRETS:
                found = text_in_file(name, *self._places)
                if found is not None:
                    return found, name if field.validation_alias else field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, str]:
        """The values that were found."""
        fields = self.settings_cls.model_fields.items()
        found = (self.get_field_value(field, name) for name, field in fields)
        return {key: value for value, key, _ in found if value is not None}
