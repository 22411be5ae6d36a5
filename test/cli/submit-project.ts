import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';

/** What clears the live line of a terminal. */
export const CLEAR = '\r\u{1b}[K';

export const MODULES = {
  'pages.mjs': `export default async ({ parameters }, { output, progress }) => {
    for (const page of [1, 2]) {
      output(\`page \${page} of \${parameters.name}\`);
      progress(page * 50, \`page \${page}\`);
      await new Promise((resolve) => setTimeout(resolve, parameters.ms ?? 10));
    }
    return { pages: 2, name: parameters.name };
  };`,
  'hostile.mjs': `export default (_, { output, progress }) => {
    output('a\\u001b[31mb\\u001b[2J\\u001b]0;title\\u0007\\u009b5A\\rc');
    progress(10, '\\u001b[2Jx');
    return { '\\u001b[2J': '\\u009b5A' };
  };`,
  'odd.mjs': `import { Failed } from 'rbit-ts';
  export default ({ parameters }) => { if (parameters.fail) throw new Failed('no such package', { tried: 2 }); };`,
};

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of ours that may still run; `output` is what it has printed so far. */
export interface Started {
  readonly child: ChildProcess;
  readonly output: { stdout: string };
  readonly ended: Promise<Ended>;
}

/** Starts a command, with all of its standard input. */
export function start(
  command: string,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): Started {
  const child = spawn(command, args, {
    env: { ...process.env, TERM: 'xterm', LC_ALL: 'C.UTF-8', ...env },
    stdio: 'pipe',
  });
  const output = { stdout: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output.stdout += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = Promise.all([once(child, 'close'), text(child.stderr)]).then(([, stderr]) => ({
    code: child.exitCode,
    stdout: output.stdout,
    stderr,
  }));
  return { child, output, ended };
}

export const linesOf = (stdout: string): string[] => stdout.trimEnd().split('\n');
export const eventsOf = (stdout: string): Record<string, unknown>[] =>
  linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);

export interface SubmitProject {
  readonly queue: (of: string) => string;
  readonly daemon: () => TestDaemon;
  readonly ini: () => string;
  /** Maps two more queues: `late` and `idle`, which the daemon does not work. */
  readonly more: () => string;
  readonly submitting: (of: string, ...args: readonly string[]) => Started;
  readonly submit: (of: string, ...args: readonly string[]) => Promise<Ended>;
  /** On a terminal of so many columns. */
  readonly onTerminal: (columns: number, of: string, ...args: readonly string[]) => Started;
}

/** A real daemon of its own for one group of tests, and `submit` on its queues. */
export function useSubmitProject(broker: 'RabbitMQ' | 'the embedded broker'): SubmitProject {
  const tag = randomUUID().slice(0, 8);
  const queue = (of: string): string => `${of}.${tag}`;
  let project: Awaited<ReturnType<typeof makeProject>>;
  let daemon: TestDaemon;
  let url = '';

  beforeAll(async () => {
    if (broker === 'RabbitMQ') url = await amqpUrl();
    project = await makeProject(
      `[rbit]
queue-mappings = ${queue('pages')}:pages ${queue('odd')}:odd ${queue('hostile')}:hostile ${queue('raw')}:raw
state-dir = state
${url === '' ? '' : `[amqp]\nurl = ${url}\nexchange = re.${tag}\n`}
[runner:pages]
runner = module!./pages.mjs
concurrency = 8
[runner:odd]
runner = module!./odd.mjs
concurrency = 8
[runner:hostile]
runner = module!./hostile.mjs
[runner:raw]
runner = shell!cat; echo " $RBIT_CORRELATION_ID"
body = any
`,
      MODULES,
    );
    await writeFile(
      join(project.dir, 'more.ini'),
      `[rbit]\nqueue-mappings = ${queue('late')}:raw ${queue('idle')}:raw\n`,
    );
    daemon = await new TestDaemon([project.ini]).consuming(
      queue('pages'),
      queue('odd'),
      queue('hostile'),
      queue('raw'),
    );
  });
  afterAll(async () => {
    await daemon.stop();
    await project.remove();
  });

  function submitting(of: string, ...args: readonly string[]): Started {
    return start(process.execPath, [CLI, 'submit', queue(of), '-c', project.ini, ...args]);
  }

  const submit = (of: string, ...args: readonly string[]): Promise<Ended> => submitting(of, ...args).ended;

  /** On a terminal of so many columns. */
  function onTerminal(columns: number, of: string, ...args: readonly string[]): Started {
    const words = [process.execPath, CLI, 'submit', queue(of), '-c', project.ini, ...args];
    const line = words.map((word) => `'${word}'`).join(' ');
    return start('script', ['-qec', `stty cols ${columns}; ${line}`, '/dev/null'], '', { NO_COLOR: '1' });
  }

  return {
    queue,
    daemon: () => daemon,
    ini: () => project.ini,
    more: () => join(project.dir, 'more.ini'),
    submitting,
    submit,
    onTerminal,
  };
}
