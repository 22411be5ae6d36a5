import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, start } from '../cli/submit-project.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { findPython } from '../support/python.ts';

const PIN = '98765432109876543210';
const DATA = `{"n": 12345678901234567890, "v": [1.10, -0, 1e400], "pin": ${PIN}, "card": 4111111111111111.0, "x": 0.0000001}`;
/** As its requester gets it: nothing but the secrets is another. */
const TOLD = '{"n":12345678901234567890,"v":[1.10,-0,1e400],"pin":"***","card":"***","x":0.0000001}';
const MESSAGE = '{"parameters": {"x": 12345678901234567890, "v": 1.0, "list": [1.10, 1e400]}}';

const RUNNERS = ['report', 'failure', 'coprocess', 'python'];
const LAST: Readonly<Record<string, string>> = {
  report: `completed ${TOLD}`,
  failure: `failed: no such id ${TOLD}`,
  coprocess: `completed ${TOLD}`,
  python: 'completed {"x":12345678901234567890,"v":1.0,"pin":"***"}',
};

const OUTPUT: Readonly<Record<string, string>> = {
  report: 'output 12345678901234567890 1.0 [1.10,1e400]',
  failure: 'output 12345678901234567890 1.0 [1.10,1e400]',
  coprocess: `output body ${MESSAGE}`,
  python: 'output 12345678901234567890 1.0',
};

let project: Awaited<ReturnType<typeof makeProject>>;
let daemon: TestDaemon;
const env = { PIN };

beforeAll(async () => {
  project = await makeProject(
    `[DEFAULT]
pin = \${env:PIN}
redact = \\b4\\d{15}\\b
[rbit]
queue-mappings = ${RUNNERS.map((name) => `q.${name}:${name}`).join(' ')}
state-dir = state
[runner:report]
runner = shell!cat data.json >> "$RBIT_REPORT"; echo %{parameters.x} %{parameters.v} %{parameters.list}
[runner:failure]
runner = exec!sh -c 'cat failure.json >> "$RBIT_REPORT"; echo "$1" "$2" "$3"' sh %{parameters.x} %{parameters.v} %{parameters.list}
[runner:coprocess]
runner = coprocess!sh coprocess.sh
[runner:python]
runner = python!answers:answer
python = ${findPython()}
`,
    {
      'data.json': `{"data": ${DATA}}\n`,
      'failure.json': `{"failed": "no such id", "data": ${DATA}}\n`,
      'coprocess.sh': `while read -r request; do
  run=\${request#*:\\"}; run=\${run%%\\"*}
  echo "body \${request#*\\"body\\":}"
  printf '{"run":"%s","completed":true,"data":%s}\\n' "$run" '${DATA}'
done
`,
      'answers.py': `def answer(request, settings):
    parameters = request['parameters']
    print(parameters['x'], parameters['v'])
    return {'x': parameters['x'], 'v': parameters['v'], 'pin': ${PIN}}
`,
      'message.json': MESSAGE,
    },
  );
  daemon = await new TestDaemon([project.ini], { cwd: project.dir, env }).consuming(
    ...RUNNERS.map((name) => `q.${name}`),
  );
});
afterAll(async () => {
  await daemon.stop();
  await project.remove();
});

async function linesAbout(...args: readonly string[]): Promise<string[]> {
  const message = join(project.dir, 'message.json');
  const all = [CLI, ...args, '-c', project.ini, '--message', message];
  const { stdout } = await start(process.execPath, all, '', env).ended;
  expect(stdout).not.toContain('rawJSON');
  return linesOf(stdout);
}

describe.each(RUNNERS)('no number changes on its way through a runner: %s', (runner) => {
  it('those of the message reach it as they are, and those of its data are shown by try', async () => {
    const lines = await linesAbout('try', runner);
    expect(lines.at(-1)).toBe(LAST[runner]);
    expect(lines.find((line) => line.startsWith('output'))).toContain(OUTPUT[runner]);
  });

  it('those of its data reach the requester, by way of the embedded queue', async () => {
    const [, told] = / (\{.*)$/.exec(LAST[runner] ?? '') ?? [];
    expect((await linesAbout('submit', `q.${runner}`, '--wait')).at(-1)).toBe(LAST[runner]);
    expect((await linesAbout('submit', `q.${runner}`, '--wait', '--json')).at(-1)).toContain(
      `"data":${told}}`,
    );
  });
});
