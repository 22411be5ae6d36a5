import { Histogram, type Registry } from 'prom-client';

const EVERY_MS = 1_000;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Measures how late a timer of the event loop is, once a second. Returns what ends that. */
export function measureEventLoop(registry: Registry): () => void {
  const lag = new Histogram({
    name: 'rbit_event_loop_lag_seconds',
    help: 'How late a timer of one second is: for so long nothing else is done either.',
    buckets: BUCKETS,
    registers: [registry],
  });
  let due = performance.now() + EVERY_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    lag.observe(Math.max(0, now - due) / 1000);
    due = now + EVERY_MS;
  }, EVERY_MS).unref();
  return () => clearInterval(timer);
}
