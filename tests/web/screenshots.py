"""Makes a screenshot of every page, light and dark, into docs/images: `make screenshots`.

The real stack runs, people of a team play rounds on it, and a browser looks at what they see.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from tests.web.conftest import ARGUMENTS, CHROMIUM, Visitors
from tests.web.pages import SIGHTS, Scene, Sight, arrive, set_the_scene
from tests.web.team import Team
from workers.local_stack import LocalStack
from workers.ports import any_free_ports

FOLDER = Path(__file__).parents[2] / "docs" / "images"
PHONES = {"review", "round-reviewing"}
TALLEST = 1_400
QUALITY = 80


def main() -> None:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise SystemExit("There is no chromium on this machine: make browser")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.jpg"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Path(folder) / "data", ports=any_free_ports()) as stack,
    ):
        team = Team(stack.addresses.api, stack.addresses.admin_token_file.read_text().strip())
        team.import_digits("digits", train=60, test=120, unlabelled=300)
        scene = set_the_scene(team, "digits")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
            visitors = Visitors(browser, team)
            for sight in SIGHTS:
                for scheme in ("light", "dark"):
                    take(visitors, scene, sight, scheme)
                    if sight.name in PHONES:
                        take(visitors, scene, sight, scheme, phone=True)
                print(sight.name, flush=True)  # noqa: T201 - it takes minutes
            browser.close()
        team.close()


def take(
    visitors: Visitors,
    scene: Scene,
    sight: Sight,
    scheme: Literal["light", "dark"],
    *,
    phone: bool = False,
) -> None:
    visit = arrive(visitors, scene, sight, scheme, phone=phone)
    page = visit.page
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    name = f"{sight.name}{'-phone' if phone else ''}{'-dark' if scheme == 'dark' else ''}.jpg"
    shoot(page, FOLDER / name)
    visit.context.close()


def shoot(page: Page, path: Path) -> None:
    """The whole page, as far down as somebody would look at a picture of it."""
    # What lies behind a dialog is darkened as far down as the window goes.
    beneath = page.locator("dialog[open]").count() > 0
    whole = "innerHeight" if beneath else "document.documentElement.scrollHeight"
    height = min(int(page.evaluate(whole)), TALLEST)
    width = int(page.evaluate("innerWidth"))
    page.screenshot(
        path=path,
        full_page=True,
        type="jpeg",
        quality=QUALITY,
        clip={"x": 0, "y": 0, "width": width, "height": height},
    )


if __name__ == "__main__":
    main()
