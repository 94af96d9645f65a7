"""From key press to the next record on screen: the reviewer's page, a real browser, the real stack.

Prints the median and the 95th percentile in milliseconds over so many answers by key. Painted means
that the frame which shows the next record has been handed to the screen: two animation frames after
the page has put it there.

    python benchmarks/desk.py [--answers 90]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Page, sync_playwright

from tests.web.conftest import ARGUMENTS, CHROMIUM, Visitors
from tests.web.team import Team
from workers.local_stack import LocalStack
from workers.ports import any_free_ports

# Marks when a key goes down, and when the record that follows has been painted.
WATCH = """() => {
  window.times = [];
  let pressed = null;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true });
  new MutationObserver(() => {
    if (pressed === null) return;
    const from = pressed;
    pressed = null;
    const painted = () => window.times.push(performance.now() - from);
    requestAnimationFrame(() => requestAnimationFrame(painted));
  }).observe(document.querySelector("#record"), { childList: true });
}"""
GLANCE_MS = 400
"""How long somebody looks at least: meanwhile the next record is fetched."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=90)
    answers = parser.parse_args().answers
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise SystemExit("There is no chromium on this machine: make browser")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Path(folder) / "data", ports=any_free_ports()) as stack,
    ):
        team = Team(stack.addresses.api, stack.addresses.admin_token_file.read_text().strip())
        team.import_digits("digits", train=60, test=120, unlabelled=max(300, 2 * answers))
        said = "The parcel {} came late, and nobody answers. "
        texts = [said.format(number) * 20 for number in range(answers + 20)]
        team.import_texts("letters", labels=["late", "refund", "other"], texts=texts)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
            visitors = Visitors(browser, team)
            for pool in ("digits", "letters"):
                round_id = team.start_round(pool, batch=min(100, answers + 10))
                times = measured(visitors.sign_in("Rita").page, answers)
                team.cancel_round(round_id)
                cuts = statistics.quantiles(times, n=20)
                print(
                    f"{pool}: {len(times)} answers by key, next record painted after"
                    f" {statistics.median(times):.0f} ms at the median,"
                    f" {cuts[-1]:.0f} ms at the 95th percentile"
                )
            browser.close()
        team.close()


def measured(page: Page, answers: int) -> list[float]:
    page.wait_for_selector("#record > *")
    page.evaluate(WATCH)
    for _ in range(answers):
        page.wait_for_timeout(GLANCE_MS)
        before = page.evaluate("window.times.length")
        page.keyboard.press("1")
        page.wait_for_function("before => window.times.length > before", arg=before)
    return [float(each) for each in page.evaluate("window.times")]


if __name__ == "__main__":
    main()
