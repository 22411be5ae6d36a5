import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configPlaces, findConfig, loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { folderWith, load, warningsOf, withRbit } from './config-folder.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/config');

describe('a file as the original program had it', () => {
  it('means what it meant there', async () => {
    const config = await loadConfig([join(FIXTURES, 'original.ini')], {});
    expect([...config.mappings]).toEqual([
      ['debian_i386_deb', 'debian'],
      ['debian_amd64_deb', 'debian'],
      ['html.pdf', 'html2pdf'],
      ['docs', 'html2pdf'],
    ]);
    expect(config.amqp?.urls).toEqual([
      {
        protocol: 'amqp',
        hostname: 'localhost',
        port: 5672,
        user: 'rbit',
        password: 'p;w#1=2',
        vhost: '/builds',
      },
    ]);
    expect(config.runners.get('debian')).toMatchObject({
      processor: 'shell',
      spec: [
        'cd "$HOME" ; ls -l | sort # newest last',
        `&& test "$A" = 'b; c' || exit 1`,
        'echo "done!"',
      ].join('\n'),
      settings: { 'output-dir': '/srv/out' },
    });
    expect(config.runners.get('html2pdf')).toMatchObject({
      processor: 'module',
      spec: './hello.js:convert',
      settings: { paper: 'A4 = portrait', title: '' },
    });
  });

  it('has its logging sections ignored, with one warning', async () => {
    const config = await loadConfig([join(FIXTURES, 'original.ini')], {});
    expect(warningsOf(config).filter((line) => line.includes('logg'))).toEqual([
      expect.stringMatching(
        /original\.ini:\d+: \[loggers\]: the sections of Python's logging are ignored \(.*log-level/,
      ),
    ]);
  });
});

describe('defaults', () => {
  it('are those of the documentation', async () => {
    const config = await load('[rbit]\nqueue-mappings = q:r\n[amqp]\n[runner:r]\nrunner = shell!true\n', {
      HOME: '/home/ada',
    });
    expect(config.rbit).toEqual({
      name: hostname(),
      stateDir: `/home/ada/.local/state/rbit-ts/${hostname()}`,
      stateDirAt: undefined,
      shutdownTimeoutMs: 30_000,
      logLevel: 'info',
      logFormat: 'auto',
      replyGapMs: 0,
      replyToAllow: [],
    });
    expect(config.amqp).toEqual({
      urls: [
        { protocol: 'amqp', hostname: 'localhost', port: 5672, user: 'guest', password: 'guest', vhost: '/' },
      ],
      ca: undefined,
      cert: undefined,
      key: undefined,
      servername: undefined,
      heartbeatMs: 20_000,
      connectTimeoutMs: 10_000,
      reconnectMaxDelayMs: 30_000,
      exchange: undefined,
      declare: 'if-missing',
      queueType: undefined,
    });
    expect([...config.queues]).toEqual([['q', { bind: [], queueType: undefined, deadLetter: 'q.dead' }]]);
    const [file = ''] = config.files;
    expect(config.runners.get('r')).toEqual({
      name: 'r',
      processor: 'shell',
      spec: 'true',
      at: { file, line: 5 },
      directory: join(file, '..'),
      concurrency: 1,
      timeoutMs: 25 * 60_000,
      killGraceMs: 10_000,
      blockedDelay: { minMs: 30_000, maxMs: 30_000 },
      blockedLimit: 0,
      retries: 0,
      retryDelay: { minMs: 10_000, maxMs: 600_000 },
      keepFailed: false,
      body: 'json',
      required: [],
      cwd: undefined,
      env: {},
      output: true,
      notify: false,
      successCodes: [0],
      blockedCodes: [75],
      unavailableCodes: [126, 127],
      warmStart: true,
      ack: 'done',
      crashLimit: 3,
      onRestart: 'fail',
      idleTimeoutMs: undefined,
      maxOutput: undefined,
      redact: [],
      user: undefined,
      group: undefined,
      nice: undefined,
      memory: undefined,
      isolation: 'thread',
      threads: undefined,
      maxJobs: 0,
      python: 'python3',
      settings: {},
      section: { runner: 'shell!true' },
    });
    expect(config.processors.size).toBe(0);
    expect(config.warnings).toEqual([]);
  });

  it('of a [DEFAULT] section reach every section that knows them, and runners as settings', async () => {
    const config = await load(
      '[DEFAULT]\nconcurrency = 3\nretries = 2\noutput-dir = /srv\nqueue-type = quorum\n[rbit]\nqueue-mappings = q:r\n[amqp]\n[queue:q]\n[runner:r]\nrunner = shell!true\nretries = 5\n',
    );
    expect(config.runners.get('r')).toMatchObject({
      concurrency: 3,
      retries: 5,
      settings: { 'output-dir': '/srv' },
    });
    expect(config.amqp?.queueType).toBe('quorum');
    expect(config.queues.get('q')?.queueType).toBe('quorum');
    expect(config.warnings).toEqual([]);
  });
});

it('on-restart is warned of where a message is not acknowledged before its job', async () => {
  const config = await load(withRbit('[runner:r]', 'on-restart = rerun'));
  expect(warningsOf(config)).toEqual([
    'worker.ini:7: [runner:r] on-restart: has no effect with ack = done (remove it, or set ack = receipt)',
  ]);
  const receipt = await load(withRbit('[runner:r]', 'on-restart = rerun', 'ack = receipt'));
  expect(warningsOf(receipt)).toEqual([]);
});

it('a configuration is looked for in the home folder when there is none here', () => {
  const home = folderWith({ '.rbit.ini': '' });
  expect(configPlaces(home)).toEqual(['rbit.ini', join(home, '.rbit.ini'), '/etc/rbit/rbit.ini']);
  expect(findConfig(home)).toBe(join(home, '.rbit.ini'));
  expect(() => findConfig(join(home, 'nowhere'))).toThrow(
    /^rbit\.ini: no such file, and no .*nowhere\/\.rbit\.ini or \/etc\/rbit\/rbit\.ini \(name the INI file/,
  );
});

it('whatever a file holds, it is a configuration or a ConfigError', async () => {
  const folder = folderWith({ 'x.ini': '' });
  const words =
    '[rbit] [amqp] [runner: [queue: [include] [DEFAULT] ] queue-mappings runner shell! module! r q = : ! .. ${ ${env: ${file: } $ ' +
    'url amqp:// amqps:// @ % host port timeout cwd ca-file ssl files env. 10s -1 1e9 * ~ " # ; __proto__ http é 😀';
  const piece = fc.constantFrom(...words.split(' '), ' ', '\n', '\n', '\r', '\0', '\uFEFF', '\u2028');
  const anything = fc.oneof(
    fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''))),
    fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  let usable = 0;
  await fc.assert(
    fc.asyncProperty(anything, fc.boolean(), async (bytes, begun) => {
      writeFileSync(join(folder, 'x.ini'), begun ? Buffer.concat([Buffer.from(withRbit('')), bytes]) : bytes);
      try {
        await loadConfig([join(folder, 'x.ini')], { HOME: '/' });
        usable += 1;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        expect(error.problems.length).toBeGreaterThan(0);
        // One line each.
        expect(error.message.split('\n')).toHaveLength(error.problems.length);
      }
    }),
    { numRuns: 600 },
  );
  expect(usable).toBeGreaterThan(0);
});
