import { describe, expect, it } from 'vitest';
import { maskJson } from '../../src/config/masked-json.ts';
import { Secrets } from '../../src/config/secrets.ts';

function masked(text: string, ...secrets: readonly string[]): string {
  const known = new Secrets();
  for (const secret of secrets) known.add(secret);
  return maskJson(text, known.mask);
}

describe('JSON with its secrets masked', () => {
  it.each([
    ['{"pin":67108864,"a":1}', '{"pin":"***","a":1}'],
    ['[67108864]\n', '["***"]\n'],
    ['{"pin":-67108864.5,"b":"x ***"}', '{"pin":"***","b":"x ***"}'],
    ['{"a":"\\"67108864\\\\","b":167108864e3}', '{"a":"\\"***\\\\","b":"***"}'],
    ['"67108864"', '"***"'],
    ['{"67108864":67108864}', '{"***":"***"}'],
  ])('%s is JSON still', (text, expected) => {
    expect(masked(text, '67108864')).toBe(expected);
    expect(() => JSON.parse(expected) as unknown).not.toThrow();
  });

  it('is JSON also where a secret goes across texts', () => {
    expect(JSON.parse(masked('{"a":"b"}', '{"a":"'))).toStrictEqual({ masked: '***b"}' });
  });

  it('what is no JSON is masked as it is, and what holds no secret stays', () => {
    expect(masked('pin 67108864', '67108864')).toBe('pin ***');
    expect(masked('{"a": 1.0}', '67108864')).toBe('{"a": 1.0}');
  });
});
