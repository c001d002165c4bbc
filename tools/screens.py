"""Screenshots of every screen at three sizes in both themes, as contact sheets to look at.

    python tools/screens.py OUT [--only PART] [--sizes phone,laptop,large]

A server with a populated project is started. For each size and theme, OUT has one image for each
screen, and sheets of twelve of them. axe checks each screen as well; what it finds is printed.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import SIZES, open_browser, open_tab
from tests.support.known_image_project import make_scene
from tests.support.populated_project import furnish
from tests.support.running_server import RunningServer
from tests.support.signed_in_browser import sign_in_by_call

from trapline.server.platform.postgres.postgres import find_free_port

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
ON_A_SHEET, LABEL = 12, 18
CELL = {"phone": (260, 563), "laptop": (640, 360), "large": (640, 360)}


def paste_sheets(shots: list[tuple[str, Path]], size: str, target: Path) -> None:
    """Paste screenshots with their paths into sheets."""
    width, height = CELL[size]
    columns = 6 if size == "phone" else 3
    for first in range(0, len(shots), ON_A_SHEET):
        group = shots[first : first + ON_A_SHEET]
        rows = -(-len(group) // columns)
        sheet = Image.new("RGB", (columns * (width + 6), rows * (height + LABEL)), "white")
        for place, (path, file) in enumerate(group):
            x, y = place % columns * (width + 6), place // columns * (height + LABEL)
            ImageDraw.Draw(sheet).text((x + 2, y + 2), path[-width // 7 :], fill="black")
            with Image.open(file) as shot:
                shot.thumbnail((width, height))
                sheet.paste(shot, (x, y + LABEL))
        sheet.save(target.with_name(f"{target.name}-{first // ON_A_SHEET + 1}.png"))


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="part of the path of a screen")
    parser.add_argument("--sizes", default=",".join(SIZES))
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    axe = read_axe()
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        # PostgreSQL runs as another user where this runs as root.
        Path(folder).chmod(0o711)
        files, data = Path(folder) / "files", Path(folder) / "data"
        files.mkdir()
        data.mkdir(mode=0o711)
        server = RunningServer(data, find_free_port(), settings={})
        server.start()
        try:
            furnished = furnish(server, make_scene(server, files, "Scene"), files)
            paths = [*furnished.screens(), *furnished.empty_screens()]
            state = sign_in_by_call(browser, server)
            for size in wanted.sizes.split(","):
                for theme in THEMES:
                    shots = []
                    with open_tab(
                        browser, server.base_url, size=size, colours=theme, state=state
                    ) as tab:
                        tab.page.emulate_media(reduced_motion="reduce", color_scheme=theme)
                        for number, path in enumerate(paths):
                            if wanted.only not in path:
                                continue
                            tab.open_whole(path).wait_for_load_state("networkidle")
                            file = wanted.out / f"{size}-{theme}-{number:02}.png"
                            tab.page.screenshot(path=file)
                            shots.append((path, file))
                            for barrier in find_barriers(tab.page, axe):
                                print(f"{size}, {theme}, {path}: {barrier}")
                    paste_sheets(shots, size, wanted.out / f"sheet-{size}-{theme}")
                    print(f"{size}, {theme}: {len(shots)} screens", flush=True)
        finally:
            server.end()


if __name__ == "__main__":
    main()
