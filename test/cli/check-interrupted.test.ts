import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CLI, makeProject } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { start } from './submit-project.ts';

let pid = 0;
afterEach(() => {
  if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)(
  'check that is ended by %s takes the process along in which a module loads',
  async (signal, status) => {
    const project = await makeProject(
      '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = module!./loop.mjs\nisolation = process\n',
      {
        'loop.mjs': `import { writeFileSync } from 'node:fs';
        writeFileSync(new URL('pid', import.meta.url), String(process.pid));
        for (;;);`,
      },
    );
    const { child, ended } = start(process.execPath, [CLI, 'check', project.ini]);
    const file = join(project.dir, 'pid');
    pid = await eventually(
      () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0) || undefined,
      'the process',
    );
    child.kill(signal);
    expect(await ended).toMatchObject({ code: status, stdout: '' });
    await eventually(() => !existsSync(`/proc/${pid}`), 'its end');
    await project.remove();
  },
);
