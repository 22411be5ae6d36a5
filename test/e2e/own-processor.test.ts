import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLI, makeProject } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

/** `http!METHOD URL`: the message's body goes there, what is answered becomes the reply's data. */
const HTTP = `
import { Blocked, Failed, type ProcessorOptions, type ProcessorRunner } from 'rbit-ts';

export default function http({ spec, settings }: ProcessorOptions): ProcessorRunner {
  const [method = '', url = ''] = spec.split(/\\s+/);
  if (!URL.canParse(url)) throw new Error(\`"\${spec}" is not METHOD URL\`);
  const headers = { 'x-token': settings['token'] ?? '' };
  return {
    async run(_job, { input, signal, output }) {
      const response = await fetch(url, { method, headers, body: input, signal });
      output(\`\${method} \${url}: \${response.status}\`);
      if (response.status === 503) throw new Blocked('the server is busy', { delay: '1s' });
      if (!response.ok) throw new Failed(\`the server answered \${response.status}\`);
      return response.json();
    },
  };
}
`;

/** Prints what it is told to by every way that there is. */
const PRINTER = `
export default async (job, context) => {
  console.log('by console');
  context.output('by context');
  context.log.warn('by the log');
  await new Promise((resolve) => setImmediate(resolve));
  process.stdout.write('by the stream\\n');
};
`;

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    response.statusCode = Number(request.url?.slice(1));
    response.end(JSON.stringify({ token: request.headers['x-token'], body: JSON.parse(body) as unknown }));
  });
});

let project: Awaited<ReturnType<typeof makeProject>>;
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  project = await makeProject(
    `[rbit]
queue-mappings = prints:printer
state-dir = state
log-format = pretty
[processor:http]
module = ./http.ts
[runner:good]
runner = http!POST ${url}/200
token = t0k3n
[runner:bad]
runner = http!POST ${url}/404
[runner:busy]
runner = http!POST ${url}/503
[runner:printer]
runner = module!./printer.mjs
isolation = none
`,
    {
      'http.ts': HTTP,
      'printer.mjs': PRINTER,
      'wrong.ini':
        '[rbit]\nqueue-mappings = q:r\n[processor:http]\nmodule = ./http.ts\n[runner:r]\nrunner = http!GET it\n',
    },
  );
});
afterAll(async () => {
  server.close();
  await project.remove();
});

function rbit(...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { cwd: project.dir }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

it.concurrent.each([
  ['good', 0, ['POST', '200', '{"token":"t0k3n","body":{"parameters":{"n":1}}}']],
  ['bad', 1, ['404', 'the server answered 404']],
  ['busy', 75, ['503', 'the server is busy']],
])('a job goes through a processor of its own: %s', async (runner, code, words) => {
  const tried = await rbit('try', runner, '--set', 'parameters.n=1', '-c', project.ini);
  expect(tried.code).toBe(code);
  const told = `${tried.stdout}${tried.stderr}`.replaceAll(' ', '');
  for (const word of words) expect(told).toContain(word.replaceAll(' ', ''));
});

it.concurrent('check says, with its line, what a processor has against a runner', async () => {
  const { code, stderr } = await rbit('check', 'wrong.ini');
  expect(code).toBe(78);
  expect(stderr).toContain(
    'wrong.ini:6: [runner:r] runner: http! refused it: "GET it" is not METHOD URL (correct the line or its settings, or ./http.ts)',
  );
});

it.concurrent('a daemon with a pretty log shows once what a module inside it prints', async () => {
  const daemon = spawn(process.execPath, [CLI, project.ini], { cwd: project.dir });
  let said = '';
  daemon.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise((resolve) => {
    daemon.once('close', resolve);
  });
  try {
    await eventually(() => said.includes('consuming'), 'the daemon consumes', 20_000);
    const submitted = await rbit('submit', 'prints', '--wait', '--set', 'parameters.n=1', '-c', project.ini);
    expect(submitted.code).toBe(0);
  } finally {
    daemon.kill('SIGTERM');
  }
  expect(await ended).toBe(0);
  for (const words of ['by console', 'by context', 'by the log', 'by the stream']) {
    const shown = said.split('\n').filter((line) => line.includes(words));
    expect(shown).toEqual([expect.stringMatching(/\[?\d\d:\d\d:\d\d/)]);
  }
});
