"""Every setting, one class a stage, a sentence a field.

Read from `habitue.toml` in the workspace, then from `HABITUE_*` variables (`__` between stage and
field: `HABITUE_TRAINING__EPOCHS=3`), then from the options of a verb. An unknown key is an error
that names the nearest known one.
"""

from habitue.config.answers import (
    AlertSettings,
    ExportSettings,
    ProfileSettings,
    RecommendSettings,
    TaskName,
    TaskSettings,
)
from habitue.config.learning import (
    Architecture,
    CompareSettings,
    Device,
    Heads,
    Loss,
    ModelSettings,
    Precision,
    RivalsKind,
    Samples,
    Size,
    TrainingSettings,
    TuneSettings,
)
from habitue.config.log import (
    AdapterName,
    CheckName,
    CheckSettings,
    CleaningSettings,
    ConsentSettings,
    Format,
    PersonalData,
    ShopSettings,
    SourceSettings,
    StoreSettings,
    TimeUnit,
)
from habitue.config.settings import SETTINGS_FILE, Settings, load_settings, unread_variables
from habitue.config.stage import LONGEST_DAYS, Day, Stage, TimeZone

__all__ = [
    "LONGEST_DAYS",
    "SETTINGS_FILE",
    "AdapterName",
    "AlertSettings",
    "Architecture",
    "CheckName",
    "CheckSettings",
    "CleaningSettings",
    "CompareSettings",
    "ConsentSettings",
    "Day",
    "Device",
    "ExportSettings",
    "Format",
    "Heads",
    "Loss",
    "ModelSettings",
    "PersonalData",
    "Precision",
    "ProfileSettings",
    "RecommendSettings",
    "RivalsKind",
    "Samples",
    "Settings",
    "ShopSettings",
    "Size",
    "SourceSettings",
    "Stage",
    "StoreSettings",
    "TaskName",
    "TaskSettings",
    "TimeUnit",
    "TimeZone",
    "TrainingSettings",
    "TuneSettings",
    "load_settings",
    "unread_variables",
]
