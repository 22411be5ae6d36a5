import type { IncomingHttpHeaders } from 'node:http';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** What a request says, apart from its method and path. */
export interface Asked {
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Its body; empty where it has none, or may have none: at a GET. */
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Route = (asked: Asked) => Answer | Promise<Answer>;

/** By path: what is answered to a GET, and to a POST. */
export interface Routes {
  readonly get: ReadonlyMap<string, Route>;
  readonly post: ReadonlyMap<string, Route>;
}

const TEXT = 'text/plain; charset=utf-8';

/** An answer in one line of words. */
export function inWords(status: number, words: string): Answer {
  return { status, contentType: TEXT, body: `${words}\n` };
}

/** A value as JSON, for programs. */
export function inJson(status: number, value: unknown): Answer {
  return { status, contentType: 'application/json', body: JSON.stringify(value) };
}

/** What is there for probes and scrapers; they may call the daemon by any name. */
export function createRoutes(
  readiness: { read(): Readiness },
  metrics: Pick<Metrics, 'read' | 'contentType'>,
): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    // Whoever hears it knows that the event loop turns.
    ['/healthz', () => inWords(200, 'ok')],
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
