import { Counter, Gauge, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** A metric whose values are somebody else's: asked for each time that the metrics are read. */
export interface AskedMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** What it leaves out is told no longer. */
  readonly read: () => Iterable<readonly [labels: Labels, value: number]>;
}

/** Adds a metric that goes up and down. */
export function addGauge(registry: Registry, { name, help, labelNames = [], read }: AskedMetric): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.set(labels, value);
    },
  });
  registry.registerMetric(gauge);
}

/** Adds a metric that only goes up, as long as the process lives. */
export function addCounter(registry: Registry, { name, help, labelNames = [], read }: AskedMetric): void {
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels, value);
    },
  });
  registry.registerMetric(counter);
}
