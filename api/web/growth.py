"""How a pool has grown, as its page shows it: records by the time of their import, summed up."""

from __future__ import annotations

from api.language import decimal, gettext
from api.web.charts import Figure, line_chart
from storage.pool_profile import Growth, Step

SHOWN = {Step.MINUTE: 16, Step.HOUR: 16, Step.DAY: 10, Step.MONTH: 7}
"""How much of a timestamp says which step it is."""


def growth_figure(growth: Growth) -> Figure | None:
    """None where all records came at once: that is no growth."""
    if len(growth.points) < 2:
        return None
    caption, step = _words(growth.step)
    before = 0
    rows, table = [], []
    for at, records in growth.points:
        when = at[: SHOWN[growth.step]].replace("T", " ")
        rows.append({"at": at, "value": records, "said": f"{when}: {decimal(records)}"})
        table.append([when, decimal(records - before), decimal(records)])
        before = records
    return Figure(
        svg=line_chart(rows, title=caption, over=step, temporal=True),
        caption=caption,
        heads=[gettext("Time"), gettext("New"), gettext("In all")],
        rows=table,
    )


def _words(step: Step) -> tuple[str, str]:
    """The caption, and what stands under the axis."""
    match step:
        case Step.MINUTE:
            return gettext("Records by the minute of their import, in UTC"), gettext("minute")
        case Step.HOUR:
            return gettext("Records by the hour of their import, in UTC"), gettext("hour")
        case Step.DAY:
            return gettext("Records by the day of their import, in UTC"), gettext("day")
        case Step.MONTH:
            return gettext("Records by the month of their import, in UTC"), gettext("month")
