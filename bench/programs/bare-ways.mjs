// How a job can be run, with nothing around it: no time limit, no end of a process that hangs, nothing if one dies.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import noop from './noop.mjs';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

/** By name; each is made for so many jobs at once, and then called with a job. */
export const ways = { here: () => noop, threads, coprocesses };

function threads(atOnce) {
  const waiting = new Map();
  const some = Array.from({ length: Math.min(atOnce, availableParallelism()) }, () => {
    const thread = new Worker(fileOf('noop-thread.mjs'));
    thread.on('message', (id) => {
      waiting.get(id)();
      waiting.delete(id);
    });
    return thread;
  });
  let last = 0;
  return (job) =>
    new Promise((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      some[last % some.length].postMessage({ id: last, job });
    });
}

/** One job at a time in each process, as `coprocess!` promises. */
function coprocesses(atOnce, python) {
  const idle = Array.from({ length: atOnce }, () => {
    const child = spawn(python, [fileOf('noop-coprocess.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const process = { requests: child.stdin, answer: undefined };
    let line = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      line += text;
      if (!line.endsWith('\n')) return;
      const answer = JSON.parse(line);
      line = '';
      idle.push(process);
      process.answer(answer);
    });
    return process;
  });
  return (job) =>
    new Promise((resolve) => {
      const process = idle.pop();
      process.answer = resolve;
      process.requests.write(`${JSON.stringify({ run: 'run', job, settings: {} })}\n`);
    });
}
