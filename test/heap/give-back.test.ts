import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'vitest';
import { eventually } from '../support/eventually.ts';

const STORM = fileURLToPath(new URL('./storm.ts', import.meta.url));
const TAKEN_MIB = 80;
const GIVEN_BACK_MIB = 40;

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

async function expectGivenBack(where: string, ...flags: string[]): Promise<void> {
  const started = spawn(process.execPath, [...flags, STORM, where], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  await once(started, 'spawn');
  const said: number[] = [];
  started.stdout.on('data', (text: Buffer) => said.push(...text.toString().trim().split('\n').map(Number)));
  const most = (): number => Math.max(...said);
  await eventually(() => most() - (said[0] ?? 0) > TAKEN_MIB, 'a storm', 20_000);
  await eventually(() => (said.at(-1) ?? 0) < most() - GIVEN_BACK_MIB, 'memory given back', 40_000);
}

describe.each(['process', 'thread'])('what a storm of objects took, when its %s is at rest', (where) => {
  it('is given back', { timeout: 90_000 }, () => expectGivenBack(where));

  it('is given back where V8 does nothing of its own accord', { timeout: 90_000 }, () =>
    expectGivenBack(where, '--no-memory-reducer'),
  );
});
