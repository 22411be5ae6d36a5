#!/bin/sh
# Greets whoever the job names, says how far it is, and has something to say in its reply.
#
#   [runner:hello]
#   runner = shell!sh runners/hello.sh %{parameters.name}
#   greeting = Hello
#
# Job:    {"parameters": {"name": "Ada"}}
# Reply:  {"status": "completed", "data": {"letters": 3}}
#
# What is printed is the job's output. What the job has to say besides goes to the file $RBIT_REPORT, a JSON object a line.

set -eu

if [ -z "${1-}" ]; then
  echo '{"failed": "parameters.name must be a name"}' >>"$RBIT_REPORT"
  exit 1
fi

echo "${RBIT_SETTING_GREETING:-Hello}, $1!"
echo '{"progress": 50, "message": "greeted"}' >>"$RBIT_REPORT"

letters=$(printf %s "$1" | wc -m)
echo "{\"data\": {\"letters\": $((letters))}}" >>"$RBIT_REPORT"
