"""The page's files: whole, self-contained, labelled, and in step with the parameters."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from duostyle.imaging.decode import FORMATS
from duostyle.params import describe_params, parse_params
from tests.support.contract import CONTRACT

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
MODULES = sorted((STATIC / "js").rglob("*.js"))
IMPORT = re.compile(r"""(?:^|\n)import\b[^;"']*["']([^"']+)["'];""")
# Parameters that have no control of their own, on purpose: the strength slider stands for the ratio of the weights.
WITHOUT_CONTROL = {"content_weight", "style_layer_weights"}


class Page(HTMLParser):
    """Every element of the page in order, with the labels that name controls."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.labelled: set[str] = set()
        self.texts: dict[int, str] = {}
        self._open: list[tuple[str, int]] = []
        self.inside_label: set[int] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        index = len(self.elements)
        self.elements.append((tag, values))
        if tag == "label" and "for" in values:
            self.labelled.add(values["for"])
        if any(name == "label" for name, _ in self._open):
            self.inside_label.add(index)
        if tag not in ("input", "img", "meta", "link", "circle", "path"):
            self._open.append((tag, index))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, index in self._open:
            self.texts[index] = self.texts.get(index, "") + data.strip()


@pytest.fixture
def page() -> Page:
    parsed = Page()
    parsed.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    return parsed


def named(page: Page, index: int) -> bool:
    tag, attrs = page.elements[index]
    if attrs.get("aria-label") or attrs.get("id") in page.labelled or index in page.inside_label:
        return True
    return tag in ("button", "a", "summary") and bool(page.texts.get(index))


def test_every_control_has_a_name(page: Page) -> None:
    controls = [i for i, (tag, _) in enumerate(page.elements) if tag in ("input", "select", "textarea", "button", "a")]
    assert len(controls) > 20
    # slots and tiles get their names from the script that fills them
    unnamed = [page.elements[i] for i in controls if not named(page, i)]
    assert [attrs.get("class") for _, attrs in unnamed] == [
        *("slot-face", "slot-letter letter", "slot-tool slot-crop", "slot-tool slot-camera", "slot-remove"),
        *("queue-open", "paintings-open", "paintings-remove"),
        "tile",
    ]


def test_every_id_is_unique_and_every_reference_has_its_target(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert attrs.get(name, ids[0]) in ids
    script = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    wanted = set(re.findall(r'(?:byId|getElementById)\("([^"]+)"\)', script))
    assert wanted
    other = set(re.findall(r'\bid="([^"]+)"', (STATIC / "status.html").read_text(encoding="utf-8")))
    assert wanted <= set(ids) | other


def test_every_parameter_has_a_control_and_no_control_is_made_up(page: Page) -> None:
    shown = {attrs["data-param"] for _, attrs in page.elements if "data-param" in attrs}
    assert shown == {row["name"] for row in describe_params()} - WITHOUT_CONTROL


def test_every_choice_is_one_that_the_server_takes(page: Page) -> None:
    schemas = {row["name"]: row["schema"] for row in describe_params()}
    name, seen = "", 0
    for tag, attrs in page.elements:
        name = attrs.get("data-param", name)
        if tag == "option" or attrs.get("type") == "radio":
            branches = [schemas[name], *schemas[name].get("anyOf", [])]
            allowed = next(branch["enum"] for branch in branches if "enum" in branch)
            assert attrs["value"] in ["", *allowed]
            # what the contract knows and this server does not have is an error here
            parse_params({name: attrs["value"]} if attrs["value"] else {}, styles=1, max_size_px=2048)
            seen += 1
    assert seen > 10


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ('<svg viewBox="0 0 32', "</a>"),
        ('id="theme"', "</header>"),
        ('<dialog class="ask" id="ask-token"', "</dialog>"),
        ('<p class="boot"', "</p>"),
    ],
    ids=["brand", "theme", "token", "boot"],
)
def test_what_both_pages_have_is_the_same(begin: str, end: str) -> None:
    parts = []
    for name in ("index.html", "status.html"):
        text = (STATIC / name).read_text(encoding="utf-8")
        assert text.count(begin) == 1, name
        parts.append(text.partition(begin)[2].partition(end)[0])
    assert parts[0] == parts[1]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(page: Page) -> None:
    for tag, attrs in page.elements:
        assert tag != "style"
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        if tag == "script":
            assert attrs["type"] == "module"
        for name in ("src", "href"):
            target = attrs.get(name, "")
            assert not target.startswith(("http:", "https:", "//", "data:"))
            if target.startswith("static/"):
                assert (ROOT / target).is_file()
    for path in [*MODULES, *STATIC.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        foreign = [found for found in re.findall(r"https?://[^\s\"'`)]+", text) if "www.w3.org" not in found]
        assert foreign == [], path.name
        assert "innerHTML" not in text, path.name


def test_the_start_button_says_launch_and_the_other_stop(page: Page) -> None:
    texts = {attrs["id"]: page.texts.get(i) for i, (_, attrs) in enumerate(page.elements) if "id" in attrs}
    assert (texts["launch"], texts["stop"]) == ("Launch", "Stop")
    written = (STATIC / "js" / "lib" / "texts.js").read_text(encoding="utf-8")
    assert 'launch: "Launch",' in written
    assert 'again: "Launch again",' in written


def test_the_file_dialog_offers_what_the_server_takes(page: Page) -> None:
    offered = [attrs["accept"] for tag, attrs in page.elements if tag == "input" and "accept" in attrs]
    wanted = {f"image/{name}" for name in (*FORMATS, "avif")}
    # not every system knows the type of these
    extensions = {".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp"}
    # a camera makes what the phone makes
    assert [set(accept.split(",")) for accept in offered] == [wanted | extensions, {"image/*"}]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_imported_module_exists_and_exports_what_is_imported(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in IMPORT.findall(text):
        assert target.startswith(("./", "../")), target
        other = (path.parent / target).resolve()
        assert other.is_file(), target
        names = re.search(r"import\s*\{([^}]*)\}\s*from\s*[\"']" + re.escape(target), text)
        exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", other.read_text("utf-8"), re.M)
        for name in names.group(1).split(",") if names else []:
            assert name.strip() in [*exported, ""], f"{target} does not export {name}"


def test_every_module_is_used() -> None:
    used = {STATIC / "js" / name for name in ("boot.js", "main.js", "lib/theme.js", "status.js")}
    for path in MODULES:
        used |= {(path.parent / target).resolve() for target in IMPORT.findall(path.read_text(encoding="utf-8"))}
    assert used == set(MODULES)


def test_advice_is_given_for_codes_that_the_server_has() -> None:
    written = (
        (STATIC / "js" / "lib" / "texts.js").read_text(encoding="utf-8").partition("advice:")[2].partition("})")[0]
    )
    codes = re.findall(r"^    (\w+): \"", written, re.MULTILINE)
    assert len(codes) > 8
    assert set(codes) <= set(CONTRACT)
