import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** What is answered to a GET. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type Route = () => Answer | Promise<Answer>;

const TEXT = 'text/plain; charset=utf-8';

/** What each path answers. */
export function createRoutes(
  readiness: { read(): Readiness },
  metrics: Pick<Metrics, 'read' | 'contentType'>,
): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    // Whoever hears it knows that the event loop turns.
    ['/healthz', () => ({ status: 200, contentType: TEXT, body: 'ok\n' })],
    [
      '/readyz',
      () => {
        const found = readiness.read();
        return {
          status: found.ready ? 200 : 503,
          contentType: 'application/json',
          body: `${JSON.stringify(found, undefined, 2)}\n`,
        };
      },
    ],
    ['/metrics', async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.read() })],
  ]);
}
