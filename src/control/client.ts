import { isDead } from './claim-path.ts';
import { codeOf, connect } from './connect.ts';
import type { ControlAnswers, ControlRequest } from './messages.ts';
import { readLine } from './read-line.ts';
import { findSockets, socketPath, whyTooLong } from './socket-path.ts';

/** The largest answer that is read: the status of tens of thousands of jobs. */
const MOST_BYTES = 64 * 1024 * 1024;
const CONNECT_LIMIT_MS = 5_000;

/** What came of asking one daemon. */
export type Asked<C extends ControlRequest['command']> =
  | { readonly kind: 'answer'; readonly answer: ControlAnswers[C] }
  /** It lives, but there is no answer to be had: `why` in words that name its socket. */
  | { readonly kind: 'failed'; readonly why: string };

/**
 * Asks every daemon of a state folder at once; `[]`: none lives. A folder or a socket that may not be opened is a
 * failure as well: there may be a daemon.
 */
export async function askAll<C extends ControlRequest['command']>(
  folder: string,
  request: Extract<ControlRequest, { command: C }>,
  limitMs: number,
): Promise<Asked<C>[]> {
  let sockets: string[];
  try {
    sockets = await findSockets(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
    return [{ kind: 'failed', why: whyNot(folder, error) }];
  }
  const tooLong = sockets.length === 0 ? undefined : whyTooLong(socketPath(folder, 1));
  if (tooLong !== undefined) return [{ kind: 'failed', why: tooLong }];
  const asked = await Promise.all(sockets.map((path) => ask<C>(path, request, limitMs)));
  return asked.filter((one) => one !== undefined);
}

async function ask<C extends ControlRequest['command']>(
  path: string,
  request: Extract<ControlRequest, { command: C }>,
  limitMs: number,
): Promise<Asked<C> | undefined> {
  try {
    const socket = await connect(path, CONNECT_LIMIT_MS);
    try {
      socket.write(`${JSON.stringify(request)}\n`);
      return readAnswer<C>(path, await readLine(socket, { maxBytes: MOST_BYTES, limitMs }));
    } finally {
      socket.destroy();
    }
  } catch (error) {
    return isDead(error) ? undefined : { kind: 'failed', why: whyNot(path, error) };
  }
}

function readAnswer<C extends ControlRequest['command']>(path: string, line: string): Asked<C> {
  if (line === '') throw new Error('it hung up without an answer');
  const said = JSON.parse(line) as
    | { readonly ok: true; readonly answer: ControlAnswers[C] }
    | { readonly ok: false; readonly error: string };
  return said.ok
    ? { kind: 'answer', answer: said.answer }
    : { kind: 'failed', why: `${path}: ${said.error}` };
}

function whyNot(path: string, error: unknown): string {
  if (['EACCES', 'EPERM'].includes(codeOf(error)))
    return `${path} may not be opened: call this as the user whom the daemon runs as`;
  return `${path}: ${error instanceof Error ? error.message : String(error)}`;
}
