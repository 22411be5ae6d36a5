import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobBodyOptions, readJobBody } from '../../src/cli/job-body.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import { makeProject } from '../support/daemon.ts';

let project: Awaited<ReturnType<typeof makeProject>>;
let message: string;
beforeAll(async () => {
  project = await makeProject('');
  message = join(project.dir, 'job.json');
});
afterAll(() => project.remove());

async function bodyOf(options: JobBodyOptions): Promise<string> {
  return (await readJobBody(options)).body.toString();
}

async function withMessage(text: string | Buffer, ...set: string[]): Promise<string> {
  await writeFile(message, text);
  return bodyOf({ message, set });
}

describe('the body of a job', () => {
  it('is an empty object when nothing is said of it', async () => {
    expect(await readJobBody({})).toStrictEqual({ body: Buffer.from('{}'), isJson: true });
  });

  it.each([
    [['parameters.cart=7'], { parameters: { cart: 7 } }],
    [
      ['a=text', 'b="7"', 'c=null', 'd=[1,2]', 'e={"f":true}', 'g='],
      { a: 'text', b: '7', c: null, d: [1, 2], e: { f: true }, g: '' },
    ],
    [['a.b=1', 'a.c=2', 'a.b=3'], { a: { b: 3, c: 2 } }],
    [['a=x=y'], { a: 'x=y' }],
    [['list=[]', 'list.0=a', 'list.1.b=1', 'list.0=c'], { list: ['c', { b: 1 }] }],
    [['a.0=x'], { a: { 0: 'x' } }],
  ])('--set %j', async (set, expected) => {
    expect(JSON.parse(await bodyOf({ set }))).toStrictEqual(expected);
  });

  it('is the message byte for byte, JSON or not, unless --set changes it', async () => {
    expect(await withMessage('{ "a" : 1.0 }\n')).toBe('{ "a" : 1.0 }\n');
    const bytes = Buffer.from([0, 255, 10]);
    await writeFile(message, bytes);
    expect(await readJobBody({ message })).toStrictEqual({ body: bytes, isJson: false });
    expect(await withMessage('{ "a": 1, "b": 2 }', 'b=3')).toBe('{"a":1,"b":3}');
  });

  it.each([
    ['1.10', '"1.10"'],
    ['1.0', '"1.0"'],
    ['12345678901234567890', '"12345678901234567890"'],
    ['0.1e400', '"0.1e400"'],
    ['1e3', '"1e3"'],
    ['-0', '"-0"'],
    ['0.1', '0.1'],
    ['-7', '-7'],
    ['[1.10,7]', '[1.10,7]'],
    ['{"id":12345678901234567890}', '{"id":12345678901234567890}'],
  ])('--set changes no value: a=%s is %s', async (written, expected) => {
    expect(await bodyOf({ set: [`a=${written}`] })).toBe(`{"a":${expected}}`);
  });

  it('--set leaves every other number of the message as it was written', async () => {
    expect(await withMessage('{"id": 12345678901234567890, "v": [1.10, -0, 1E400], "n": 1}', 'x=1')).toBe(
      '{"id":12345678901234567890,"v":[1.10,-0,1E400],"n":1,"x":1}',
    );
  });

  it('takes names of a prototype for names like any other', async () => {
    const body = await bodyOf({
      set: ['__proto__.polluted=yes', 'constructor.prototype.polluted=yes', 'toString=1'],
    });
    expect(body).toBe(
      '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"toString":1}',
    );
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(await withMessage('{"__proto__":{"a":1}}', '__proto__.b=2')).toBe('{"__proto__":{"a":1,"b":2}}');
  });
});

describe('one line says what is wrong', () => {
  it.each([
    [['cart'], /^--set cart: write PATH=VALUE/],
    [['=7'], /^--set =7: not a path/],
    [['a..b=7'], /^--set a\.\.b=7: not a path/],
    [['a=7', 'a.b=1'], /^--set a\.b: a is 7, and nothing can be put into that$/],
    [['a=[1]', 'a.x=1'], /^--set a\.x: x is no place in a list of 1 \(write 0 to 1\)$/],
    [['a=[1.10]', 'a.0.x=1'], /^--set a\.0\.x: a\.0 is 1\.10, and nothing can be put into that$/],
    [['a=[1]', 'a.2=1'], /2 is no place in a list of 1/],
    [['a=[]', 'a.length=9'], /length is no place in a list of 0 \(write 0\)$/],
    [['a=[]', 'a.__proto__.x=9'], /__proto__ is no place in a list/],
  ])('--set %j', async (set, expected) => {
    await expect(readJobBody({ set })).rejects.toThrow(expected);
  });

  it.each([
    ['no JSON', 'x\ny', /^--message .*job\.json is not JSON \(.*\): leave out --set, or mend it$/],
    ['no UTF-8', Buffer.from([255]), /is not JSON \(not UTF-8\)/],
    ['nothing', '', /is not JSON \(empty\)/],
    ['a number of many digits', '12345678901234567890', /^--set needs a --message that is a JSON object$/],
    ['a number', '7', /^--set needs a --message that is a JSON object$/],
  ])('when --set is to change what is %s', async (_, text, expected) => {
    await expect(withMessage(text, 'a=1')).rejects.toThrow(expected);
    await expect(withMessage(text, 'a=1')).rejects.toSatisfy(
      (error) => error instanceof UsageError && !error.message.includes('\n'),
    );
  });

  it('when there is no such message', async () => {
    await expect(readJobBody({ message: join(project.dir, 'none') })).rejects.toThrow(/none: no such file/);
    await expect(readJobBody({ message: project.dir })).rejects.toThrow(/is a folder \(name a file in it\)/);
  });
});
