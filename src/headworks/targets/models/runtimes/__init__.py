"""The kinds of model: Python code, and files without code. Each is imported when a model of it is loaded."""

from importlib import import_module

from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import HttpRunner, Runner, Source

_HERE = "headworks.targets.models.runtimes"

RUNTIMES = {
    "python": f"{_HERE}.python:load",
    "onnx": f"{_HERE}.onnx:load",
    "skops": f"{_HERE}.sklearn:load_skops",
    "sklearn": f"{_HERE}.sklearn:load_pickled",
    "xgboost": f"{_HERE}.trees:load_xgboost",
    "lightgbm": f"{_HERE}.trees:load_lightgbm",
    "asgi": f"{_HERE}.asgi:load",
    "wsgi": f"{_HERE}.wsgi:load",
}
"""What loads each kind, as `module:function`."""

EXTRAS = {
    "onnxruntime": "onnx",
    "skops": "sklearn",
    "sklearn": "sklearn",
    "joblib": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "PIL": "image",
    "pydantic": "pydantic",
}
"""Which extra brings a package that a runtime, or a model, imports."""


def load(source: Source) -> Runner | HttpRunner:
    """The loaded model; its examples have not run yet.

    Raises: ConfigurationRefused, saying what about the source is wrong and how to fix it; what the model's own
    code raises while it loads.
    """
    path = RUNTIMES.get(source.kind)
    if path is None:
        raise ConfigurationRefused(f"{source.kind!r} is no kind of model; there are {', '.join(RUNTIMES)}.")
    module, _, name = path.partition(":")
    try:
        runner: Runner | HttpRunner = getattr(import_module(module), name)(source)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise ConfigurationRefused(
            f"{source.reference} needs the package {package!r}; install headworks[{EXTRAS[package]}]."
        ) from error
    return runner
