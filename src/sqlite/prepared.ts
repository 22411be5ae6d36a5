import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** A statement with its parameters to come: made when it is first used, since few processes use all of them. */
export type Prepared = Pick<StatementSync, 'run' | 'get' | 'all'>;

/** Puts off the work of preparing until the statement is used. */
export function prepare(database: DatabaseSync, sql: string): Prepared {
  let made: StatementSync | undefined;
  const statement = (): StatementSync => (made ??= database.prepare(sql));
  return {
    run: (...parameters: Parameters<StatementSync['run']>) => statement().run(...parameters),
    get: (...parameters: Parameters<StatementSync['get']>) => statement().get(...parameters),
    all: (...parameters: Parameters<StatementSync['all']>) => statement().all(...parameters),
  } as Prepared;
}
