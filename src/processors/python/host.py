# -*- coding: utf-8 -*-
"""
The inside of a python! process: python3 host.py MODULE:CALLABLE FOLDER

Jobs come on file descriptor 3, one JSON object a line, and answers go to 4: the protocol of runners/coprocess.md.
Everything here is written so that Python 2 can read it, and say what it is.
"""
import json
import os
import sys

OLDEST = (3, 6)
REQUESTS, ANSWERS = 3, 4


def main():
    if sys.version_info < OLDEST:
        version = '.'.join(str(part) for part in sys.version_info[:3])
        reason = 'python! needs Python 3.6 or newer, and %s is %s (set python = …)' % (sys.executable, version)
        os.write(ANSWERS, (json.dumps({'unavailable': reason}) + '\n').encode('ascii'))
        return
    _, spec, folder = sys.argv
    for descriptor in (REQUESTS, ANSWERS):
        os.set_inheritable(descriptor, False)
    serve = import_serve(folder)
    serve(spec, folder, REQUESTS, ANSWERS)


def import_serve(folder):
    """
    Leaves a path that begins with the runner's folder, as that of a script does. Our library comes next, for the
    processes that multiprocessing starts; here it is imported first, so that another rbit.py, such as the original in
    the runner's folder, does not take its place.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    library = os.path.join(here, 'lib')
    others = [path for path in sys.path if path not in ('', here)]
    usual = sys.dont_write_bytecode
    # The folder of a package is no place for caches.
    sys.dont_write_bytecode = True
    sys.path[:] = [library] + others
    from rbit._host import serve

    sys.path[:] = [folder, library] + others
    sys.dont_write_bytecode = usual
    return serve


if __name__ == '__main__':
    main()
