import { createActions, type ActionParts } from './actions.ts';
import { isOwnHost } from './host-guard.ts';
import { createOverview, type OverviewParts } from './overview.ts';
import { readPageFiles } from './page-files.ts';
import { inJson, inWords, type Route, type Routes } from './routes.ts';
import { runDetails } from './run-details.ts';

export interface PageParts extends ActionParts, Omit<OverviewParts, 'canAct'> {
  /** Host that is listened on, without brackets. */
  readonly host: string;
}

/** What the page in a browser asks for: itself, what it shows, and what it does. */
export function createPageRoutes(parts: PageParts): Routes {
  const { records, keys, mask, host } = parts;
  const overview = createOverview({ ...parts, canAct: parts.token !== undefined });
  const get = new Map<string, Route>([
    ['/api/overview', async ({ query }) => inJson(200, await overview(query))],
    [
      '/api/job',
      ({ query }) => {
        const run = keys.runOf(query.get('key') ?? '');
        const record = run === undefined ? undefined : records.find(run);
        return record === undefined
          ? inJson(404, { says: 'this job is not known here any more' })
          : inJson(200, runDetails(record, keys, mask));
      },
    ],
  ]);
  for (const [path, answer] of readPageFiles()) get.set(path, () => answer);
  return { get: forOwnHost(get, host), post: forOwnHost(createActions(parts), host) };
}

function forOwnHost(routes: ReadonlyMap<string, Route>, listenHost: string): Map<string, Route> {
  const guarded = (route: Route): Route => {
    return (asked) => {
      const { host } = asked.headers;
      if (isOwnHost(host, listenHost)) return route(asked);
      return inWords(421, 'not by this name: use the address that the daemon listens on, or localhost');
    };
  };
  return new Map([...routes].map(([path, route]) => [path, guarded(route)]));
}
