import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

const run = promisify(execFile);

it('what jobs print is in one file for each correlation id, and what collects it adds nothing of its own', async () => {
  const project = await makeProject(`
[rbit]
queue-mappings =
    worker.hello:hello
    worker.output:output
state-dir = state
log-format = json
log-level = debug

[queue:worker.output]
bind = output

[runner:hello]
runner = shell!echo "Hello, %{parameters.name}"; echo "password=x"

[runner:output]
runner = module!${resolve('runners/output.ts')}
output-dir = \${env:LOGS}
redact-lines = password
output = no
`);
  const logs = join(project.dir, 'logs');
  mkdirSync(logs);
  const daemon = new TestDaemon([project.ini], { cwd: project.dir, env: { LOGS: logs } });
  const submit = (id: string, name: string) =>
    run(
      process.execPath,
      [CLI, 'submit', 'worker.hello', '-c', project.ini, '--id', id, '--set', `parameters.name=${name}`],
      { env: { ...process.env, LOGS: logs } },
    );
  const collected = () =>
    daemon.log.filter(({ msg, runner }) => runner === 'output' && /^job .+ completed/.test(msg));
  try {
    await daemon.consuming('worker.hello', 'worker.output');
    await Promise.all([submit('release-1', 'Ada'), submit('../release-2', 'Bob')]);
    await eventually(() => collected().length >= 4, 'four lines to be collected', 20_000);
    await submit('last', 'Eve');
    await eventually(
      () => existsSync(join(logs, 'last.log')) && collected().length >= 6,
      'the last two lines to be collected',
      20_000,
    );
    expect(await daemon.stop()).toBe(0);
    expect(readdirSync(logs).sort()).toStrictEqual(['%2E.%2Frelease-2.log', 'last.log', 'release-1.log']);
    expect(readFileSync(join(logs, 'release-1.log'), 'utf8')).toBe('Hello, Ada\n[redacted]\n');
    expect(readFileSync(join(logs, '%2E.%2Frelease-2.log'), 'utf8')).toBe('Hello, Bob\n[redacted]\n');
    expect(collected()).toHaveLength(6);
  } finally {
    await daemon.stop('SIGKILL');
    await project.remove();
  }
});
