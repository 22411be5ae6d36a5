import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cancelCommand } from '../src/cli/cancel.ts';
import { checkCommand } from '../src/cli/check.ts';
import { deadCommand } from '../src/cli/dead.ts';
import { initCommand } from '../src/cli/init.ts';
import { pauseCommand } from '../src/cli/pause.ts';
import { reloadCommand } from '../src/cli/reload.ts';
import { resumeCommand } from '../src/cli/resume.ts';
import { runCommand } from '../src/cli/run.ts';
import { statusCommand } from '../src/cli/status.ts';
import { submitCommand } from '../src/cli/submit.ts';
import { tryCommand } from '../src/cli/try.ts';
import { loadConfig } from '../src/config/load.ts';
import { processors } from '../src/config/processors.ts';
import { schema } from '../src/config/schema.ts';

const example = readFileSync('rbit.example.ini', 'utf8');
const readme = readFileSync('README.md', 'utf8');
const map = readFileSync('src/README.md', 'utf8');

/** Every key that the example shows, live or commented out, by the kind of its section. */
function exampleKeys(): Map<string, Set<string>> {
  const keys = new Map<string, Set<string>>();
  let section = '';
  for (const line of example.split('\n')) {
    section = /^(?:# )?\[([a-z]+)(?::.+)?\]$/.exec(line)?.[1] ?? section;
    const key = /^(?:# )?([a-z][\w.-]*) ?= ?/i.exec(line)?.[1];
    if (key !== undefined) keys.set(section, (keys.get(section) ?? new Set()).add(key));
  }
  return keys;
}

describe('rbit.example.ini', () => {
  it('is a configuration without a mistake or a warning, and needs no broker', async () => {
    const { amqp, warnings } = await loadConfig(['rbit.example.ini']);
    expect(warnings).toStrictEqual([]);
    expect(amqp).toBeUndefined();
  });

  it('has state of its own, wherever it runs', async () => {
    const { rbit } = await loadConfig(['rbit.example.ini'], { XDG_STATE_HOME: '/state' });
    expect(rbit.stateDir).toBe('/state/rbit-ts/rbit-example');
  });

  it('runs on RabbitMQ when its [amqp] is taken out of the comment, and nothing else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rbit-example-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'rbit.ini'), example.replace(/^# \[amqp\]$/m, '[amqp]'));
    const { amqp, warnings } = await loadConfig([join(folder, 'rbit.ini')]);
    expect(warnings).toStrictEqual([]);
    expect(amqp?.urls).toMatchObject([{ hostname: 'localhost', port: 5672 }]);
  });

  it('shows every key that there is', () => {
    const shown = exampleKeys();
    for (const [section, keys] of Object.entries(schema))
      expect([...(shown.get(section) ?? [])], section).toEqual(expect.arrayContaining(Object.keys(keys)));
  });

  it('shows no key that is not there, but for the settings of its runners', () => {
    const settings = ['greeting', 'unit', 'env.LANG'];
    for (const [section, keys] of exampleKeys()) {
      const known = Object.keys(schema[section as keyof typeof schema]);
      expect(
        [...keys].filter((key) => !known.includes(key) && !settings.includes(key)),
        section,
      ).toStrictEqual([]);
    }
  });

  it('shows the defaults that the schema has', () => {
    for (const keys of Object.values(schema)) {
      for (const [name, key] of Object.entries(keys)) {
        const shown = new RegExp(`^# ${name} = (.*)$`, 'm').exec(example)?.[1];
        if (shown !== undefined && key.default !== undefined && key.default !== '') {
          expect(shown, name).toBe(key.default);
        }
      }
    }
  });
});

/** Lines that are commands of rbit-ts, as words. */
function commandsIn(text: string): string[][] {
  return [...text.matchAll(/^(?:# +)?(?:npx )?rbit-ts (.*)$/gm)].map(([, line = '']) =>
    [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', '')),
  );
}

/** Parses a command as the command line would, and runs nothing; throws what is wrong with it. */
function parse([name = '', ...words]: readonly string[]): void {
  const commands = [
    runCommand(),
    checkCommand(),
    tryCommand(),
    submitCommand(),
    deadCommand(),
    initCommand(),
    statusCommand(),
    cancelCommand(),
    pauseCommand(),
    resumeCommand(),
    reloadCommand(),
  ];
  const command = commands.find((one) => one.name() === name);
  const parsed = command === undefined ? runCommand() : command;
  for (const one of [parsed, ...parsed.commands])
    one
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action(() => {});
  parsed.parse(command === undefined ? [name, ...words] : words, { from: 'user' });
}

describe('the commands that are shown', () => {
  const head = commandsIn(example.slice(0, example.indexOf('[rbit]')));
  const fenced = readme
    .split(/^```.*$/m)
    .filter((_, index) => index % 2 === 1)
    .flatMap(commandsIn);

  it('are some', () => {
    expect(head).toHaveLength(3);
    expect(fenced.length).toBeGreaterThan(4);
  });

  it.each([...head, ...fenced].map((words) => [words.join(' '), words] as const))(
    'rbit-ts %s has no option too many and no argument too few',
    (_, words) => {
      expect(() => parse(words)).not.toThrow();
    },
  );

  it('name the example where they stand in it', () => {
    for (const words of head) expect(words).toContain('rbit.example.ini');
  });

  it('name queues and runners of the example, or of the file that they name', async () => {
    const { mappings, runners } = await loadConfig(['rbit.example.ini']);
    const shown = [...readme.matchAll(/^\[runner:(.+)\]$/gm)].map(([, runner = '']) => runner);
    const known = { submit: [...mappings.keys(), 'worker.pdf'], try: [...runners.keys(), ...shown] };
    for (const [name, target = ''] of [...head, ...fenced]) {
      if (name === 'submit' || name === 'try') expect(known[name]).toContain(target);
    }
  });
});

describe('README.md', () => {
  it('names no npm script that is not there', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...`${readme}${map}`.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => !(name in scripts))).toStrictEqual([]);
  });

  it('names no command of rbit-ts that is not there', () => {
    const commands = [
      'run',
      'check',
      'try',
      'submit',
      'dead',
      'init',
      'status',
      'cancel',
      'pause',
      'resume',
      'reload',
      'help',
    ];
    const named = [...readme.matchAll(/^(?:npx )?rbit-ts ([a-z]+)(?= |$)/gm)].map(([, name]) => name ?? '');
    expect(named.filter((name) => !commands.includes(name))).toStrictEqual([]);
  });

  it('shows a module that compiles', async () => {
    const [, module = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
    const folder = 'node_modules/.cache/rbit-ts-readme';
    mkdirSync(folder, { recursive: true });
    const undefinedThere = `declare function locked(): Promise<boolean>;
declare function buildPackage(job: unknown, options: { signal: AbortSignal }): Promise<void>;
`;
    writeFileSync(`${folder}/example.ts`, `${module}\n${undefinedThere}`);
    writeFileSync(
      `${folder}/tsconfig.json`,
      '{ "extends": "../../../tsconfig.json", "include": ["example.ts"], "exclude": [] }',
    );
    const run = promisify(execFile);
    const { stdout } = await run('node_modules/.bin/tsc', ['-p', folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });

  it('has a section for each processor', () => {
    for (const processor of processors) expect(readme).toMatch(new RegExp(`^### .*${processor}!`, 'm'));
  });

  it('explains every key of a runner', () => {
    for (const key of Object.keys(schema.runner)) expect(readme, key).toContain(`\`${key}\``);
  });
});

describe('src/README.md', () => {
  it('names every folder, and no file that is gone', () => {
    const files = new Set(globSync('src/**/*.ts'));
    const folders = new Set([...files].map((file) => file.split('/').slice(1, -1).join('/')));
    for (const folder of folders) expect(map).toContain(folder);
    const named = [...map.matchAll(/`((?:[\w-]+\/)+[\w-]+\.ts)`/g)].map(([, name]) => `src/${name ?? ''}`);
    expect(named.filter((name) => !files.has(name) && !files.has(name.replace('src/', '')))).toStrictEqual(
      [],
    );
  });
});

describe('the runners that come along', () => {
  it('each begin with their own section of the INI file', () => {
    for (const file of globSync('runners/*.{ts,sh,py,go}')) {
      const [head = ''] = readFileSync(file, 'utf8').split(/^(?!#|\/\/)/m, 1);
      expect(head, file).toMatch(
        /\[runner:[\w-]+\]\n(?:#|\/\/) +runner = (?:shell|exec|module|coprocess|python|greet)!/,
      );
    }
  });
});
