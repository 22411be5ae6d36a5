import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CLI, makeProject } from '../support/daemon.ts';

const PRIORITIES: Record<string, string> = {
  debug: '<7>',
  info: '<6>',
  warn: '<4>',
  error: '<3>',
  fatal: '<2>',
};

/** How systemd names the stream that is connected to the journal. */
async function journalStream(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev}:${ino}`;
}

/** Lines that a command writes, both streams together; `isJournal`: it is told that they go to journald. */
async function written(
  args: readonly string[],
  project: { readonly dir: string },
  isJournal: boolean,
): Promise<string[]> {
  const path = join(project.dir, 'written');
  const file = await open(path, 'w');
  const stream = await journalStream(file);
  const env = { ...process.env, JOURNAL_STREAM: isJournal ? stream : `1${stream}` };
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', file.fd, file.fd],
    cwd: project.dir,
    env,
  });
  await once(child, 'close');
  await file.close();
  return (await readFile(path, 'utf8')).trimEnd().split('\n');
}

async function makeTestProject(ini: string, files: Record<string, string> = {}) {
  const project = await makeProject(ini, files);
  onTestFinished(project.remove);
  return project;
}

const INI = `[rbit]
queue-mappings = jobs:r
state-dir = state
log-level = debug
[runner:r]
runner = shell!echo hello
timeuot = 10s
`;

describe('where standard output is the journal', () => {
  it('each line begins with the priority of its level, what is said on stderr included', async () => {
    const project = await makeTestProject(INI);
    await written(['submit', 'jobs', '-c', 'worker.ini'], project, false);
    const lines = await written(['--once', 'worker.ini'], project, true);
    const [said, logged] = [
      lines.filter((line) => !line.includes('{')),
      lines.filter((line) => line.includes('{')),
    ];
    expect(said).toStrictEqual([expect.stringMatching(/^<4>warning: worker\.ini:7: /)]);
    const levels = logged.map((line) => {
      const { level } = JSON.parse(line.slice('<N>'.length)) as { level: string };
      expect(line.slice(0, '<N>'.length)).toBe(PRIORITIES[level]);
      return level;
    });
    expect(new Set(levels)).toStrictEqual(new Set(['debug', 'info']));
  });

  it('so do the mistakes of an INI file', async () => {
    const project = await makeTestProject(INI.replace('shell!', 'shel!'));
    for (const line of await written(['worker.ini'], project, true))
      expect(line).toMatch(/^<[34]>(?:warning: )?worker\.ini:\d+: /);
  });

  it('so do the last words of a daemon that is ended from inside', async () => {
    const module = 'process.exit(3);\nexport default () => {};\n';
    const ini = INI.replace('shell!echo hello', 'module!./end.mjs\nisolation = none');
    const project = await makeTestProject(ini, { 'end.mjs': module });
    const lines = await written(['worker.ini'], project, true);
    expect(lines.at(-1)).toMatch(/^<2>\{"level":"fatal"/);
  });
});

describe('where it is not', () => {
  it('each line is JSON and nothing else, though another stream is the journal', async () => {
    const project = await makeTestProject(INI.replace('timeuot = 10s\n', ''));
    const lines = await written(['--once', 'worker.ini'], project, false);
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toContain('info');
  });
});
