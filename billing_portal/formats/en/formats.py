"""As the pages write them: "25 Nov 2026, 14:03:07 UTC"."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = r"j M Y, H:i:s \U\T\C"
TIME_FORMAT = "H:i:s"
