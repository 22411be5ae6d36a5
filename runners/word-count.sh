#!/bin/sh
# Counts the words of the text that the job names, and shows all that a script gets.
#
#   [runner:word-count]
#   runner = shell!sh runners/word-count.sh %{parameters.text}
#   unit = words
#
# Job:    {"parameters": {"text": "to be or not to be"}}
# Reply:  {"status": "completed"}
#
# The text arrives as one argument, whatever is in it. The whole message is on standard input; the job's
# metadata and the runner's own settings are in the environment. What is printed is the job's output. Exit
# status 0 completes the job, 75 puts it back for later, anything else fails it with the last lines of stderr.

set -eu

if [ -z "${1-}" ]; then
  echo "no text to count" >&2
  exit 1
fi

count=$(printf '%s\n' "$1" | wc -w)
echo "job $RBIT_JOB_ID from $RBIT_QUEUE: $((count)) ${RBIT_SETTING_UNIT:-words}"
