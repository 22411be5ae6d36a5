import { parentPort } from 'node:worker_threads';
import noop from './noop.mjs';

parentPort.on('message', async ({ id, job }) => {
  await noop(job);
  parentPort.postMessage(id);
});
