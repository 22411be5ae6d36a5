// Sends one HTTP request, and fails unless the answer has the status that the job expects.
//
//   [runner:http-request]
//   runner = module!runners/http-request.ts
//   concurrency = 20
//   allow = build.example.com:8080 *.services.example.com
//
// Job:    {"parameters": {"subcommand": "Get", "url": "http://build.example.com:8080/health", "code": 200}}
// Reply:  {"status": "completed", "data": "URL returned 200 as expected."}
//
// Job:    {"parameters": {"subcommand": "Post", "url": "https://a.services.example.com/jobs", "code": [200, 201],
//          "contenttype": "application/json", "content": "{}"}}
// Reply:  {"status": "failed", "message": "expected status 200 or 201 but got 404"}
//
// Parameters: `subcommand` (Get Head Post Put Patch Delete) or `method`; `url`; `code`, a status or several (200);
// `content`, a text, or anything else to be sent as JSON; `contenttype`; `b64encoded` when the content is base64;
// `headers`; `timeout` in seconds, to wait less than the setting says.
//
// `allow` (required) lists the hosts that a message may name: `host` on its usual port, `host:8080`, `host:*`. In a host a
// `*` stands for anything; what it lets in may not lead to this machine, nor, without `private-addresses = yes`, to a
// private network. Redirects stay within the list; another origin gets no header and no content of the job.
//
// A mistake in the section blocks its jobs until it is mended. A 429 or 503 with a Retry-After blocks the job for so long. No answer, or a 5xx that was not expected, is a failure
// that `retries` may try again; any other answer is final.
//
// Settings: `authorization = Bearer ${file:/run/credentials/rbit/token}` goes to every host of the list, so write one
// section for each secret. `request-timeout` in seconds (30). `ca-file`, an absolute path. `response = yes` makes `data`
// {"status": 200, "type": "text/plain", "body": "…"}, with at most `response-limit` bytes (65536) of the body.
//
// Its parts are in the folder http-request, which has to lie beside this file.

import { Blocked, Failed, type Job, type JobContext } from 'rbit-ts';
import { type Answer, follow } from './http-request/follow.ts';
import { isYes, readNumber, type Settings } from './http-request/settings.ts';
import { readRequest } from './http-request/request.ts';

export default async function sendRequest(job: Job, context: JobContext): Promise<unknown> {
  const { settings } = context;
  const request = readRequest(job.parameters, settings);
  const limitMs = readTimeoutMs(job.parameters['timeout'], settings);
  const deadline = AbortSignal.timeout(limitMs);
  const answer = await follow(request, settings, AbortSignal.any([context.signal, deadline])).catch(
    (error: unknown) => {
      if (error instanceof Failed || error instanceof Blocked || context.signal.aborted) throw error;
      const { message, code } = error as NodeJS.ErrnoException;
      const why = deadline.aborted ? `within ${limitMs / 1000} s` : `(${message || code})`;
      throw new Error(`no answer from ${request.url.host} ${why}`, { cause: error });
    },
  );
  context.output(`${request.method} ${request.url.origin}${request.url.pathname} answered ${answer.status}`);
  return judge(answer, request.codes, settings);
}

function judge({ status, headers, body }: Answer, codes: readonly number[], settings: Settings): unknown {
  if (codes.includes(status)) {
    if (!isYes(settings['response'])) return `URL returned ${status} as expected.`;
    return { status, type: headers['content-type'] ?? '', body: body.toString() };
  }
  const waitMs = status === 429 || status === 503 ? parseRetryAfterMs(headers['retry-after']) : undefined;
  if (waitMs !== undefined) throw new Blocked(`the server answered ${status}`, { delay: waitMs });
  const message = `expected status ${codes.join(' or ')} but got ${status}`;
  throw status >= 500 ? new Error(message) : new Failed(message);
}

function readTimeoutMs(asked: unknown, settings: Settings): number {
  const most = readNumber(settings, 'request-timeout', 30);
  const seconds = asked === undefined ? most : Math.min(Number(asked), most);
  if (!(seconds > 0)) throw new Failed('parameters.timeout must be a number of seconds');
  return seconds * 1000;
}

const LONGEST_DELAY_MS = 86_400_000;

/** Seconds, or a date; at most a day. */
function parseRetryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 1_000), LONGEST_DELAY_MS);
}
