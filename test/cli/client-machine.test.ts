import { describe, expect, it, onTestFinished } from 'vitest';
import { CLI, makeProject } from '../support/daemon.ts';
import { type Ended, start } from './submit-project.ts';

/** The configuration of a worker, on a machine that has nothing of what its runners need. */
const INI = `[rbit]
queue-mappings = q:r p:s
state-dir = state
[http]
listen = 127.0.0.1:0
token = \${file:/nowhere/token}
[DEFAULT]
cwd = /nowhere
[runner:r]
runner = exec!not-installed
env.SECRET = \${env:NOWHERE_SET}
key = \${file:/nowhere/key}
user = nobody-here
[runner:s]
runner = module!./missing.ts
timeout = 10m
`;

async function on(ini: string): Promise<(command: string) => Promise<Ended>> {
  const project = await makeProject(ini);
  onTestFinished(project.remove);
  return (command) => start(process.execPath, [CLI, ...command.split(' '), '-c', project.ini]).ended;
}

const lines = ({ stderr }: Ended): string[] =>
  stderr
    .trim()
    .split('\n')
    .map((line) => line.replace(/^.*(worker\.ini)/, '$1'));

describe('a machine that cannot work any job', () => {
  it('submits jobs all the same, and looks through dead letters', async () => {
    const run = await on(INI);
    expect(await run('submit q --id one')).toMatchObject({ code: 0, stdout: 'one\n' });
    expect(await run('dead list q')).toStrictEqual({ code: 0, stdout: 'no dead letters\n', stderr: '' });
  });

  it('is told of the mistakes in the files themselves, and of nothing that is missing for the runners', async () => {
    const run = await on(INI.replace('10m', '10x'));
    for (const command of ['submit q', 'dead retry q --all']) {
      const ended = await run(command);
      expect(ended).toMatchObject({ code: 78, stdout: '' });
      expect(lines(ended)).toStrictEqual([
        'worker.ini:16: [runner:s] timeout = "10x": not a duration (try 10s, 10m, 2h)',
      ]);
    }
  });

  it('submits nothing where it cannot know how the queue is to be made', async () => {
    const run = await on(INI.replace('10m', '${env:NOWHERE_SET}'));
    const ended = await run('submit p');
    expect(ended).toMatchObject({ code: 78, stdout: '' });
    expect(lines(ended)).toStrictEqual([
      'worker.ini:16: [runner:s] timeout: ${env:NOWHERE_SET}: no such environment variable (set NOWHERE_SET where rbit-ts is started)',
    ]);
  });
});
