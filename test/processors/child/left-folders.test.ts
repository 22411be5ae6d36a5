import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { removeLeftFolders, StdioFolder } from '../../../src/processors/child/stdio-folder.ts';

const SOURCE = pathToFileURL('src/processors/child/stdio-folder.ts').href;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rbit-left-'));
  vi.stubEnv('TMPDIR', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('the folders of a daemon that was killed are removed, and no others', async () => {
  const script = `const { StdioFolder } = await import('${SOURCE}'); await new StdioFolder().open(); console.log(); setInterval(() => {}, 1e5)`;
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(killed.stdout, 'data');
  const [left] = readdirSync(folder);
  const own = new StdioFolder();
  await own.open();
  mkdirSync(join(folder, 'rbit-ts-of-somebody-ABCDEF'));
  await removeLeftFolders();
  expect(readdirSync(folder)).toHaveLength(3);
  killed.kill('SIGKILL');
  await once(killed, 'close');
  await removeLeftFolders();
  expect(readdirSync(folder)).not.toContain(left);
  expect(readdirSync(folder)).toHaveLength(2);
  await own.close();
});
