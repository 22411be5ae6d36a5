import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DemoDaemon, type LogEntry } from './demo/demo-daemon.ts';
import { type DemoStep, demoSteps } from './demo/demo-steps.ts';
import { listenForInterruption } from './interruption.ts';
import { ownScript, shellWord } from './init/own-command.ts';
import { createPaint } from './terminal/paint.ts';

/*
 * What `npm run demo` runs: the real daemon on the example configuration, with its state in a folder that is removed
 * afterwards, and jobs as somebody would submit them. Commands stand behind `$`, what the daemon logs is indented and
 * dimmed. Exits 0 if every job ended as it should.
 */

const CONFIG = 'rbit.example.ini';
const QUEUES = ['worker.words', 'worker.hello', 'worker.not-before', 'worker.sleep'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STEP_LIMIT_MS = 15_000;

const paint = createPaint(process.stdout.isTTY);
const interruption = listenForInterruption();
const folder = await mkdtemp(join(tmpdir(), 'rbit-ts-demo-'));
const { STATE_DIRECTORY: _ours, ...environment } = process.env;
const options = { cwd: ROOT, env: { ...environment, XDG_STATE_HOME: folder } };

// A reader that goes away ends neither the demo nor its cleaning up.
process.stdout.on('error', () => {});
say('The daemon on an example configuration. Its queue is a file: no broker is needed.');
showCommand(CONFIG);
const daemon = new DemoDaemon([ownScript(), CONFIG], options, (line) => print(paint('dim', `    ${line}`)));
process.on('exit', () => daemon.kill());
try {
  await daemon.tells((log) => QUEUES.every((queue) => isConsumed(queue, log)), limit());
  for (const step of demoSteps()) await show(step);
  await showDrain();
  print(`\n${paint('green', 'Every job ended as it should.')} Your own: npx rbit-ts init my-worker`);
} catch (error) {
  process.exitCode = interruption.signal.aborted ? interruption.exitCode : 1;
  if (!interruption.signal.aborted) process.stderr.write(`demo: ${describe(error)}\n`);
} finally {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  interruption.end();
}

/** Submits a job and waits for its end, in the exit status and in the daemon's log. */
async function show({ explanation, args, exitCode, outcomes }: DemoStep): Promise<void> {
  const before = daemon.entries.length;
  say(explanation);
  await daemon.quietly(async () => {
    const submit = spawn(...submission(args), { ...options, stdio: 'inherit', signal: interruption.signal });
    const [code] = await once(submit, 'close', { signal: limit() });
    if (exitCode !== 0) print(paint('dim', `(exit status ${String(code)})`));
    if (code !== exitCode) throw new Error(`submit exited with ${String(code)} instead of ${exitCode}`);
  });
  await daemon.tells((log) => outcomesOf(log.slice(before)).join() === outcomes.join(), limit());
}

/** Stops the daemon while a job runs, which may end. */
async function showDrain(): Promise<void> {
  say('SIGTERM while a job runs: nothing new is begun, and the job may end.');
  const command = submission(['worker.sleep', '--set', 'parameters.seconds=1']);
  const submit = spawn(...command, {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: interruption.signal,
  });
  let stopped: Promise<number | null> | undefined;
  createInterface({ input: submit.stdout }).on('line', (line) => {
    print(line);
    if (line === 'started') stopped = daemon.stop();
  });
  const [code] = await once(submit, 'close', { signal: limit() });
  const status = await stopped;
  if (code !== 0 || status !== 0)
    throw new Error(
      `submit exited with ${String(code)} and the daemon with ${String(status)}, both instead of 0`,
    );
}

/** Prints a `submit --wait` as one would type it, and returns how to spawn it. */
function submission(args: readonly string[]): [command: string, args: string[]] {
  const all = ['submit', ...args, '--wait', '-c', CONFIG];
  showCommand(...all);
  return [process.execPath, [ownScript(), ...all]];
}

function isConsumed(queue: string, log: readonly LogEntry[]): boolean {
  return log.some(({ msg }) => msg === `consuming queue ${queue}`);
}

function outcomesOf(log: readonly LogEntry[]): string[] {
  return log.flatMap(({ outcome }) => outcome ?? []);
}

function limit(): AbortSignal {
  return AbortSignal.any([interruption.signal, AbortSignal.timeout(STEP_LIMIT_MS)]);
}

function describe(error: unknown): string {
  const { message, name } = error as Error;
  return name === 'AbortError' ? `this took longer than ${STEP_LIMIT_MS / 1000} s` : message;
}

function showCommand(...words: readonly string[]): void {
  print(paint('bold', `$ npx rbit-ts ${words.map(shellWord).join(' ')}`));
}

function say(text: string): void {
  print(`\n${paint('cyan', `# ${text}`)}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
