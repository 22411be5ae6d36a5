import type { Job } from '../../job/job.ts';

const LINE_ENDS = /[\n\r]/g;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/** What the line begins with that hands a job to a process: by this a shell can cut the run out. */
export function requestHead(run: string): string {
  return `{"run":"${run}"`;
}

/**
 * The line that hands a job to a process, in parts: a large body is not copied. The body is what the message holds, as it is written there: no number changes on its way through
 * JavaScript. `settings` are JSON already. Throws when the job's headers cannot be turned into JSON.
 */
export function writeRequest(run: string, job: Job, input: Uint8Array, settings: string): Buffer[] {
  const { body, parameters: _parameters, dynamic: _dynamic, notify: _notify, ...facts } = job;
  const before = Buffer.from(`${requestHead(run)},"job":${JSON.stringify(facts).slice(0, -1)},"body":`);
  return [before, bodyOf(body, input), Buffer.from(`},"settings":${settings}}\n`)];
}

/** A body that is no text was read from JSON, in which a line end can only stand between two words. */
function bodyOf(body: unknown, input: Uint8Array): Buffer {
  if (typeof body === 'string' || input.length === 0) return Buffer.from(JSON.stringify(body) ?? 'null');
  const raw = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const json = raw.subarray(0, 3).equals(BYTE_ORDER_MARK) ? raw.subarray(3) : raw;
  if (!json.includes('\n') && !json.includes('\r')) return json;
  return Buffer.from(json.toString('latin1').replace(LINE_ENDS, ' '), 'latin1');
}
