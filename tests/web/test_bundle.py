"""The linker: what it makes means the same as the modules, and it refuses what it does not understand."""

from __future__ import annotations

import json
import posixpath
import shutil
import subprocess
from pathlib import Path

import pytest

from duostyle.web.bundle import BundleError, Joined, join_modules, join_sheets

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
SHIPPED = {path.relative_to(STATIC).as_posix(): path.read_text("utf-8") for path in STATIC.rglob("*.js")}
# they do something as soon as they are imported, and export nothing; tests/browser runs them
STARTS = {"js/main.js", "js/status.js", "js/boot.js"}
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

COMPARE = """
import { installBrowser, FakeElement, FakeStorage } from "ROOT/tests/js/support/browser.js";
installBrowser();
globalThis.localStorage = new FakeStorage();
window.matchMedia = () => new EventTarget();
document.documentElement = new FakeElement();
// what an export is: a class or function by its text, a value by what it holds
const say = (value) => (typeof value === "function" ? String(value) : JSON.stringify(value, (key, inner) =>
  inner instanceof Map || inner instanceof Set ? [...inner] : typeof inner === "function" ? String(inner) : inner));
for (const name of NAMES) {
  const [plain, joined] = await Promise.all([import("ROOT/static/" + name), import("./" + name)]);
  const both = [plain, joined].map((module) => Object.keys(module).sort().map((key) => [key, say(module[key])]));
  if (JSON.stringify(both[0]) !== JSON.stringify(both[1])) throw new Error(`${name}: ${JSON.stringify(both)}`);
  console.log(name, both[0].length);
}
"""


