"""The JSON Schema by which editors complete and check a configuration while it is written.

`python -m router.config.editor > config/router.schema.json` makes the committed file.
"""

import sys
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema

from router.config.schema import Config


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles, which only repeat the keys."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        return {"$schema": self.schema_dialect, **super().generate(schema, mode)}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the library's signature
        return False


def json_schema() -> bytes:
    """Return the schema as a JSON document with a final line end."""
    document = Config.model_json_schema(schema_generator=_Untitled)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(json_schema())
