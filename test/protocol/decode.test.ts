import { describe, expect, it } from 'vitest';
import { decode, type Expectations } from '../../src/protocol/decode.ts';
import { deliveryOf } from '../support/delivery.ts';

const json: Expectations = { runner: 'r', body: 'json', required: [] };

describe('decoding a message', () => {
  it('gives the parts of a job, and keeps what it does not know', () => {
    const body = {
      group: 'web',
      parameters: { command: 'service' },
      dynamic: { cart: 'c' },
      notify: {},
      extra: 1,
    };
    const { kind, job } = decode(deliveryOf(body, { correlationId: 'c1', replyTo: 'q' }), json);
    expect(kind).toBe('job');
    expect(job).toMatchObject({
      id: 'c1',
      queue: 'jobs',
      runner: 'r',
      body,
      group: 'web',
      parameters: { command: 'service' },
      dynamic: { cart: 'c' },
      correlationId: 'c1',
      replyTo: 'q',
      attempt: 1,
    });
  });

  it('demands no property and no key: an empty object is a job', () => {
    const { kind, job } = decode(deliveryOf({}), json);
    expect(kind).toBe('job');
    expect(job).toMatchObject({ parameters: {}, dynamic: {}, notify: {} });
    expect(job).not.toHaveProperty('correlationId');
  });

  it('takes the correlation id for the id, else the message id, else makes one that differs each time', () => {
    expect(decode(deliveryOf({}, { correlationId: 'c', messageId: 'm' }), json).job.id).toBe('c');
    expect(decode(deliveryOf({}, { messageId: 'm' }), json).job.id).toBe('m');
    const [one, other] = [decode(deliveryOf({}), json), decode(deliveryOf({}), json)];
    expect(one.job.id).not.toBe(other.job.id);
  });

  it.each([
    ['text that is not JSON', '{oops', /not JSON/],
    ['nothing at all', '', /not JSON \(empty\)/],
    ['a list', '[1]', /not a JSON object/],
    ['a string', '"x"', /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
  ])('calls %s undecodable and says why', (_, body, why) => {
    const decoded = decode(deliveryOf(body), json);
    expect(decoded).toMatchObject({ kind: 'undecodable', failure: { kind: 'failed', retryable: false } });
    expect(decoded.kind === 'undecodable' && decoded.failure.message).toMatch(why);
  });

  it('does not repeat a large broken message in its complaint', () => {
    const decoded = decode(deliveryOf(`{"a": ${'x'.repeat(100_000)}`), json);
    expect(decoded.kind === 'undecodable' && decoded.failure.message.length).toBeLessThan(200);
  });

  it('with body = any takes everything, parsed where it can be', () => {
    const any: Expectations = { ...json, body: 'any' };
    expect(decode(deliveryOf('plain text'), any)).toMatchObject({ kind: 'job', job: { body: 'plain text' } });
    expect(decode(deliveryOf('[1]'), any)).toMatchObject({ kind: 'job', job: { body: [1] } });
    expect(decode(deliveryOf(Buffer.from([0xff])), any)).toMatchObject({
      kind: 'job',
      job: { body: '\u00ff' },
    });
  });

  it('names every required key that is missing, before anything runs', () => {
    const required: Expectations = {
      ...json,
      required: ['dynamic.cart', 'parameters.package', 'parameters.hosts.0'],
    };
    expect(decode(deliveryOf({ parameters: { hosts: ['a'] } }), required)).toMatchObject({
      kind: 'incomplete',
      failure: { message: 'missing required keys: dynamic.cart, parameters.package' },
    });
    const whole = { dynamic: { cart: '' }, parameters: { package: null, hosts: ['a'] } };
    expect(decode(deliveryOf(whole), required).kind).toBe('job');
  });

  it('finds no required key in a prototype', () => {
    expect(
      decode(deliveryOf({}), { ...json, required: ['constructor.name', 'parameters.toString'] }).kind,
    ).toBe('incomplete');
  });

  it('reads the attempt from its own header and from nothing implausible', () => {
    const attempt = (headers: Record<string, unknown>) =>
      decode(deliveryOf({}, { headers }), json).job.attempt;
    expect(attempt({ 'x-rbit-attempt': 3 })).toBe(3);
    for (const odd of ['3', -1, 1.5, Number.NaN, null, {}])
      expect(attempt({ 'x-rbit-attempt': odd })).toBe(1);
  });
});
