import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askStatus, makeFolder, openServer, socketsIn } from './ground.ts';

const inode = async (folder: string, name: string): Promise<number> => (await stat(join(folder, name))).ino;

/** Another process that listens on `control.sock`, until it is killed. */
async function otherDaemon(folder: string): Promise<ChildProcess> {
  const program = `require('node:net').createServer().listen(${JSON.stringify(join(folder, 'control.sock'))}, () => console.log())`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

describe('a name in the state folder', () => {
  it('is taken from a daemon that was killed', async () => {
    const folder = await makeFolder();
    const other = await otherDaemon(folder);
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect(await socketsIn(folder)).toStrictEqual(['control.sock']);
    expect(await askStatus(folder)).toStrictEqual([]);
    await openServer(folder);
    expect(await socketsIn(folder)).toStrictEqual(['control.sock']);
    expect(await askStatus(folder)).toHaveLength(1);
  });

  it('is never taken from one that lives, even if it answers nothing', async () => {
    const folder = await makeFolder();
    await otherDaemon(folder);
    const before = await inode(folder, 'control.sock');
    await openServer(folder);
    await openServer(folder);
    expect(await socketsIn(folder)).toStrictEqual(['control-2.sock', 'control-3.sock', 'control.sock']);
    expect(await inode(folder, 'control.sock')).toBe(before);
  });

  it('goes to one each of those that start at once over what dead ones have left', async () => {
    const folder = await makeFolder();
    for (let round = 0; round < 10; round += 1) {
      const dead = await otherDaemon(folder);
      dead.kill('SIGKILL');
      await once(dead, 'exit');
      const servers = await Promise.all(Array.from({ length: 6 }, () => openServer(folder)));
      expect(servers.flatMap(({ closed }) => closed)).toStrictEqual([]);
      expect(await askStatus(folder)).toHaveLength(6);
      await Promise.all(servers.map((server) => server.close()));
      expect(await socketsIn(folder)).toStrictEqual([]);
    }
  });

  it('is left to another who has it when the server closes', async () => {
    const folder = await makeFolder();
    const first = await openServer(folder);
    await unlink(join(folder, 'control.sock'));
    const second = await openServer(folder);
    await first.close();
    expect(await askStatus(folder)).toHaveLength(1);
    await rename(join(folder, 'control.sock'), join(folder, 'elsewhere'));
    await second.close();
    expect(await socketsIn(folder)).toStrictEqual(['elsewhere']);
  });
});
