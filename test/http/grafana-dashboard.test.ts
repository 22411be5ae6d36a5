import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMetrics } from '../../src/http/metrics.ts';
import type { WorkEvents } from '../../src/job/events.ts';

const FUNCTIONS = ['histogram_quantile', 'label_values', 'increase', 'vector', 'count', 'rate', 'sum', 'min'];
const WORDS = [
  ...FUNCTIONS,
  'by',
  'and',
  'on',
  'or',
  'le',
  'instance',
  'queue',
  'outcome',
  'status',
  'version',
  'connection',
];

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}

describe('the dashboard for Grafana', () => {
  it('names no metric that /metrics does not tell', async () => {
    const dashboard = JSON.parse(readFileSync('src/http/grafana-dashboard.json', 'utf8')) as Dashboard;
    const expressions = [
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
    ];
    const named = expressions.flatMap((expression) => {
      const bare = expression.replace(/"[^"]*"/g, '').replace(/\$\w+/g, '');
      return [...bare.matchAll(/[a-z_]{2,}/g)].map(([word]) => word);
    });
    const metrics = createMetrics({
      version: '1',
      events: new EventEmitter<WorkEvents>(),
      connections: { list: () => [{ purpose: 'consume', trouble: undefined, reconnects: 0 }] },
      queues: () => [{ queue: 'q', runner: 'r', state: 'consuming' }],
      isReady: () => true,
    });
    onTestFinished(() => metrics.stop());
    const text = await metrics.read();
    const told = new Set([...text.matchAll(/^(\w+)(?:\{.*\})? /gm)].map(([, name = '']) => name));
    const wanted = [...new Set(named)].filter((word) => !WORDS.includes(word));
    expect(wanted.length).toBeGreaterThan(12);
    expect(wanted.filter((name) => !told.has(name))).toStrictEqual([]);
  });
});
