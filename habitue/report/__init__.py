"""The HTML report: one offline page that a manager of the shop reads.

`shop_statistics` reads the log once; `ReportData` joins it with what later stages found;
`write_report` makes the page.
"""

from habitue.report.data import ReportData
from habitue.report.figures import ShopStatistics
from habitue.report.page import render_page, write_report
from habitue.report.shop import shop_statistics

__all__ = ["ReportData", "ShopStatistics", "render_page", "shop_statistics", "write_report"]
