"""Prints, as JSON, the names of all settings that 0.1 knows; its own Python runs this."""

import json
import sys
from importlib import import_module

settings = import_module("rerankq.settings")
if __name__ == "__main__":
    json.dump([*settings.ClientSettings.names(), *settings.OTHER_NAMES], sys.stdout)
