"""MODULE:CALLABLE, imported, or why it cannot be, with what to do about it."""
import difflib
import importlib
import inspect
import os
import traceback


# Those of Python 2 that old runners import most.
OLD_MODULES = 'commands ConfigParser cPickle cStringIO httplib Queue StringIO urllib2 urlparse xmlrpclib'.split()
CONVERT = 'if it is Python 2, convert it with 2to3'


class Unusable(Exception):
    """The text is for who wrote the INI file."""


def load_callable(spec, folder):
    module_name, _, path = spec.partition(':')
    module = import_module(module_name, folder)
    found = module
    for name in path.split('.'):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise Unusable(explain_missing(module, path, name, found))
    check_call(spec, found)
    return found


def import_module(name, folder):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unusable(explain_import(name, error, folder))
    except SyntaxError as error:
        raise Unusable(explain_syntax(error))
    except BaseException as error:
        raise Unusable('cannot import %s: %s' % (name, describe(error, folder)))


def explain_import(name, error, folder):
    missing = getattr(error, 'name', None) or ''
    if isinstance(error, ModuleNotFoundError) and (name + '.').startswith(missing + '.'):
        return 'there is no Python module %s (it is looked for in %s, then in PYTHONPATH)' % (missing, folder)
    where = describe(error, folder)
    if missing in OLD_MODULES:
        return '%s (%s)' % (where, CONVERT)
    if isinstance(error, ModuleNotFoundError):
        return '%s (install it for this Python, or set python = …)' % where
    return where


def explain_syntax(error):
    text = '%s:%s: %s' % (error.filename, error.lineno, error.msg)
    signs = ('print', 'exec', 'except', 'exception types', 'leading zeros', 'invalid token', 'inconsistent use of tabs')
    is_old = any(sign in '%s %s' % (error.msg, error.text) for sign in signs)
    return '%s (%s)' % (text, CONVERT) if is_old else text


def explain_missing(module, path, name, parent):
    place = getattr(module, '__file__', None) or 'built in'
    what = 'module %s (%s) has no %s' % (module.__name__, place, path)
    candidates = [other for other in dir(parent) if not other.startswith('_')]
    near = difflib.get_close_matches(name, candidates, 1)
    if near:
        return '%s (did you mean %s?)' % (what, near[0])
    own = [other for other in candidates if is_own(getattr(parent, other, None), module)]
    return '%s (%s)' % (what, 'it has: ' + ', '.join(own[:8]) if own else 'it defines nothing that can be called')


def is_own(value, module):
    return callable(value) and getattr(value, '__module__', None) == module.__name__


def check_call(spec, found):
    if not callable(found):
        raise Unusable('%s is of type %s (name a function)' % (spec, type(found).__name__))
    if inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        raise Unusable('%s is a generator: to call it runs nothing (return instead of yield)' % spec)
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # not every builtin tells
        return
    try:
        signature.bind(None, None)
    except TypeError:
        raise Unusable('%s takes %s (it is called with build_request and settings)' % (spec, signature))


def describe(error, folder):
    """An error in one line: the innermost place that is the user's own, and what it says."""
    text = '%s: %s' % (type(error).__name__, error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename, folder)]
    place = '%s:%s: ' % (frames[-1].filename, frames[-1].lineno) if frames else ''
    return place + ' '.join(text.split())


def is_users(filename, folder):
    return os.path.abspath(filename).startswith(os.path.join(folder, ''))
