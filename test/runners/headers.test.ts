import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CLI } from '../support/daemon.ts';

const files = globSync('runners/*.{ts,sh,py}').sort();

/** The INI sections in the comment that a file begins with, the runners' names made unlike those of other files. */
function sectionsOf(file: string): string {
  const [head = ''] = readFileSync(file, 'utf8').split(/\n(?!\/\/|#)/, 1);
  const lines = head.split('\n').map((line) => line.replace(/^(?:\/\/|#) ?/, ''));
  let isInside = false;
  const kept = lines.filter((line) => {
    isInside = line.startsWith('  [') || (isInside && line.startsWith('  '));
    return isInside;
  });
  const name = basename(file).replace('.', '-');
  return kept.map((line) => line.slice(2).replace('[runner:', `[runner:${name}-`)).join('\n');
}

describe('each file in runners/', () => {
  it.each(files)('%s begins with its section, a job and its reply', (file) => {
    const text = readFileSync(file, 'utf8');
    expect(sectionsOf(file)).toMatch(/^\[runner:.+\]\nrunner = \w+!/m);
    expect(text).toMatch(/^(?:\/\/|#) Job: +\S/m);
    expect(text).toMatch(/^(?:\/\/|#) Reply: +\{"status": "completed"/m);
  });

  it('has a section that is sound, without a warning', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rbit-headers-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    symlinkSync(resolve('runners'), join(folder, 'runners'));
    const sections = files.map(sectionsOf).join('\n');
    const names = [...sections.matchAll(/^\[runner:(.+)\]$/gm)].map(([, name]) => name);
    const mapped = names.map((name) => `    worker.${name}:${name}`).join('\n');
    const ini = join(folder, 'rbit.ini');
    writeFileSync(ini, `[rbit]\nstate-dir = state\nqueue-mappings =\n${mapped}\n${sections}\n`);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, 'check', ini]);
    for (const name of names) expect(stdout).toContain(name);
    const warnings = stderr.split('\n').filter((line) => !line.includes('[queue:'));
    expect(warnings.filter(Boolean)).toStrictEqual([]);
  });
});
