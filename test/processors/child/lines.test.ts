import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from '../../../src/processors/child/lines.ts';

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
