# Greets whoever the job names, and says so in its reply.
#
#   [runner:hello]
#   runner = python!runners.hello:hello
#   greeting = Hello
#
# Job:    {"parameters": {"name": "Ada"}}
# Reply:  {"status": "completed", "data": {"greeting": "Hello, Ada!"}}
#
# The first argument is the message's JSON as Python has it, or, when PyBit sent it, a BuildRequest with
# its getters; the second is a dict of all keys of the section. What is printed is the job's output.

import rbit


def hello(build_request, settings):
    name = build_request.get('parameters', {}).get('name')
    if not isinstance(name, str) or not name:
        raise rbit.Failed('parameters.name must be a name')
    greeting = '%s, %s!' % (settings.get('greeting', 'Hello'), name)
    print(greeting)
    return {'greeting': greeting}