def run(folder: Path, script: str) -> str:
    """What a module prints in node, which the test needs."""
    node = shutil.which("node") or pytest.skip("node is not installed")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.js").write_text(script)
    done = subprocess.run([node, "run.js"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_the_page_exports_the_same_when_it_is_joined(tmp_path: Path) -> None:
    names = sorted(SHIPPED.keys() - STARTS)
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(join_modules(name, SHIPPED).text)
    printed = run(tmp_path, COMPARE.replace("ROOT", str(ROOT)).replace("NAMES", json.dumps(names)))
    counts = dict(line.split() for line in printed.splitlines())
    assert counts.keys() == set(names)
    assert int(counts["js/lib/format.js"]) == SHIPPED["js/lib/format.js"].count("\nexport ")


def test_a_joined_module_runs_each_module_once_in_the_order_of_the_imports(tmp_path: Path) -> None:
    files = {
        "a.js": (
            'import { b, other as c } from "./in/b.js";\nimport "./in/d.js";\n'
            'export const all = [b(), c];\nconsole.log("a", ...all);'
        ),
        "in/b.js": (
            'import { x } from "./d.js";\nconsole.log("b");\nexport function b() {\n  return x;\n}\n'
            "export const other = 2;\nconst all = 3; // of its own\n"
        ),
        "in/d.js": (
            'console.log("d");\nexport const x = 1;\nexport class Y {}\nexport async function z() {\n  await x;\n}\n'
        ),
    }
    (tmp_path / "joined.js").write_text(join_modules("a.js", files).text)
    assert run(tmp_path, 'import * as m from "./joined.js";\nconsole.log(Object.keys(m), m.all);').splitlines() == [
        *("d", "b", "a 1 2"),
        "[ 'all' ] [ 1, 2 ]",
    ]


def test_a_module_that_stands_apart_is_imported_and_shared(tmp_path: Path) -> None:
    files = {
        "a.js": 'import { seen } from "./lib/seen.js";\nimport { more } from "./b.js";\nconsole.log(seen.size, more);',
        "b.js": 'import { seen } from "./lib/seen.js";\nseen.add(1);\nexport const more = "b";',
        "lib/seen.js": 'export const seen = new Set();\nconsole.log("once");',
    }
    (tmp_path / "lib").mkdir()
    for name in ("a.js", "lib/seen.js"):
        (tmp_path / name).write_text(join_modules(name, files, apart={"a.js", "lib/seen.js"} - {name}).text)
    assert run(tmp_path, 'import "./lib/seen.js";\nimport "./a.js";').splitlines() == ["once", "1 b"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("export default 1;", "export default"),
        ("export let x = 1;", "export"),
        ("const x = 1;\nexport { x };", "export"),
        ('export * from "./b.js";', "export"),
        ('import b from "./b.js";', "import"),
        ('import * as b from "./b.js";', "import"),
        ('const b = () => import("./b.js");', "import("),
        ("console.log(import.meta.url);", "import."),
        ("await fetch(1);", "await"),
        ("const a = await fetch(1);", "await"),
        ('import { nothing } from "./b.js";', "nothing, which b.js does not export"),
        ('import { b } from "./c.js";', "imports c.js, which is not there"),
        ('import { a } from "./a.js";', "import each other"),
    ],
)
def test_what_would_mean_something_else_is_refused(text: str, says: str) -> None:
    with pytest.raises(BundleError, match=r"a\.js") as caught:
        join_modules("a.js", {"a.js": text, "b.js": "export const b = 1;"})
    assert says in str(caught.value)


def test_an_import_in_a_comment_is_nobodys_import() -> None:
    text = '/** @typedef {import("./b.js").B} B */\n// import { b } from "./b.js";\nexport const a = 1;\n'
    assert join_modules("a.js", {"a.js": text}).lines[1:4] == text.replace("export ", "").splitlines()


def decoded(mappings: str) -> list[list[int] | None]:
    """The one segment of each line of a source map, with its numbers added up, or None."""
    totals = [0, 0, 0, 0]
    lines: list[list[int] | None] = []
    for line in mappings.split(";"):
        numbers, value, shift = [], 0, 0
        for letter in line:
            digit = DIGITS.index(letter)
            value |= (digit & 31) << shift
            shift += 5
            if not digit & 32:
                numbers.append(-(value >> 1) if value & 1 else value >> 1)
                value = shift = 0
        # the column starts anew on each line
        totals = (
            [numbers[0], *(total + number for total, number in zip(totals[1:], numbers[1:], strict=True))]
            if line
            else totals
        )
        lines.append(list(totals) if line else None)
    return lines


def test_the_source_map_leads_each_line_to_where_it_was_written() -> None:
    joined = join_modules("js/main.js", SHIPPED)
    found = json.loads(joined.source_map("../../"))
    assert found["version"] == 3
    lines = joined.text.splitlines()
    places = decoded(found["mappings"])
    assert len(places) == len(lines) > 5000
    mapped = 0
    for line, place in zip(lines, places, strict=True):
        if place is None:
            continue
        column, source, there, column_there = place
        assert (column, column_there) == (0, 0)
        name = posixpath.normpath(posixpath.join("static/0123456789abcdef/js", found["sources"][source]))
        written = (ROOT / name).read_text("utf-8").splitlines()[there] if mapped % 50 == 0 else None
        if written is not None and not written.startswith(("import", "}", "  ")):
            assert line == written.removeprefix("export ")
        mapped += 1
    assert mapped == sum(len(SHIPPED[name.removeprefix("../../")].splitlines()) for name in found["sources"])


def test_sheets_follow_each_other_and_may_not_refer_to_files() -> None:
    files = {"a.css": "a {}\n", "b.css": "b {\n}\n", "c.css": "c { background: url(x.png) }"}
    joined = join_sheets(["b.css", "a.css"], files)
    assert isinstance(joined, Joined)
    assert (joined.text, joined.origins) == ("b {\n}\na {}\n", [("b.css", 0), ("b.css", 1), ("a.css", 0)])
    for wrong in ("c.css", "d.css"):
        with pytest.raises(BundleError, match=wrong):
            join_sheets([wrong], files)
