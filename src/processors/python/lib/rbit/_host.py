"""The life of a python! process: it imports the callable, says that it is ready, and runs one job after the other."""
import faulthandler
import json
import os
import signal
import sys
import types

from . import _speaker
from ._answers import Answers, to_json
from ._build_request import read_build_request
from ._callable import Unusable, load_callable
from ._end import describe, end_of_raise, end_of_return, failed
from ._run import Run
from ._streams import Streams, flush


class Stopped(SystemExit):
    """Raised where a job is when the process has to end, so that it can clean up."""


def serve(spec, folder, requests, answers):
    signal.signal(signal.SIGTERM, stop)
    # A crash of the interpreter says where it happened.
    faulthandler.enable(2)
    host = Host(Answers(answers), Streams())
    if host.load(spec, folder):
        with open(requests, 'rb') as lines:
            host.work(lines)


def stop(_number, _frame):
    raise Stopped(128 + signal.SIGTERM)


class Host:
    def __init__(self, answers, streams):
        self._answers = answers
        self._streams = streams
        self._call = None
        # One dict for all jobs of the process, as in the original.
        self._settings = None

    def load(self, spec, folder):
        try:
            self._call = load_callable(spec, folder)
        except Unusable as error:
            self._streams.restore()
            self._answers.send(b'{"unavailable":%s}' % to_json(str(error)))
            return False
        show_log()
        self._streams.keep()
        _speaker.begin_module()
        self._answers.send(b'{"ready":true}')
        return True

    def work(self, lines):
        while True:
            line = lines.readline()
            if not line:
                return
            start = line.index(b'"run":"') + 7
            name = line[start : line.index(b'"', start)]
            request = read_request(line)
            # A message may be large, and nothing of it is kept longer than it is needed.
            del line
            self._work_one(name, request)
            del request

    def _work_one(self, name, request):
        if isinstance(request, Exception):
            Run(self._answers, self._streams, name, {}).say(end_of_unread(request))
            return
        if self._settings is None:
            self._settings = request['settings']
        run = Run(self._answers, self._streams, name, request['job'])
        end = self._run(run, request.pop('build_request'))
        self._streams.restore()
        run.say(end)

    def _run(self, run, build_request):
        _speaker.begin(run)
        try:
            result = self._call(build_request, self._settings)
            if type(result) is types.CoroutineType:
                result = run_coroutine(result)
            end = end_of_return(result)
            self._leave_if_forked(0)
            return end
        except Stopped as error:
            self._leave_if_forked(error)
            raise
        except BaseException as error:
            end = end_of_raise(error)
            self._leave_if_forked(error)
            return end
        finally:
            _speaker.end()

    def _leave_if_forked(self, how):
        """A process that a job has forked, and that comes back from the job's function, ends here."""
        if self._answers.is_ours:
            return
        code = how
        if isinstance(how, SystemExit):
            code = how.code if isinstance(how.code, int) else 0 if how.code is None else 1
        elif isinstance(how, BaseException):
            sys.excepthook(type(how), how, how.__traceback__)
            code = 1
        for name in ('stdout', 'stderr'):
            flush(getattr(sys, name, None))
        os._exit(code & 0xFF)


def read_request(line):
    """A request, with what the callable is given as `build_request`; or the error that kept it from being read."""
    try:
        request = json.loads(line.decode('utf-8', 'replace'))
        request['build_request'] = read_build_request(request['job'].pop('body', None))
        return request
    except Exception as error:
        return error


def end_of_unread(error):
    """There may be memory for it another time; all else is the message's fault."""
    if isinstance(error, MemoryError):
        return end_of_raise(error)
    return failed('Python cannot read the message: %s' % describe(error))


def run_coroutine(coroutine):
    import asyncio

    if hasattr(asyncio, 'run'):
        return asyncio.run(coroutine)
    return asyncio.new_event_loop().run_until_complete(coroutine)  # Python 3.6


def show_log():
    """What a runner logs is output, unless it says itself where it goes: the original had it configured in the INI file."""
    logging = sys.modules.get('logging')
    if logging is None or logging.root.handlers or logging.root.level != logging.WARNING:
        return
    logging.root.setLevel(logging.INFO)
    logging.lastResort.setLevel(logging.INFO)
