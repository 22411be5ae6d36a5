import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutLine, LineSplitter } from '../../../src/processors/child/lines.ts';

function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

test('lines come out the same however the bytes arrive', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, '·'));
  fc.assert(
    fc.property(
      fc.array(line),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (lines, crlf, sizes) => {
        const bytes = Buffer.from(lines.map((text) => text + (crlf ? '\r\n' : '\n')).join(''));
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value ?? 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(split(chunks)).toEqual(lines);
      },
    ),
  );
});

test.each([
  ['', []],
  ['\n', ['']],
  ['a', ['a']],
  ['a\n\nb', ['a', '', 'b']],
  ['a\rb\n', ['a\rb']],
])('%j', (text, lines) => {
  expect(split([Buffer.from(text)])).toEqual(lines);
});

test('what is not UTF-8 is replaced', () => {
  expect(split([Buffer.from([0x61, 0xff, 0x62])])).toEqual(['a\ufffdb']);
});

test.each([0, 1, 2, 3])('a cut falls between characters (%i bytes before)', (before) => {
  const [line = ''] = split([Buffer.from(`${'x'.repeat(before)}${'😀'.repeat(20_000)}\n`)]);
  expect(line).toMatch(/^x*(?:😀)+ … \[cut/u);
  expect(line).not.toContain('\ufffd');
});

test('a line of exactly 64 KiB is whole', () => {
  expect(split([Buffer.from(`${'x'.repeat(65_536)}\ny`)])).toEqual(['x'.repeat(65_536), 'y']);
});

test('a long line is cut in the middle of a chunk, too', () => {
  const lines = split([Buffer.from(`a\r\nb\r\n${'x'.repeat(70_000)}\nc\nd`)]);
  expect(lines).toEqual(['a', 'b', expect.stringMatching(/^x{65536} … \[cut/), 'c', 'd']);
});

test('where lines may be longer, they are cut there', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), { lineBytes: 128 * 1024 });
  splitter.push(Buffer.from(`${'x'.repeat(131_072)}\n${'y'.repeat(131_073)}\nz\n`));
  expect(lines).toEqual([
    'x'.repeat(131_072),
    `${'y'.repeat(131_072)} … [cut: a line longer than 128 KiB]`,
    'z',
  ]);
});

test.each([1, 1_000, 1_000_000])(
  'a line that begins like an object may be longer than others (%i bytes at once)',
  (size) => {
    const lines: string[] = [];
    const tooLong: string[] = [];
    const objects = { lineBytes: 100_000, onTooLong: (start: string) => tooLong.push(start) };
    const splitter = new LineSplitter((line) => lines.push(line), { objects });
    const long = `{${'a'.repeat(99_999)}`;
    const bytes = Buffer.from(`${long}\n${'b'.repeat(70_000)}\n${long}c\n{}\n`);
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
    expect(lines).toEqual([long, expect.stringMatching(/^b{65536} … \[cut/), '{}']);
    expect(tooLong).toEqual([long.slice(0, 65_536)]);
  },
);

test.each([1, 3, 1_000_000])('blanks may stand before an object (%i bytes at once)', (size) => {
  const lines: string[] = [];
  const tooLong: string[] = [];
  const objects = { lineBytes: 200_000, onTooLong: (start: string) => tooLong.push(start) };
  const splitter = new LineSplitter((line) => lines.push(line), { objects });
  const long = ` \t\r{${'a'.repeat(99_999)}`;
  const blank = ' '.repeat(70_000);
  const bytes = Buffer.from(`${long}\n x${'b'.repeat(70_000)}\n${blank}{${'c'.repeat(200_000)}\n   \n{}\n`);
  for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
  const cut = ' … [cut: a line longer than 64 KiB]';
  expect(lines[0]).toBe(long);
  expect(lines[1]).toBe(` x${'b'.repeat(65_534)}${cut}`);
  // Bytes that come at once are told apart from those that come after a cut.
  if (size < 1_000) expect([lines[2], tooLong]).toEqual([blank.slice(0, 65_536) + cut, []]);
  else expect(tooLong).toHaveLength(1);
  expect(lines.slice(-2)).toEqual(['   ', '{}']);
});

test('an object that is too long is told of before it ends', () => {
  const tooLong: string[] = [];
  const objects = { lineBytes: 100_000, onTooLong: (start: string) => tooLong.push(start) };
  const splitter = new LineSplitter(() => {}, { objects });
  splitter.push(Buffer.from(`{${'a'.repeat(100_000)}`));
  expect(tooLong).toHaveLength(1);
  splitter.push(Buffer.from('a'.repeat(100_000)));
  expect(tooLong).toHaveLength(1);
});

test('a text is cut as a line is', () => {
  expect(cutLine('x'.repeat(65_536))).toBe('x'.repeat(65_536));
  const long = `x${'😀'.repeat(20_000)}`;
  expect([cutLine(long)]).toEqual(split([Buffer.from(`${long}\n`)]));
});
