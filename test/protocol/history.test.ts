import { describe, expect, it } from 'vitest';
import { FOLLOW_HEADER, isFollowed } from '../../src/protocol/history.ts';

describe('a job', () => {
  it('is followed by a requester that says so, and by nothing like it', () => {
    expect(isFollowed({ headers: { [FOLLOW_HEADER]: true } })).toBe(true);
    for (const odd of [undefined, false, 1, 'true', 'yes', {}])
      expect(isFollowed({ headers: { [FOLLOW_HEADER]: odd } })).toBe(false);
    expect(isFollowed({ headers: {} })).toBe(false);
  });
});
