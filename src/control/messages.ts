import type { DaemonStatus } from '../job/status.ts';

/*
 * What is said on the control socket: one line of JSON each way.
 *
 *   client   {"command":"cancel","job":"0b8f…","queue":"worker.pdf"}
 *   daemon   {"ok":true,"answer":{"cancelled":1}}  or  {"ok":false,"error":"…"}
 */

export type ControlRequest =
  | { readonly command: 'status' }
  /** `queue`: only jobs of that one; undefined: of any. */
  | { readonly command: 'cancel'; readonly job: string; readonly queue?: string }
  | { readonly command: 'pause'; readonly queue: string }
  | { readonly command: 'resume'; readonly queue: string }
  | { readonly command: 'reload' };

export type Command = ControlRequest['command'];

/** What each command is answered with. */
export interface ControlAnswers {
  readonly status: DaemonStatus;
  readonly cancel: { readonly cancelled: number };
  readonly pause: QueueAnswer;
  readonly resume: QueueAnswer;
  readonly reload: ReloadAnswer;
}

export type ReloadAnswer =
  /** What has changed, and what takes a restart, in words: one line a fact. */
  | { readonly kind: 'done'; readonly changes: readonly string[]; readonly warnings: readonly FileProblem[] }
  /** Nothing has: what is wrong with the INI files, all of it. */
  | { readonly kind: 'refused'; readonly problems: readonly FileProblem[] }
  /** Nothing has, and nothing will any more. */
  | { readonly kind: 'stopping' };

/** What is wrong in an INI file, and where; without secrets. */
export interface FileProblem {
  /** An absolute path. */
  readonly file: string;
  readonly line?: number;
  readonly section?: string;
  readonly key?: string;
  readonly value?: string;
  readonly message: string;
  readonly fix?: string;
}

export type QueueAnswer =
  /** `changed` is false when it was so before. */
  | { readonly kind: 'done'; readonly changed: boolean; readonly running: number }
  /** This daemon works no such queue, but these. */
  | { readonly kind: 'unknown'; readonly queues: readonly string[] }
  /** It takes nothing from any queue any more. */
  | { readonly kind: 'stopping' };

/** How each command is carried out; may throw, which is told to the client. */
export type ControlHandlers = {
  readonly [C in Command]: (
    request: Extract<ControlRequest, { command: C }>,
  ) => ControlAnswers[C] | Promise<ControlAnswers[C]>;
};

/** Names of all commands. */
export const COMMANDS = [
  'status',
  'cancel',
  'pause',
  'resume',
  'reload',
] as const satisfies readonly Command[];

/** Reads a request; text that is none is returned as the reason, in words for whoever has sent it. */
export function readRequest(line: string): ControlRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'not an object';
  const { command, job, queue } = value as Readonly<Record<string, unknown>>;
  switch (command) {
    case 'status':
    case 'reload':
      return { command };
    case 'cancel':
      if (typeof job !== 'string') return 'cancel: "job" has to be text';
      if (queue === undefined) return { command, job };
      return typeof queue === 'string' ? { command, job, queue } : 'cancel: "queue" has to be text';
    case 'pause':
    case 'resume':
      return typeof queue === 'string' ? { command, queue } : `${command}: "queue" has to be text`;
    default:
      return `no such command; this daemon knows ${COMMANDS.join(', ')}`;
  }
}
