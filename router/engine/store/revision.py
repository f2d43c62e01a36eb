"""The newest migration, which `schema.py` describes and this version's routers read and write."""

from typing import Final

REVISION: Final = "0005"
