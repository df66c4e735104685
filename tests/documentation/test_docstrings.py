"""Every public name says what it promises: shapes of arrays, units of numbers, what is raised, a metric's source."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap

import pytest

import reference
from soundstage.catalogue.parameters import constructor_parameters
from soundstage.catalogue.plugins import discover

SHAPE = re.compile(r"\((?:…|\.\.\.|\d+|[a-z_]+)(?:, (?:…|\.\.\.|\d+|[a-z_]+))*,?\)")
UNIT = re.compile(
    r"\b(?:dB|Hz|kHz|µs|ms|seconds?|degrees?|samples?|bytes?|MB|GB|decades?|octaves?|bits?|s|parts?|rates?|unit|times"
    r"|ratio|shares?|factor|gain|fraction|power|probability|correlation|of 1|[Vv]alues?|percent|exponent)\b|[°%×]"
)
UNIT_IN_NAME = re.compile(
    r"_(?:db|hz|us|ms|s|deg|degrees|seconds|samples|mb)$|seconds|^gain$|^azimuths?$|^elevations?$"
)
SOURCE = re.compile(r"\b(?:19|20)\d\d\b|\bmuseval|\beq\b|\beqs\b")


def public():
    """Every public class and function, with the methods of classes: name → object, and the class whose it is."""
    for page in reference.MODULES:
        for module, name, found in reference.public_objects(page):
            yield f"{module}.{name}", found, None
            if inspect.isclass(found):
                for method, inner in reference.methods(found):
                    yield f"{module}.{name}.{method}", inner, found


PUBLIC = [pytest.param(found, owner, id=name) for name, found, owner in public()]
PLUGINS = [
    pytest.param(plugin, id=f"{kind[:-1]} {name}")
    for kind, held in discover().plugins.items()
    for name, plugin in held.items()
    if reference.is_ours(plugin) and plugin.script is None
]


def said_of(name, text):
    """Whether a docstring speaks of a parameter by its name."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w(])", text) is not None


def annotated(found):
    """Name → annotation as text, of what a function takes, or a class's fields."""
    if inspect.isclass(found):
        return {name: str(one) for name, one in inspect.get_annotations(found).items()}
    return {name: str(one.annotation) for name, one in inspect.signature(found).parameters.items() if name != "self"}


def raised(found):
    """The names of exceptions that a function's own lines raise."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
    except OSError:
        return set()
    inner = {id(one) for node in ast.walk(tree.body[0]) if node is not tree.body[0] for one in nested(node)}
    raises = (node for node in ast.walk(tree) if isinstance(node, ast.Raise) and id(node) not in inner)
    calls = (node.exc.func for node in raises if isinstance(node.exc, ast.Call))
    return {call.id for call in calls if isinstance(call, ast.Name)}


def nested(node):
    """What lies in a function within a function, which others call."""
    return ast.walk(node) if isinstance(node, (ast.FunctionDef, ast.Lambda)) else ()


@pytest.mark.parametrize(("found", "owner"), PUBLIC)
def test_a_public_name_says_what_it_promises(found, owner):
    own = inspect.cleandoc(found.__doc__ or "")
    name = getattr(found, "__name__", str(found))
    assert own, "it has no docstring"
    assert not own.startswith(f"{name}("), "its docstring is the one that dataclasses make"
    text = own + ("\n" + (owner.__doc__ or "") if owner else "")
    for parameter, annotation in annotated(found).items():
        if re.search(r"Samples|NDArray|ArrayLike", annotation):
            assert SHAPE.search(text), f"say the shape of {parameter}, as in (channels, samples)"
        if re.search(r"\bfloat\b", annotation) and not UNIT_IN_NAME.search(parameter):
            assert said_of(parameter, text) or parameter == "value", f"say what {parameter} is"
            assert UNIT.search(text), f"say the unit of {parameter}"
    if inspect.isfunction(found):
        for error in raised(found):
            assert error in text, f"say that it raises {error}, and when"


@pytest.mark.parametrize(("found", "owner"), PUBLIC)
def test_the_parameters_of_a_public_function_are_spoken_of(found, owner):
    if inspect.isfunction(found) and owner is None:
        text = found.__doc__ or ""
        missing = [name for name in annotated(found) if not said_of(name, text)]
        assert not missing, f"say what {', '.join(missing)} is"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_says_what_each_of_its_parameters_is(plugin):
    made = plugin.load()
    text = f"{made.__doc__}\n{made.__init__.__doc__}"
    missing = [name for name in constructor_parameters(made) if not said_of(name, text)]
    assert not missing, f"{plugin.target}: say what {', '.join(missing)} is"


@pytest.mark.parametrize("module", reference.metric_modules())
def test_a_metric_names_its_source(module):
    said = [found.__doc__ or "" for name, _, found in reference.public_objects("metric-functions") if name == module]
    registered = [one for one in discover().plugins["metrics"].values() if one.target.startswith(f"{module}:")]
    own = importlib.import_module(module).__doc__ or ""
    text = " ".join([own, *said, *(one.citation for one in registered)])
    assert SOURCE.search(text) or "no paper has it" in text, f"{module}: name paper and equation"
