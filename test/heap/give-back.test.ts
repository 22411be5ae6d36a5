import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, test } from 'vitest';
import { eventually } from '../support/eventually.ts';

const STORM = fileURLToPath(new URL('./storm.ts', import.meta.url));
const TAKEN_MIB = 80;
const GIVEN_BACK_MIB = 40;

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

test.each(['process', 'thread'])(
  'what a storm of objects took is given back when its %s is at rest',
  { timeout: 60_000 },
  async (where) => {
    const started = spawn(process.execPath, [STORM, where], { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    await once(started, 'spawn');
    const said: number[] = [];
    started.stdout.on('data', (text: Buffer) => said.push(...text.toString().trim().split('\n').map(Number)));
    const most = (): number => Math.max(...said);
    await eventually(() => most() - (said[0] ?? 0) > TAKEN_MIB, 'a storm', 20_000);
    await eventually(() => (said.at(-1) ?? 0) < most() - GIVEN_BACK_MIB, 'memory given back', 25_000);
  },
);
