"""The house stands: imports run downward only, names are kept, modules stay small."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wechatpay_chain

PACKAGE = Path(wechatpay_chain.__file__).parent
LAYERS: list[set[str]] = [
    {"errors", "extras", "reasons", "version", "warning"},
    {"protocol"},
    {
        "addresses",
        "bodies",
        "catalogue",
        "chain",
        "checks",
        "crypto",
        "formatter",
        "headers",
        "keys",
        "media",
        "openapi",
        "opening",
        "option_values",
        "options",
        "payload",
        "pem",
        "platform_keys",
        "promise",
        "refusals",
        "response",
        "tls",
        "tls_material",
        "transformer",
    },
    {"middleware"},
    {
        "bills",
        "builder",
        "certificates",
        "client",
        "driver",
        "flow",
        "interruption",
        "limiter",
        "loops",
        "parts",
        "payments",
        "placement",
        "redis_library",
        "sessions",
        "sinks",
        "webhooks",
    },
    {"integrations", "sandbox"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# What must stay pure: neither clock nor chance, neither network nor disk.
IMPURE = {"aiohttp", "asyncio", "time", "datetime", "random", "secrets", "os", "pathlib", "socket",
          "logging", "threading", "io", "tempfile", "multidict", "yarl"}  # fmt: skip
# Without site, whose .pth files load modules of other packages, paths must be told.
PATHS = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def name_of(path: Path) -> str:
    """Return a module's dotted name below the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> list[tuple[str, int]]:
    """Return (module, line) of every import that runs; those for type checkers only do not."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped.update(inner for part in node.body for inner in ast.walk(part))
    found = []
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            base = node.module or ""
            found += [(f"{base}.{alias.name}", node.lineno) for alias in node.names]
    return found


def own(module: str) -> str | None:
    """Return the part of the package that an imported name belongs to."""
    parts = module.split(".")
    if parts[0] != "wechatpay_chain":
        return None
    return next((part for part in parts[1:2] if part in RANK), "")


def test_the_table_of_layers_is_the_documented_one() -> None:
    """The page for contributors shows the layers that are enforced, the lowest last."""
    page = (PACKAGE.parent / "docs" / "contributing.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) \| (.+) \|$", page, re.MULTILINE)
    assert [int(rank) for rank, _ in rows] == [*range(len(LAYERS))][::-1]
    assert [set(re.findall("`([^`]+)`", names)) for _, names in rows] == LAYERS[::-1]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_downward(path: Path) -> None:
    """A module imports its own layer's and lower ones' modules, never a higher one's."""
    rank = RANK[name_of(path).split(".")[0]]
    for module, line in imports(path):
        part = own(module)
        if part is not None and part != "":
            assert RANK[part] <= rank, f"{path}:{line} imports {module} from above"
        elif part == "":
            assert name_of(path).startswith(("cli", "sandbox")), f"{path}:{line}: {module}"


def test_there_are_no_circles() -> None:
    """No module needs itself, over however many others."""
    graph: dict[str, set[str]] = {}
    names = {name_of(path) for path in MODULES}
    for path in MODULES:
        wanted = (module.removeprefix("wechatpay_chain.") for module, _ in imports(path))
        known = {n if n in names else n.rpartition(".")[0] for n in wanted}
        graph[name_of(path)] = (known & names) - {name_of(path)}

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join((*above, name))
        for needed in graph[name]:
            visit(needed, (*above, name))

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", sorted((PACKAGE / "protocol").glob("*.py")), ids=name_of)
def test_the_protocol_is_pure(path: Path) -> None:
    """Clock, chance, network and disk are passed in to the protocol."""
    for module, line in imports(path):
        assert module.split(".")[0] not in IMPURE, f"{path}:{line} imports {module}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "sandbox").glob("*.py")), ids=name_of)
