// Runs a command so many times by Node's own spawn, so many at once, and tells how long that took.
//
//   node spawner.mjs TIMES AT-ONCE FILE ARGUMENT…

import { spawn } from 'node:child_process';

const [times = '1', atOnce = '1', file = 'true', ...args] = process.argv.slice(2);
const total = Number(times);
let started = 0;
let ended = 0;
const since = performance.now();

function startOne() {
  if (started === total) return;
  started += 1;
  spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] }).on('close', () => {
    ended += 1;
    if (ended < total) startOne();
    else process.send?.({ seconds: (performance.now() - since) / 1000 });
  });
}

for (let one = 0; one < Number(atOnce); one += 1) startOne();
