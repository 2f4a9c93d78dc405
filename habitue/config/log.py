"""Settings of the shop and its log: what is read, how it is stored, cleaned and checked."""

from typing import Literal

from pydantic import Field, SecretStr

from habitue.config.stage import LONGEST_DAYS, Day, Stage, TimeZone
from habitue.languages import Language

Format = Literal["csv", "jsonl", "parquet"]
TimeUnit = Literal["iso", "s", "ms", "us", "ns", "days"]
AdapterName = Literal[
    "", "ga4", "segment", "rudderstack", "posthog", "sensors", "recbole", "rees46", "recsys2025"
]
CheckName = Literal[
    "volume", "time_gap", "empty_field", "new_event_type", "one_user", "duplicates", "midnight",
    "price_scale", "platform_gone", "no_purchases", "unknown_items", "clock_shift",
]  # fmt: skip
PersonalData = Literal["redact", "reject", "keep"]


class ShopSettings(Stage):
    """The shop as a whole."""

    name: str = Field("My shop", description="Shown in the report.")
    currency: str = Field("", description="ISO 4217 code of all money; empty where unknown.")
    language: Language = Field(
        "en", description="Of texts that people read; the option --lang wins over it."
    )


class SourceSettings(Stage):
    """How one kind of file is read: its format, and which column is which field."""

    name: str = Field(description="A name for messages and for the quarantine.")
    adapter: AdapterName = Field(
        "", description="A published layout known by name; what is set beside it is laid above it."
    )
    url: SecretStr = Field(
        SecretStr(""),
        description="A database table instead of files: postgresql://USER@HOST/DATABASE?table=NAME "
        "or sqlite:///FILE?table=NAME. Leave the password to PGPASSWORD or ~/.pgpass.",
    )
    query: str = Field("", description="SQL whose rows are the records, in place of a table.")
    table: Literal["events", "items"] = Field("events", description="What the rows are.")
    format: Format = Field("csv", description="csv (any delimiter), jsonl or parquet.")
    delimiter: str = Field(
        ",", description="Between the columns of a csv file; 'whitespace' is any run of blanks."
    )
    encoding: str = Field("utf-8", description="Of a text file, as Python names it.")
    quoting: bool = Field(
        True, description="Whether a quote at a field's start encloses it, in a csv file."
    )
    header: bool = Field(True, description="Whether the first row of a csv file names columns.")
    column_names: list[str] = Field([], description="Names for a file without a header.")
    columns: dict[str, str | list[str]] = Field(
        {},
        description="field = column; a list joins several columns (a category path, a name, "
        "a date and its time of day).",
    )
    category_separator: str = Field(
        "/", description="Between the levels of a category path that stands in one column."
    )
    category_fallback: str = Field(
        "", description="The column that names the category where the mapped ones are empty."
    )
    constants: dict[str, str] = Field({}, description="field = value for what no column says.")
    event_types: dict[str, str] = Field(
        {}, description="the file's word = event type; the usual short words need no entry."
    )
    ignored_events: list[str] = Field(
        [],
        description="Words for events that are none of a shop's, counted and not kept; 'page_*' "
        "is every word that begins so.",
    )
    time_unit: TimeUnit = Field("iso", description="Of the timestamp column.")
    time_format: str = Field("", description="strptime pattern where the time is not ISO 8601.")
    time_origin: Day = Field(
        "1970-01-01", description="The day from which time_unit = 'days' counts."
    )
    time_zone: TimeZone = Field("UTC", description="Of times that name none.")
    decimal_mark: Literal[".", ","] = Field(
        ".", description="In prices, quantities and values written as text."
    )
    duplicate_rows: Literal["drop", "keep"] = Field(
        "drop", description="Rows equal in every mapped field, within one file."
    )
    negative_quantity: Literal["reject", "refund"] = Field(
        "reject", description="Whether a purchase of a negative quantity is a refund."
    )
    fractional_quantity: Literal["reject", "accept"] = Field(
        "reject", description="Whether a quantity may be a part of a piece (0.35 kg)."
    )
    refund_order_prefix: str = Field(
        "", description="Orders whose id begins so are cancellations, hence refunds."
    )
    strip_decimal: list[str] = Field(
        [], description="Id fields whose trailing '.0' is an artefact of export and is removed."
    )
    not_products: list[str] = Field(
        [], description="Item ids that are no goods (postage, charges): money yes, advice no."
    )


class StoreSettings(Stage):
    """The event store."""

    buckets: int = Field(
        0, ge=0, le=4096, description="Parts by person; 0 chooses by the first file's size."
    )
    chunk_rows: int = Field(250_000, ge=1, description="Records cleaned at a time.")


class CleaningSettings(Stage):
    """What counts as implausible, and how visits are told apart."""

    max_bad: float = Field(
        0.05, ge=0, le=1, description="Share of unparsable lines that sinks a file."
    )
    max_price: float = Field(1e6, gt=0, description="A higher price is set aside.")
    max_quantity: float = Field(1e6, gt=0, description="A higher quantity is set aside.")
    earliest: Day = Field("1990-01-01", description="Events before this day are set aside.")
    placeholder_ids: list[str] = Field(
        [
            "null", "undefined", "nan", "na", "n/a", "none", "nil", "0", "-1", "anonymous",
            "guest", "unknown", "00000000-0000-0000-0000-000000000000",
        ],
        description="User ids that mean nobody (compared without case).",
    )  # fmt: skip
    personal_data: PersonalData = Field(
        "redact",
        description="E-mail addresses, telephone, card and bank account numbers and passwords in "
        "searches, properties, campaigns and names of items: redact puts [redacted] in their "
        "place, reject sets the row aside, keep leaves them. User ids are never changed.",
    )
    max_id_bytes: int = Field(256, ge=1, description="A longer id is set aside.")
    session_gap_minutes: float = Field(
        30, gt=0, le=LONGEST_DAYS * 1440, description="A longer pause starts a new session."
    )
    bot_events_per_day: int = Field(
        1000, ge=1, description="Who has more on any day is flagged a bot."
    )


class CheckSettings(Stage):
    """What `train` looks for in the log before it learns; see the page "Checks of the log"."""

    skip: list[CheckName] = Field(
        [], description="Rules left out, where what they find is how the shop was."
    )


class ConsentSettings(Stage):
    """What the shop answers for where its log does not say who agreed to being recorded."""

    assumed: str = Field(
        "",
        max_length=200,
        description="On what ground events without a consent column are kept and learnt from, in "
        "a few words; the model card repeats it, and ingest asks while it is empty.",
    )
