// Says its resident memory in MiB again and again: before a storm of objects that live for a while, and after it. With
// the word `thread` the storm is in a thread.
import { isMainThread, Worker } from 'node:worker_threads';
import { giveBackWhenIdle } from '../../src/heap/give-back.ts';

const say = (): void => console.log(process.memoryUsage.rss() / 2 ** 20);

if (isMainThread) {
  say();
  setInterval(say, 200);
}
if (isMainThread && process.argv[2] === 'thread') new Worker(new URL(import.meta.url)).ref();
else await storm();

async function storm(): Promise<void> {
  giveBackWhenIdle();
  const alive: unknown[] = [];
  for (let round = 0; round < 3000; round += 1) {
    alive[round % 20] = Array.from({ length: 5000 }, (_, number) => ({ number }));
    if (round % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  alive.length = 0;
  setInterval(() => {}, 1000);
}
