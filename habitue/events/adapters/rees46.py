"""The logs that REES46 published: one CSV a month, prices on every row, no quantities."""

from habitue.config import SourceSettings
from habitue.events.adapters.layout import Adapter, Head

_COLUMNS = (
    "event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price",
    "user_id", "user_session",
)  # fmt: skip


def _recognise(head: Head) -> str:
    if set(_COLUMNS) <= set(head.columns):
        return f"it has the columns {', '.join(_COLUMNS)}"
    return ""


def _source_of(head: Head) -> SourceSettings:
    is_text = head.format != "parquet"
    return SourceSettings(
        name="rees46",
        format="csv" if is_text else "parquet",
        columns={
            "timestamp": "event_time",
            "event_type": "event_type",
            "item_id": "product_id",
            "item_category": "category_code",
            "item_brand": "brand",
            "price": "price",
            "user_id": "user_id",
            "session_id": "user_session",
        },
        category_separator=".",
        category_fallback="category_id",
        time_format="%Y-%m-%d %H:%M:%S UTC" if is_text else "",
    )


REES46 = Adapter("rees46", "REES46 shop logs", recognise=_recognise, source_of=_source_of)
