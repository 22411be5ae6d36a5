import { expect, test } from 'vitest';
import { readAnswer } from '../../../src/processors/coprocess/answer.ts';
import { depthOf } from '../../../src/processors/report/data-limits.ts';
import { Statements } from '../../../src/processors/report/statements.ts';
import { readObject, readStatement } from '../../../src/processors/report/statement.ts';
import { makeContext } from '../make-runner.ts';
import { speak, startPool } from './make-coprocess.ts';
import { makeLines } from './malformed.ts';

const LINES = 12_000;
const JOBS = 24;
const RUN = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;

/** What a line is by the page of the protocol, told without the code that is tested. */
interface Judgement {
  readonly is: 'output' | 'answer' | 'end';
  readonly shows: readonly string[];
}

function judge(bytes: Buffer): Judgement {
  const text = bytes.toString().replace(/\r$/, '');
  const stray = { is: 'output', shows: [text] } as const;
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return stray;
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object) || depthOf(text) > 1_000)
    return stray;
  const said = object as Record<string, unknown>;
  if (!Object.hasOwn(said, 'run') || said['run'] !== '$RUN') return stray;
  const isEnd =
    said['completed'] === true ||
    says(said, ['failed', 'crashed', 'unavailable']) ||
    isBlocked(said) ||
    isBareEnd(said);
  const output = Object.hasOwn(said, 'output') ? said['output'] : undefined;
  return { is: isEnd ? 'end' : 'answer', shows: typeof output === 'string' ? output.split('\n') : [] };
}

/** Whether any of the keys has a value that is not as good as none. */
function says(object: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  const nothing: readonly unknown[] = [null, false, 0, ''];
  return keys.some((key) => Object.hasOwn(object, key) && !nothing.includes(object[key]));
}

/** Whether nothing stands there but one end, which is not denied. */
function isBareEnd(said: Readonly<Record<string, unknown>>): boolean {
  const has = (key: string): boolean => Object.hasOwn(said, key);
  const ends = ['failed', 'blocked', 'crashed', 'unavailable'].filter(has);
  const isAlone = ends.length === 1 && !['completed', 'progress', 'output', 'log'].some(has);
  return isAlone && said[ends[0] ?? ''] !== false;
}

function isBlocked(said: Readonly<Record<string, unknown>>): boolean {
  const { blocked, completed } = said;
  return (
    says(said, ['blocked']) ||
    ([0, ''].includes(blocked as never) && says(said, ['reason']) && completed !== true)
  );
}

test(`${LINES} malformed answers change nothing: each is an answer or output, and the right answer ends the job`, async () => {
  const { pool, log } = await startPool();
  const lines = makeLines(LINES, 5)
    .map((bytes) => ({ bytes, ...judge(bytes) }))
    .filter(({ is }) => is !== 'end');
  expect(lines.filter(({ is }) => is === 'answer').length).toBeGreaterThan(LINES / 20);
  expect(lines.filter(({ is }) => is === 'output').length).toBeGreaterThan(LINES / 3);
  for (let job = 0; job < JOBS; job++) {
    const part = lines.filter((_line, index) => index % JOBS === job);
    const context = makeContext();
    const bytes = part.map((line) => Buffer.concat([line.bytes, Buffer.from('\n')]).toString('base64'));
    const outcome = await speak(pool, [{ bytes }, `{"run":"$RUN","failed":"${job}"}`], context);
    expect(outcome).toMatchObject({ kind: 'failed', message: String(job), retryable: false });
    expect(context.lines.map((line) => line.replace(RUN, '$RUN'))).toEqual(
      part.flatMap(({ shows }) => shows),
    );
  }
  expect(log.filter(({ level }) => level === 'error')).toEqual([]);
});

test(`${LINES} malformed reports are read without an error, and none decides what it does not say`, () => {
  let read = 0;
  for (const bytes of makeLines(LINES, 6)) {
    const line = bytes.toString();
    const found = readObject(line);
    if ('problem' in found) continue;
    read += 1;
    const statements = new Statements(makeContext());
    statements.hear(readStatement(found.object));
    const { kind } = statements.outcome({ kind: 'completed' });
    expect(kind !== 'completed', line).toBe(says(found.object, ['failed']) || isBlocked(found.object));
    expect(() => readAnswer(found.object), line).not.toThrow();
  }
  expect(read).toBeGreaterThan(LINES / 20);
});
