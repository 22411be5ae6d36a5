// Loaded into a daemon by --import: measures its event loop from the first message on, and tells at the second.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.send !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let since;
  process.on('message', () => {
    if (since === undefined) {
      since = { loop: performance.eventLoopUtilization(), cpu: process.threadCpuUsage() };
      delay.enable();
      return;
    }
    const { active } = performance.eventLoopUtilization(since.loop);
    const { user, system } = process.threadCpuUsage(since.cpu);
    process.send({ busyMs: active, cpuMs: (user + system) / 1000, latenessMs: delay.percentile(99) / 1e6 });
    since = undefined;
  });
  process.channel.unref();
}