def test_the_sandbox_checks_with_its_own_eyes(path: Path) -> None:
    """The gateway shares no signing or checking code with the client."""
    allowed = {"errors", "catalogue", "sandbox", "client"}
    for module, line in imports(path):
        # The client that a brand's gateway makes is told to sign as one.
        if (path.stem, module) == ("gateway", "wechatpay_chain.protocol.scheme.Scheme"):
            continue
        assert own(module) in {None, *allowed}, f"{path}:{line} imports {module}"


def test_nothing_is_named_after_nothing() -> None:
    """No module is a drawer for leftovers."""
    drawers = {"utils", "util", "helpers", "helper", "base", "core", "common", "misc"}
    assert not {part for path in MODULES for part in name_of(path).split(".")} & drawers


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_stays_small(path: Path) -> None:
    """A module of more than 350 lines holds two things."""
    assert len(path.read_text("utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_names_are_documented(path: Path) -> None:
    """Every public module, class and function says in its first line what it does."""
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path} has no docstring"
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name}"


def test_all_lists_what_is_there() -> None:
    """Every public name of the package is in __all__, sorted, and there."""
    assert wechatpay_chain.__all__ == sorted(wechatpay_chain.__all__)
    assert set(wechatpay_chain.__all__) <= set(dir(wechatpay_chain))
    for name in wechatpay_chain.__all__:
        assert getattr(wechatpay_chain, name) is not None


def test_a_public_name_is_imported_from_where_checkers_see_it() -> None:
    """What type checkers read and what is imported at run time are one list."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    seen = {
        alias.name: (node.module or "").removeprefix("wechatpay_chain.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wechatpay_chain")
        for alias in node.names
    }
    assert seen.pop("__version__") == "version"
    assert seen == wechatpay_chain._HOME
    assert sorted(seen) == wechatpay_chain.__all__
    assert set(wechatpay_chain.__all__) <= set(dir(wechatpay_chain))
    assert wechatpay_chain.errors.WechatPayError is wechatpay_chain.WechatPayError
    assert not hasattr(wechatpay_chain, "Nothing")


def test_looking_an_operation_up_does_not_wait_for_aiohttp() -> None:
    """The package, its catalogue and the command import neither aiohttp nor cryptography."""
    program = (
        "import sys\n"
        "from wechatpay_chain.cli import main\n"
        "main(['api', 'punish'])\n"
        "print({'aiohttp', 'cryptography', 'asyncio', 'rich'} & set(sys.modules))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ended.stdout.decode().splitlines()[-1] == "set()"


def test_every_error_is_in_the_tree() -> None:
    """Each error has one root, is exported, documented, drawn, and says if it was sent."""
    from wechatpay_chain import errors

    for name in errors.__all__:
        thing = getattr(errors, name)
        assert name in wechatpay_chain.__all__
        if isinstance(thing, type) and issubclass(thing, Exception):
            assert issubclass(thing, errors.WechatPayError)
            assert name in (errors.__doc__ or "")
            assert thing.__doc__
            assert isinstance(thing.sent, bool)


def test_importing_the_package_loads_nothing_else() -> None:
    """Names are loaded when used, submodules too; what is not there is an AttributeError."""
    code = (
        "import sys, wechatpay_chain\n"
        "heavy = {'aiohttp', 'cryptography', 'asyncio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from wechatpay_chain import catalogue\n"
        "assert catalogue.find('POST', 'v3/pay/transactions/native').name\n"
        "assert 'aiohttp' not in sys.modules\n"
        "assert wechatpay_chain.errors.RequestError is wechatpay_chain.RequestError\n"
        "assert not hasattr(wechatpay_chain, 'no_such_name')\n"
        "assert wechatpay_chain.Client is wechatpay_chain.client.Client\n"
        "assert {'describe', 'search'} <= set(dir(wechatpay_chain.catalogue))\n"
        "assert wechatpay_chain.middleware and wechatpay_chain.protocol\n"
    )
    subprocess.run([sys.executable, "-S", "-c", code], check=True, cwd=PACKAGE.parent, env=PATHS)
