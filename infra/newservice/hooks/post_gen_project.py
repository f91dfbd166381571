"""Makes a service out of the copy: its nouns, its line in services/all, its block in template.yaml, its route in gateway.yaml.

cookiecutter reads this as a template of its own first: no brace may stand twice. It looks at everything first and changes nothing where something does not fit; what it then changes is four files and one folder.
"""
import os
import pathlib
import re
import shutil
import sys

MODULE = "github.com/banyan-migration/banyan"
SAMPLE = "lantern"  # what the copy is called everywhere


def stop(why):
    sys.exit(f"{why}. Nothing was made.")


def find_root(start):
    """The repository: it has our go.mod and services/all."""
    for folder in [start, *start.parents]:
        mod = folder / "go.mod"
        if mod.is_file() and re.search(rf"^module {re.escape(MODULE)}$", mod.read_text(), re.M):
            return folder
    return stop(f"{start} is not in Banyan's repository: call it there")


def named(text, name):
    """The sample's text with the new name in the sample's place."""
    return text.replace(SAMPLE, name).replace(SAMPLE.capitalize(), name.capitalize())


def with_line(text, name):
    """services/all/all.go with the service's import and its line, in order."""
    def insert(text, pattern, line):
        found = [m for m in re.finditer(pattern, text, re.M)]
        if not found:
            stop(f"services/all/all.go has no line such as {line.strip()}")
        if any(m.group(1) == name for m in found):
            stop(f"services/all/all.go lists {name} already")
        after = [m for m in found if m.group(1) < name]
        at = after[-1].end() if after else found[0].start()
        return text[:at] + line + text[at:]

    text = insert(text, rf'^\t"{re.escape(MODULE)}/services/(\w+)"\n', f'\t"{MODULE}/services/{name}"\n')
    return insert(text, r'^\t\{Name: "(\w+)",.*\n', "\t{" + f'Name: "{name}", New: {name}.New' + "},\n")


def with_block(text, name, block):
    """template.yaml with the service's block after the last resource."""
    logical = name.capitalize()
    if re.search(rf"^  {logical}(Store|Alarms)?:", text, re.M):
        stop(f"template.yaml has a resource {logical} already")
    if len(re.findall(r"^Outputs:", text, re.M)) != 1:
        stop("template.yaml has no line Outputs: before which the block would stand")
    return re.sub(r"^Outputs:", lambda _: block + "\nOutputs:", text, flags=re.M)


def with_route(text, name, route):
    """gateway.yaml with the service's group at weight 0, at its end."""
    if re.search(rf"^  {name}:", text, re.M):
        stop(f"gateway.yaml has {name} already")
    keys = re.findall(r"^([a-z_]+):", text, re.M)
    if not keys or keys[-1] != "groups":
        stop("gateway.yaml does not end with its groups, where the route would stand")
    return text.rstrip("\n") + "\n" + route


def main():
    made = pathlib.Path.cwd()
    name = made.name
    root = find_root(made.parent)
    home = root / "services" / name
    if home != made and home.exists():
        stop(f"services/{name} is there already")
    parts = made / "parts"
    edits = {}
    for file, edit in (
        ("services/all/all.go", lambda text: with_line(text, name)),
        ("template.yaml", lambda text: with_block(text, name, named((parts / "template.yaml").read_text(), name))),
        ("gateway.yaml", lambda text: with_route(text, name, named((parts / "gateway.yaml").read_text(), name))),
    ):
        path = root / file
        if not path.is_file():
            stop(f"{path} is not there")
        edits[path] = edit(path.read_text())
    shutil.rmtree(parts)
    for path in sorted(made.rglob("*")):
        if path.is_file():
            path.write_text(named(path.read_text(), name))
            path.rename(path.with_name(path.name.replace(SAMPLE, name)))
    if home != made:
        os.chdir(root)
        shutil.move(str(made), str(home))
    for path, text in edits.items():
        path.write_text(text)
    print(f"services/{name}, and its places in {', '.join(str(p.relative_to(root)) for p in edits)}: now change the nouns, then make check")


main()
