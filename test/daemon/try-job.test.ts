import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/cli/read-config.ts';
import { tryJob } from '../../src/daemon/try-job.ts';
import type { WorkEvents } from '../../src/job/events.ts';
import { completed, type Outcome } from '../../src/job/outcome.ts';
import type { RunContext } from '../../src/job/runner.ts';
import { makeProject } from '../support/daemon.ts';

it('a try that was called off before its job began ends it at once', async () => {
  const project = await makeProject('[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!true\n');
  try {
    const config = await readConfig([project.ini]);
    const section = config.runners.get('r');
    if (section === undefined) throw new Error('the section is there');
    const isAborted: boolean[] = [];
    const run = async (_job: unknown, { signal }: RunContext): Promise<Outcome> => {
      isAborted.push(signal.aborted);
      return completed();
    };
    const { verdict } = await tryJob({
      config,
      section,
      runner: { name: 'r', start: async () => {}, run, stop: async () => {} },
      body: Buffer.from('{}'),
      isJson: true,
      signal: AbortSignal.abort(),
      events: new EventEmitter<WorkEvents>(),
    });
    expect(verdict.outcome.kind).toBe('interrupted');
    expect(isAborted.includes(false)).toBe(false);
  } finally {
    await project.remove();
  }
});
