"""Which image is made of what, and so which has to be built anew.

Nothing is listed twice: the images stand in the Makefile, what each is made of in its Dockerfile's COPY lines, and the
packages of each are cut out of the lock by what `make images` uses (images/requirements.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from images.requirements import Incomplete, Requires, cut, pins

LOCK = "requirements.lock"
CUT = PurePosixPath("dist/images")
"""Where `make images` puts what it cuts out of the lock: no commit has it."""

Recipe = Mapping[str, str]
"""What an image is made of: each file or folder by its git object, each list of packages by its hash."""


class Unreadable(Exception):
    """The Makefile or a Dockerfile is not of the form that is read here."""


@dataclass(frozen=True)
class Component:
    """One of the images."""

    name: str
    dockerfile: str
    without: tuple[str, ...] = ()
    """Packages that its part asks for and it never imports."""


def table(makefile: str) -> dict[str, Component]:
    """The images that the Makefile names, by name. Raises Unreadable."""
    found = dict(re.findall(r"^(IMAGES|DOCKERFILE_\w+|WITHOUT_\w+) := (.*)$", makefile, re.MULTILINE))
    if "IMAGES" not in found:
        raise Unreadable("expected a line `IMAGES := ...` in the Makefile, found none")
    try:
        return {
            name: Component(name, found[f"DOCKERFILE_{name}"], tuple(found.get(f"WITHOUT_{name}", "").split()))
            for name in found["IMAGES"].split()
        }
    except KeyError as error:
        raise Unreadable(f"expected a line `{error.args[0]} := ...` in the Makefile, found none") from None


def sources(dockerfile: str) -> list[str]:
    """What it copies out of the checkout, in the order of its lines."""
    lines = re.sub(r"\\\n", " ", dockerfile).splitlines()
    copies = [line.split()[1:] for line in lines if re.match(r"(COPY|ADD)\s", line)]
    return [path for words in copies if not any(word.startswith("--from=") for word in words)
            for path in [word for word in words if not word.startswith("--")][:-1]]  # fmt: skip


def recipe(
    component: Component,
    read: Callable[[str], str],
    objects: Callable[[Iterable[str]], Mapping[str, str]],
    requires: Requires,
) -> Recipe:
    """What a commit makes the image of; `read` gives a file's text there, `objects` the git objects of paths.

    Raises Incomplete if the commit's lock lacks a package, and Unreadable.
    """
    copied = [PurePosixPath(path) for path in sources(read(component.dockerfile))]
    lists = [path.stem for path in copied if path.parent == CUT]
    paths = [component.dockerfile, *(str(path) for path in copied if path.parent != CUT)]
    found = dict(objects(paths))
    if missing := sorted(set(paths) - found.keys()):
        raise Unreadable(f"{component.dockerfile} copies {', '.join(missing)}, which its commit does not have")
    locked = pins(read(LOCK)) if lists else {}
    for part in lists:
        text = cut(part, locked, requires, component.without)
        found[f"packages of {part}"] = sha256(text.encode()).hexdigest()
    return found


__all__ = ["Component", "Incomplete", "Recipe", "Unreadable", "recipe", "sources", "table"]
