import { describe, expect, it } from 'vitest';
import { difference } from '../../src/daemon/difference.ts';
import { runnerWords } from '../../src/daemon/runner-words.ts';
import { runnerKeys } from '../../src/config/runner-keys.ts';
import { load } from '../config/config-folder.ts';

const BASE = `[rbit]
queue-mappings = a:one
[runner:one]
runner = shell!true
`;

/** What is said of one text after the other, each with these variables. */
async function words(
  before: string,
  after: string,
  { running = 0, was = {}, is = was }: { running?: number; was?: object; is?: object } = {},
): Promise<string[]> {
  const [old, now] = [await load(before, { ...was }), await load(after, { ...is })];
  old.secrets.include(now.secrets);
  const said = difference(old, now, { running: () => running, mask: old.secrets.mask });
  // Each is loaded from a folder of its own.
  return said.filter((line) => !line.includes('folder of its INI file'));
}

describe('the difference of two configurations', () => {
  it('is nothing when they say the same, however they say it', async () => {
    const other = `# a comment\n[rbit]\nqueue-mappings =\n  a:one\nshutdown-timeout = 30s\n[runner:one]\ntimeout = 1500s\nrunner: shell!true\nkeep-failed = off\n`;
    expect(await words(BASE, other)).toEqual([]);
  });

  it('names queues and runners that come and go, and what still runs', async () => {
    const more = `${BASE}[runner:two]\nrunner = shell!false\n`.replace('a:one', 'a:one b:two');
    expect(await words(BASE, more)).toEqual(['queue b: added, runner two', 'runner two: added']);
    expect(await words(more, BASE)).toEqual(['queue b: removed', 'runner two: removed']);
    expect(await words(more, BASE, { running: 1 })).toEqual([
      'queue b: removed, 1 job still running',
      'runner two: removed',
    ]);
    expect(await words(more, BASE, { running: 2 })).toContain('queue b: removed, 2 jobs still running');
  });

  it('says nothing of a runner that no queue is mapped to', async () => {
    expect(await words(BASE, `${BASE}[runner:idle]\nrunner = shell!true\n`)).toEqual([]);
  });

  it('tells old and new value of each key, as one would write them', async () => {
    const after = `[rbit]
queue-mappings = a:one
log-level = debug
shutdown-timeout = 90s
reply-to-allow = amq.gen-* re.*
[queue:a]
bind = x y
dead-letter = trash
[runner:one]
runner = shell!false
concurrency = 4
timeout = none
blocked-delay = 10s..15m
keep-failed = yes
success-codes = 0 3
`;
    expect(await words(BASE, after)).toEqual([
      '[rbit] shutdown-timeout 30s → 90s',
      '[rbit] log-level info → debug',
      '[rbit] reply-to-allow none → amq.gen-* re.*',
      'queue a: bind none → x y',
      'queue a: dead-letter a.dead → trash',
      'runner one: runner shell!true → shell!false',
      'runner one: concurrency 1 → 4',
      'runner one: timeout 25m → none',
      'runner one: blocked-delay 30s → 10s..15m',
      'runner one: keep-failed no → yes',
      'runner one: success-codes 0 → 0 3',
    ]);
  });

  it('tells that a queue goes to another runner', async () => {
    const two = `${BASE}[runner:two]\nrunner = shell!false\n`;
    expect(await words(two, two.replace('a:one', 'a:two'))).toEqual([
      'queue a: runner one → two',
      'runner one: removed',
      'runner two: added',
    ]);
  });

  it('has no word for every key by chance: each of a runner has one', () => {
    const told = Object.keys(runnerWords).filter((key) => key !== 'folder of its INI file');
    expect(told.toSorted()).toEqual(Object.keys(runnerKeys).toSorted());
  });

  it('shows no setting and no variable of a job', async () => {
    const [before, after] = ['hunter1', 'hunter2'].map(
      (value) => `${BASE}token = ${value}\nenv.TOKEN = ${value}\n${value} = x\n`,
    );
    expect(await words(before ?? '', after ?? '')).toEqual([
      'runner one: token changed',
      'runner one: hunter1 removed',
      'runner one: hunter2 added',
      'runner one: env.TOKEN changed',
    ]);
  });

  it('shows no value that was filled in, however short, nor what is one elsewhere', async () => {
    const text = `${BASE}concurrency = \${env:N}\npassword = \${env:P}\n[queue:a]\ndead-letter = q.\${env:P}\n`;
    expect(
      await words(text, text, { was: { N: '2', P: 'hunter11' }, is: { N: '3', P: 'hunter22' } }),
    ).toEqual([
      'queue a: dead-letter changed',
      'runner one: concurrency changed',
      'runner one: password changed',
    ]);
    const named = `${BASE}password = \${env:P}\n[queue:a]\ndead-letter = of-hunter11\n`;
    expect(await words(named, named.replace('of-hunter11', 'of-nobody'), { was: { P: 'hunter11' } })).toEqual(
      ['queue a: dead-letter of-*** → of-nobody'],
    );
  });

  it('is short: a long line of a runner has only changed', async () => {
    const long = BASE.replace('true', `echo ${'x'.repeat(200)}`);
    expect(await words(BASE, long)).toEqual(['runner one: runner changed']);
    const lines = BASE.replace('true', 'echo 1\n  echo 2');
    expect(await words(BASE, lines)).toEqual(['runner one: runner changed']);
  });

  it('names the processor of a runner whose module is another one', async () => {
    const text = `${BASE.replace('shell!true', 'mine!x')}[processor:mine]\nmodule = ./a.ts\n`;
    const files = {
      'a.ts': 'export default () => ({ run() {} })',
      'b.ts': 'export default () => ({ run() {} })',
    };
    const [old, now] = [await load(text, {}, files), await load(text.replace('a.ts', 'b.ts'), {}, files)];
    const said = difference(old, now, { running: () => 0, mask: (one) => one });
    expect(said).toContain('runner one: module of processor mine changed');
  });
});
