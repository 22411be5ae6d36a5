import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CLI, makeProject } from '../support/daemon.ts';

const run = promisify(execFile);
const LIST_LOADED = new URL('../fixtures/list-loaded.mjs', import.meta.url).href;

/** What a daemon of one module runner on the embedded queue loads: files of ours as `folder/file.ts`, packages by name. */
async function loadedBy(...args: readonly string[]): Promise<Set<string>> {
  const project = await makeProject(
    '[rbit]\nqueue-mappings = jobs:r\nstate-dir = state\n[runner:r]\nrunner = module!./noop.mjs\nisolation = none\n',
    { 'noop.mjs': 'export default () => {};\n' },
  );
  try {
    const listing = ['--import', LIST_LOADED, CLI, ...args];
    const { stderr } = await run(process.execPath, listing, { cwd: project.dir }).catch(
      // It has an exit status of its own, and has said all the same.
      (error: unknown) => error as { stderr: string },
    );
    const urls = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as string[];
    return new Set(urls.map((url) => /(?:node_modules|src)\/(.*)/.exec(url)?.[1] ?? url));
  } finally {
    await project.remove();
  }
}

describe('the daemon', () => {
  it('loads no command, broker, processor or package that it does not use', async () => {
    const loaded = [...(await loadedBy('--once', 'worker.ini'))];
    expect(loaded).toContain('processors/module.ts');
    expect(loaded).toContain('broker/embedded/embedded-broker.ts');
    const needless =
      /^(?:execa|amqplib|nodemailer|pino-pretty|prom-client|client|http|cli\/(?:submit|dead|check|init|status)|broker\/amqp\/amqp-broker|processors\/(?:shell|exec|python|coprocess)\.ts)/;
    expect(loaded.filter((name) => needless.test(name))).toStrictEqual([]);
  });

  it('is loaded by no command that only looks at it', async () => {
    const loaded = [...(await loadedBy('status', '-c', 'worker.ini'))];
    expect(loaded).toContain('cli/status.ts');
    expect(loaded.filter((name) => /^(?:worker|broker\/\w+\/|cli\/run)/.test(name))).toStrictEqual([]);
  });
});
