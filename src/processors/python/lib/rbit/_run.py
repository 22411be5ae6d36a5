"""One run of a job, as what the runner says of it on its way."""
from ._answers import to_json

# Longer texts are cut by the daemon; so much of them it need not hear.
LONGEST_TEXT = 9000


class Run:
    def __init__(self, answers, streams, name, job):
        self.job = job
        self._answers = answers
        self._streams = streams
        self._name = name

    def say(self, statement):
        """`statement`: the keys and values of an answer, as they stand in JSON."""
        self._answers.send(b'{"run":"%s",%s}' % (self._name, statement))

    def tell_progress(self, percent, message):
        statement = b'"progress":%s' % to_json(percent)
        if message is not None:
            statement += b',"message":%s' % to_json(str(message)[:LONGEST_TEXT])
        self.say(statement)

    def print_line(self, line):
        self._streams.print_line(line)
