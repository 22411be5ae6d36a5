"""How a run ended, in the words of an answer: the keys and values as they stand in JSON."""
import datetime
import os
import traceback

from ._answers import TooLarge, to_json
from ._run import LONGEST_TEXT

HERE = os.path.dirname(os.path.abspath(__file__))


def end_of_return(value):
    """Runners of the original return anything: what JSON cannot carry is no data."""
    if value is None:
        return b'"completed":true'
    try:
        return b'"completed":true,"data":%s' % to_json(value)
    except TooLarge as error:
        return failed(str(error))
    except Exception:
        return b'"completed":true'


def end_of_raise(error):
    kind = kind_of(error)
    if kind == 'Failed':
        return end_of_failed(text_of(error) or name_of(error), getattr(error, 'data', None))
    if kind == 'Blocked':
        return b'"blocked":%s,"reason":%s' % (delay_of(error), to_json(text_of(error) or name_of(error)))
    return b'"crashed":%s,"detail":%s' % (to_json(describe(error)), to_json(stack_of(error)))


def failed(message):
    return b'"failed":%s' % to_json(message)


def kind_of(error):
    """Failed and Blocked are known by name, since a runner may have imported another copy of rbit."""
    for one in type(error).__mro__:
        if one.__name__ in ('Failed', 'Blocked') and str(one.__module__).rpartition('.')[2] == 'rbit':
            return one.__name__
    return None


def end_of_failed(message, value):
    if value is None:
        return failed(message)
    try:
        return b'%s,"data":%s' % (failed(message), to_json(value))
    except TooLarge as error:
        return failed('%s (%s)' % (message, error))
    except Exception as error:
        return failed('%s (its data is not JSON: %s)' % (message, text_of(error)))


def delay_of(error):
    delay = getattr(error, 'delay', None)
    if delay is None or delay is False:
        return b'true'
    if isinstance(delay, datetime.timedelta):
        delay = delay.total_seconds() * 1000
    try:
        return to_json(delay)
    except Exception:
        return to_json(repr(delay)[:LONGEST_TEXT])


def describe(error):
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return 'the runner called sys.exit(%s)' % ('' if error.code is None else text_of(error))
    text = text_of(error)
    return '%s: %s' % (name, text) if text else name


def name_of(error):
    return 'the runner raised %s' % type(error).__name__


def text_of(error):
    try:
        return str(error)[:LONGEST_TEXT]
    except Exception:
        return '(its text cannot be had)'


def stack_of(error):
    """Without our own frames at its beginning. The end of it says more than the beginning."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(HERE):
        frames = frames.tb_next
    try:
        stack = ''.join(traceback.format_exception(type(error), error, frames)).rstrip()
    except Exception:
        return describe(error)
    return stack if len(stack) <= LONGEST_TEXT else '… ' + stack[-LONGEST_TEXT:]
