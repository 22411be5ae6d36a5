import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI } from '../support/daemon.ts';

const readme = readFileSync('README.md', 'utf8');
const chapter = readme.slice(
  readme.indexOf('\n## Processors\n'),
  readme.indexOf('\n### What a runner can say\n'),
);
const fences = [...chapter.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, kind, text = '']) => ({
  kind,
  text,
}));
const sections = fences.filter(({ kind, text }) => kind === 'ini' && text.includes('[runner:'));
const commands = fences
  .filter(({ kind }) => kind === '')
  .flatMap(({ text }) => text.split('\n').filter((line) => line.startsWith('rbit-ts try ')));

describe('what README shows of the processors', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-readme-'));

  beforeAll(() => {
    symlinkSync(resolve('runners'), join(folder, 'runners'));
    const names = sections.flatMap(({ text }) =>
      [...text.matchAll(/^\[runner:(.+)\]$/gm)].map(([, name]) => name),
    );
    const mappings = names.map((name, index) => `q${index}:${name}`).join(' ');
    const ini = [
      `[rbit]\nstate-dir = state\nqueue-mappings = ${mappings}\n`,
      ...sections.map(({ text }) => text),
    ];
    writeFileSync(join(folder, 'rbit.ini'), ini.join('\n'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (args: readonly string[]) =>
    promisify(execFile)(process.execPath, [CLI, ...args], { cwd: folder }).catch((error: unknown) => error);

  it('is a configuration without a mistake', async () => {
    expect(await run(['check'])).toMatchObject({
      stderr: '',
      stdout: expect.stringContaining('concurrency') as string,
    });
  });

  it('has a job to try in the section of each processor', () => {
    for (const section of chapter.split(/^### /m).slice(1)) expect(section).toContain('\nrbit-ts try ');
  });

  it.each(commands)('%s: completes', async (command) => {
    const [, ...args] = [...command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
      word.replace(/["']/g, ''),
    );
    expect(await run(args)).toMatchObject({ stdout: expect.stringContaining('completed') as string });
  });
});
