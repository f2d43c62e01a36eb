"""The kinds of single values a configuration is written in; each says in its error how to write it."""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from providers.canonical import Size
from router.config.addresses import HOST_AND_PORT, base_url
from router.core.money import parse_usd

T = TypeVar("T", bound=Hashable)

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def wrong(message: str, kind: str = "said") -> PydanticCustomError:
    """Build the error that reaches the reader word for word."""
    return PydanticCustomError(kind, "{message}", {"message": message})


@dataclass(frozen=True, slots=True)
class Shape:
    """A text of one form: as a pattern for editors, and in words for everybody else."""

    pattern: str
    message: str

    def check(self, text: str) -> str:
        """Return the text, or refuse it with the words."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise wrong(self.message)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _read(read: Callable[[str], T], wanted: str) -> Callable[[object], T]:
    """Accept text only, and let `read` say what is wrong with it."""

    def check(value: object) -> T:
        if not isinstance(value, str):
            raise wrong(wanted, "not_text")
        try:
            return read(value)
        except ValueError as error:
            raise wrong(str(error)) from None

    return check


def _amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text):
        raise ValueError('must be a decimal number in quotes without sign or unit, such as "0.12"')
    return text


def _money(read: Callable[[str], T]) -> Callable[[object], T]:
    def check(value: object) -> T:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise wrong("money is written in quotes, so that no rounding comes in between", "unquoted_money")
        return _read(read, 'must be an amount of money in quotes, such as "0.12"')(value)

    return check


def _usd(text: str) -> int:
    return parse_usd(_amount(text))


def _date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date written YEAR-MONTH-DAY, such as 2026-09-24")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a day of the calendar; write YEAR-MONTH-DAY, such as 2026-09-24") from None


def distinct(values: list[T]) -> list[T]:
    """Refuse a list that names something twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise wrong(f"lists {value} twice; keep one of them")
    return values


_AMOUNT_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{_AMOUNT.pattern}$"})

ProviderName: TypeAlias = Annotated[
    str,
    Shape(
        r"[a-z0-9][a-z0-9_-]{0,31}",
        "a name is 1 to 32 lower-case letters, digits, `-` or `_`, and begins with a letter or digit",
    ),
]
ModelName: TypeAlias = Annotated[
    str,
    Shape(
        r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}",
        "must be 1 to 128 letters, digits, `.`, `_`, `:`, `/` or `-`, and begin with a letter or digit",
    ),
]
CurrencyCode: TypeAlias = Annotated[
    str, Shape(r"[A-Z][A-Z0-9]{2,7}", "a currency is 3 to 8 capital letters or digits, such as CNY")
]
VariableName: TypeAlias = Annotated[
    str,
    Shape(
        r"[A-Z_][A-Z0-9_]{0,127}",
        "must be the name of an environment variable in capital letters, such as RELAY_A_KEY; the key itself is never "
        "written here",
    ),
]
KeyDigest: TypeAlias = Annotated[
    str,
    Shape(
        r"[0-9a-f]{64}",
        "must be the SHA-256 of the caller's key, 64 lower-case hexadecimal digits; make it with "
        '`printf %s "$KEY" | sha256sum`',
    ),
]
HeaderName: TypeAlias = Annotated[
    str, Shape(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "must be the name of an HTTP header, such as Authorization")
]
AuthScheme: TypeAlias = Annotated[
    str,
    Shape(
        r"(?![SsPpRr][Kk]-)[A-Za-z-]{0,16} ?",
        'must be "" or a scheme of at most 16 letters or `-` and one space, such as "Bearer "; the key itself is never '
        "written here, `api_key` says where it is read from; replace this key if the file was shared",
    ),
]
AssetHost: TypeAlias = Annotated[
    str,
    Shape(HOST_AND_PORT, "must be a lower-case host or host:port, such as cdn.example.com, without https:// or a path"),
]
BaseUrl: TypeAlias = Annotated[
    str,
    PlainValidator(_read(base_url, "must be a URL, such as https://api.example.com")),
    WithJsonSchema({"type": "string", "pattern": "^https?://[^?#@ ]+$"}),
]
Amount: TypeAlias = Annotated[str, PlainValidator(_money(_amount)), _AMOUNT_SCHEMA]
Usd: TypeAlias = Annotated[int, PlainValidator(_money(_usd)), _AMOUNT_SCHEMA]
Day: TypeAlias = Annotated[
    date,
    PlainValidator(_read(_date, "must be a date written YEAR-MONTH-DAY, such as 2026-09-24")),
    WithJsonSchema({"type": "string", "format": "date"}),
]
FrameSize: TypeAlias = Annotated[
    Size,
    PlainValidator(_read(Size.parse, "must be a size written WIDTHxHEIGHT, such as 720x1280")),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,5}x[0-9]{1,5}$"}),
]
ClipSeconds: TypeAlias = Annotated[int, Field(ge=1, le=3600)]
Sizes: TypeAlias = Annotated[list[FrameSize], Field(min_length=1, max_length=16), AfterValidator(distinct)]
Durations: TypeAlias = Annotated[list[ClipSeconds], Field(min_length=1, max_length=32), AfterValidator(distinct)]
Wait: TypeAlias = Annotated[float, Field(gt=0, le=604_800)]
