"""Prints one setting of a settings.toml or a site file on stdin, if it is there: python3 -c THIS KEY <FILE."""

import sys
import tomllib

try:
    values = tomllib.loads(sys.stdin.buffer.read().decode("utf-8-sig"))
except ValueError as error:
    sys.exit(str(error))
settings = values.get("settings", values)
print(settings.get(sys.argv[1], "") if isinstance(settings, dict) else "")
