"""The document of the pages, written from the texts that the pages themselves show as help.

``python -m dashboards.handbook`` writes ``docs/pages.md`` anew.
"""

from pathlib import Path

from dashboards.pages import AREAS
from dashboards.words import words_in

FILE = Path(__file__).parent.parent / "docs" / "pages.md"

_HEAD = """# Pages

What people work in: `meterhouse serve all`, then a browser. Every page has the button **Help** with the text below.

- **Menu.** Pages lie in five areas. A page that your role does not allow is not in the menu, and its address says so.
- **Language and numbers.** The pages speak English, German, Danish, Swedish, Norwegian and French: your own language
  (choose it in the side bar, or in your profile), else that of the browser, else English. Numbers and dates are written
  as that language writes them. Times are those of the utility's zone, with its abbreviation (`02:00 CEST`), so that
  the two hours of the autumn change can be told apart.
- **Addresses.** Filters stand in the address bar. Send an address to show somebody the same view; they see what their
  own rights allow. An address that names something that is not there, or no more, says so.
- **Tables.** *Columns* chooses what is shown; a click on a heading orders the rows shown, *Order by* (where there are
  several pages) all of them. *Download* writes all rows: CSV in the format of your profile (instants with their
  offset), XLSX (clock times of the utility's zone), Parquet (exact). *Add all to a group* puts the metering points of
  all rows, or of those you choose, into a group.
- **Maps.** Your own brand is green (read), blue (not read lately) or red (needs attention), other brands orange,
  collectors purple; each has its symbol, too. The [policy](policies.md) `map` says which brands are your own, and
  holds the rules. A map needs no server: it shows north up on a grid of degrees. `map_tiles` in `meterhouse.toml` names
  a tile server (`https://tiles.example.org/{z}/{x}/{y}.png`), `map_attribution` whose map it is; that server then
  learns which places are looked at.
- **What is elsewhere.** Field devices get keys by a bundle on the page Keys (*Mobile pairing* elsewhere). There is no
  *Network sharing* and no *Radio mesh*: who hears a meter of somebody else hands its frames on as files, and telegrams
  do not say which repeaters passed them on.
- **Two people at once.** Who saves a thing that somebody else has changed meanwhile is told who it was and when, and
  nothing is overwritten.
"""


def handbook() -> str:
    """The document.

    Returns:
        Markdown; a section per area, a part per page with its help in English.
    """
    say = words_in("en", "UTC")
    parts = [_HEAD]
    for area, pages in AREAS.items():
        if pages:
            parts.append(f"## {say(f'area.{area}')}\n")
        for page in pages:
            title = say(f"page.{page.name}")
            parts.append(
                f"### {title}\n\n![{title}](pictures/{page.name}-light.png)\n\n{say(f'help.{page.name}').strip()}\n"
            )
    return "\n".join(parts)


if __name__ == "__main__":
    FILE.write_text(handbook(), encoding="utf-8")
