import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Who may import whom, besides itself and `node:`. Changing the architecture means changing this table. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  job: [],
  broker: [],
  config: [],
  sqlite: [],
  heap: [],
  'broker/amqp': ['broker'],
  'broker/embedded': ['broker', 'sqlite'],
  processors: ['job', 'heap'],
  protocol: ['job', 'broker'],
  journal: ['job', 'broker', 'protocol', 'sqlite'],
  worker: ['job', 'broker', 'protocol', 'journal'],
  receipt: ['job', 'broker', 'protocol', 'journal'],
  client: ['job', 'broker', 'protocol'],
  http: ['job'],
  control: ['job', 'sqlite'],
  daemon: [
    'job',
    'broker',
    'broker/amqp',
    'broker/embedded',
    'config',
    'sqlite',
    'heap',
    'processors',
    'protocol',
    'journal',
    'worker',
    'receipt',
    'control',
    'client',
    'http',
  ],
  cli: [
    'daemon',
    'config',
    'control',
    'broker',
    'broker/amqp',
    'broker/embedded',
    'client',
    'job',
    'cli/terminal',
  ],
  'cli/terminal': ['client', 'job'],
  '': ['job', 'processors'],
};

/** Which folders may use which package. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  amqplib: ['broker/amqp'],
  ini: ['config'],
  'fastest-levenshtein': ['config'],
  execa: ['processors'],
  pino: ['daemon'],
  'pino-pretty': ['daemon'],
  'prom-client': ['http'],
  commander: ['cli'],
};

const LONGEST_FILE = 250;

const files = globSync('src/**/*.ts').map((path) => relative('src', path));
const imports = new Map(files.map((file) => [file, importsOf(file)]));

function importsOf(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [
    ...text.matchAll(
      /^\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm,
    ),
  ]
    .map(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? '')
    .filter((name) => !name.startsWith('node:'));
}

/** The row of the table that a file belongs to: its folder, or the nearest one above that has a row. */
function folderOf(file: string): string {
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
    if (folder in MAY_IMPORT) return folder;
  }
  return '';
}

const local = (file: string): string[] =>
  (imports.get(file) ?? []).filter((name) => name.startsWith('.')).map((name) => join(dirname(file), name));

describe('the architecture', () => {
  it('is what the table says: no folder imports another than it may', () => {
    const strays = files.flatMap((file) =>
      local(file)
        .filter((target) => folderOf(target) !== folderOf(file))
        .filter((target) => !(MAY_IMPORT[folderOf(file)] ?? []).includes(folderOf(target)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(strays).toStrictEqual([]);
  });

  it('has no row for a folder that does not exist', () => {
    const folders = new Set(files.map(folderOf));
    expect(Object.keys(MAY_IMPORT).filter((folder) => !folders.has(folder))).toStrictEqual([]);
  });

  it('keeps each package in the folder that it is for', () => {
    const strays = files.flatMap((file) =>
      (imports.get(file) ?? [])
        .filter((name) => !name.startsWith('.'))
        .filter((name) => !(PACKAGES[name] ?? []).includes(folderOf(file)))
        .map((name) => `${file} -> ${name}`),
    );
    expect(strays).toStrictEqual([]);
  });

  it('has no circles', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (done.has(file)) return;
      done.add(file);
      for (const target of local(file)) visit(target, [...path, file]);
    };
    for (const file of files) visit(file, []);
    expect(circles).toStrictEqual([]);
  });

  it(`has no file of more than ${LONGEST_FILE} lines`, () => {
    const long = files.filter(
      (file) => readFileSync(join('src', file), 'utf8').split('\n').length > LONGEST_FILE,
    );
    expect(long).toStrictEqual([]);
  });

  it('has no file that nobody imports, but for those that are entered from outside', () => {
    const imported = new Set(files.flatMap(local));
    const entries = [
      'index.ts',
      'cli/bin.ts',
      'cli/demo.ts',
      'processors/thread/thread.ts',
      'processors/module/process.ts',
    ];
    expect(files.filter((file) => !imported.has(file) && !entries.includes(file))).toStrictEqual([]);
  });
});
