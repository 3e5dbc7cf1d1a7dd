/** What passt was seen to do with malformed streams, row by row. Results are answers to CHECK_DEVICE_STATE. */
import { describe, expect, it } from 'vitest';
import {
  load,
  loadPlaceholder,
  NEWEST_RELEASE,
  releaseOf,
  type TargetSurroundings,
  V1_RELEASE,
} from '../../../src/formats/passt/index.js';
import {
  be32,
  COUNT,
  capture,
  join,
  manyFlows,
  patched,
  RECORD,
  RECORDS,
  rules,
  withVersions,
} from './streams.js';

const inbound = capture('v2-inbound-est-rcvq22');
const outbound = capture('v2-outbound-est');
const zero = capture('v2-zero-flows');
const two = capture('v2-two-flows-v4-v6');
const EXT = RECORDS + RECORD;

function fates(bytes: Uint8Array, release = NEWEST_RELEASE, surroundings: TargetSurroundings = {}) {
  const { result, end, flows } = load(bytes, release, surroundings);
  return {
    result,
    end,
    flows: flows.map(({ fate, errno }) => (errno === undefined ? fate : `${fate} ${errno}`)),
  };
}
const fine = { result: 0n, end: 'loaded', flows: ['resumed'] };

describe('streams that end too early', () => {
  it.each([
    ['empty', 0, ''],
    ['within the header', 15, 'header'],
    ['after the header', 16, 'addresses'],
    ['within the addresses', 57, 'addresses'],
    ['within the count', 61, 'flow_count'],
    ['within a flow record', RECORDS + 50, 'flows[0]'],
    ['within an extended record', EXT + 51, 'flows[0].ext'],
    ['within a queue', EXT + 52 + 21, 'flows[0].receive_queue'],
  ])('%s: ENODATA', (_, length, path) => {
    const verdict = load(inbound.subarray(0, length));
    expect(verdict.result).toBe(0x3dn);
    if (path !== '') expect(verdict.path).toBe(path);
    if (length >= 2) expect(rules(inbound.subarray(0, length))).toContain('truncated');
  });
  it('count larger than the data: ENODATA, and flows stay half-built', () => {
    const verdict = load(patched(inbound, [COUNT, be32(2)]));
    expect(verdict.result).toBe(0x3dn);
    expect(verdict.flows.map(({ fate }) => fate)).toEqual(['half-built']);
  });
  it('the placeholder: ENODATA', () => {
    const placeholder = new TextEncoder().encode('PASST\0');
    expect(load(placeholder).result).toBe(0x3dn);
    expect(loadPlaceholder(placeholder)).toBe(0n);
    expect(loadPlaceholder(placeholder.subarray(0, 5))).toBe(0xffffffffffffffffn);
    expect(loadPlaceholder(new TextEncoder().encode('PASSE\0'))).toBe(0xffffffffffffffffn);
  });
});

describe('headers', () => {
  it('magic altered or reversed: EINVAL', () => {
    expect(load(patched(zero, [3, [0x1a]])).result).toBe(0x16n);
    expect(rules(patched(zero, [3, [0x1a]]))).toContain('magic');
    const reversed = patched(zero, [0, [...zero.subarray(0, 8)].reverse()]);
    expect(load(reversed).result).toBe(0x16n);
    expect(rules(reversed)).toContain('magic');
    const draft = new Uint8Array(65536);
    draft.set([0xb0, 0xd1, 0xb1, 0x0b, 0x1b, 0x1d, 0xbb, 0xb1, 0, 0, 0, 1, 0, 0, 0, 8]);
    expect(load(draft).result).toBe(0x16n);
  });
  it.each([
    [0, 2, 0x16n, 'version-zero'],
    [2, 0, 0x16n, 'version-zero'],
    [0, 0, 0x16n, 'version-zero'],
    [3, 3, 0x5fn, 'version-unsupported'],
    [2, 3, 0x5fn, 'version-unsupported'],
    [1, 2, 0x5fn, 'version-unsupported'],
    [1, 8, 0x5fn, 'version-unsupported'],
  ])('version %i, compat %i: %s', (version, compat, result, rule) => {
    const bytes = withVersions(inbound, version, compat);
    expect(load(bytes).result).toBe(result);
    expect(rules(bytes)).toContain(rule);
  });
  it('version 1, compat 1: ENOTSUP of all but one release', () => {
    expect(load(withVersions(inbound, 1, 1)).result).toBe(0x5fn);
    expect(load(withVersions(zero, 1, 1), V1_RELEASE).result).toBe(0n);
    expect(rules(capture('v1-inbound-est-rcvq22'))).toEqual(['v1-only']);
  });
  it.each([
    [3, 2],
    [2, 1],
    [0xffffffff, 1],
  ])('version %i, compat %i: read as version 2', (version, compat) => {
    expect(fates(withVersions(inbound, version, compat))).toEqual(fine);
    expect(rules(withVersions(inbound, version, compat))).toEqual(version > 2 ? ['newer-version'] : []);
  });
  it.each([
    [2, 3],
    [3, 2],
    [3, 3],
    [2, 2],
  ])('version %i, compat %i into the release of version 1: ENOTSUP', (version, compat) => {
    expect(load(withVersions(inbound, version, compat), V1_RELEASE).result).toBe(0x5fn);
  });
  it('version 2, compat 1 into the release of version 1: accepted, and misread from the first extended record on', () => {
    expect(load(withVersions(zero, 2, 1), V1_RELEASE).result).toBe(0n);
    expect(load(withVersions(two, 2, 1), V1_RELEASE).desynchronised).toMatch(/48 bytes.* 52/);
  });
});

describe('counts and what follows', () => {
  it.each(['connected', 'missing', 'none'] as const)('no flows, passt-repair %s: 0', (helper) => {
    expect(fates(zero, NEWEST_RELEASE, { helper })).toEqual({ ...fine, flows: [] });
    const more = join(zero, Uint8Array.of(1, 2, 3));
    expect(load(more, NEWEST_RELEASE, { helper })).toMatchObject({ result: 0n, unread: 3 });
    expect(rules(more)).toEqual(['trailing-bytes']);
  });
  it('flows and trailing bytes: 0', () => {
    const more = join(inbound, Uint8Array.of(0));
    expect(fates(more)).toEqual(fine);
    expect(rules(more)).toEqual(['trailing-bytes']);
  });
  it('flows without passt-repair', () => {
    expect(load(inbound, NEWEST_RELEASE, { helper: 'missing' }).result).toBe(0xfffffffffffffff5n);
    expect(load(inbound, NEWEST_RELEASE, { helper: 'none' }).result).toBe(0xfffffffffffffffen);
    expect(fates(two, releaseOf('2025_05_03'), { helper: 'missing' })).toEqual({
      result: 0n,
      end: 'loaded',
      flows: ['reset', 'reset'],
    });
  });
  it('more flows than a table has room for: out of bounds', () => {
    const bytes = manyFlows(outbound, 131072);
    expect(load(bytes)).toMatchObject({ end: 'out-of-bounds', result: undefined });
    expect(load(manyFlows(outbound, 131071))).toMatchObject({ end: 'loaded', result: 0n });
    expect(load(patched(outbound, [COUNT, be32(131072)])).result).toBe(0x3dn);
  });
  it('more flows than sockets: those are dropped', () => {
    expect(fates(two, NEWEST_RELEASE, { sockets: 1 }).flows).toEqual(['resumed', 'dropped']);
  });
});

describe('interfaces', () => {
  it.each([[[0, 1]], [[2, 0]], [[0, 0]]])('%j: killed', (pif) => {
    const bytes = patched(outbound, [RECORDS, pif]);
    expect(fates(bytes)).toMatchObject({ result: undefined, end: 'killed' });
    expect(rules(bytes)).toContain('pif-zero');
  });
  it.each([[[1, 1]], [[2, 1]]])('%j with inbound data: sides swapped, flow reset', (pif) => {
    const bytes = patched(inbound, [RECORDS, pif]);
    expect(fates(bytes)).toEqual({ ...fine, flows: ['reset EADDRNOTAVAIL'] });
    expect(rules(bytes)).toContain('sides-swapped');
  });
  it.each([[[2, 2]], [[3, 2]], [[200, 2]], [[1, 200]]])('%j: accepted', (pif) => {
    const bytes = patched(inbound, [RECORDS, pif]);
    expect(fates(bytes)).toEqual(fine);
    expect(rules(bytes)).toContain('pif-pair');
  });
});

describe('extended records', () => {
  const ext = (offset: number, bytes: readonly number[]) => patched(inbound, [EXT + offset, bytes]);
  it('state 0: reset; queue bytes after it are taken for the next record', () => {
    const skipped = patched(outbound, [EXT + 50, [0]]);
    expect(fates(skipped)).toEqual({ ...fine, flows: ['reset'] });
    expect(rules(skipped)).toEqual(['skip-marker']);
    const withQueue = ext(50, [0]);
    expect(load(withQueue)).toMatchObject({ result: 0n, unread: 22 });
    expect(rules(withQueue)).toEqual(['skip-marker', 'skip-with-queue', 'trailing-bytes']);
    const twice = patched(manyFlows(inbound, 2), [RECORDS + 2 * RECORD + 50, [0]]);
    expect(load(twice).flows.map(({ fate }) => fate)).not.toEqual(['reset', 'resumed']);
    expect(rules(twice)).toContain('skip-with-queue');
  });
  it.each([2, 3, 6, 7, 8, 9, 10, 11, 12, 200])('state %i: accepted', (state) => {
    expect(fates(ext(50, [state]))).toEqual(fine);
  });
  it.each([
    ['sndq', 8, 67108865, 'queue-over-limit'],
    ['rcvq', 16, 67108865, 'queue-over-limit'],
    ['sndq', 8, 0xffffffff, 'queue-over-limit'],
    ['notsent', 12, 1, 'notsent-over-sndq'],
  ])('%s at %i of %i: EINVAL', (name, offset, value, rule) => {
    const bytes = ext(offset, be32(value));
    expect(load(bytes)).toMatchObject({ result: 0x16n, path: `flows[0].ext.${name}` });
    expect(rules(bytes)).toContain(rule);
  });
  it('queues of 64 MiB are within the limit: then the stream is too short', () => {
    expect(load(ext(8, be32(67108864))).result).toBe(0x3dn);
  });
  it.each([
    ['snd_ws', 48, [15], 'EFBIG', 'window-scale'],
    ['rcv_ws', 49, [255], 'EFBIG', 'window-scale'],
    ['max_window', 36, be32(1), 'EINVAL', 'window-max'],
    ['snd_wl1', 28, be32(0x5b36cdcc + 22 + 0x10000 + 1), 'EINVAL', 'window-wl1'],
    ['rcv_wup', 44, be32(0x5b36cdcc + 22 + 1), 'EINVAL', 'window-wup'],
  ])('%s at %i: the flow is reset', (_, offset, value, errno, rule) => {
    // The window of the capture, from seq_rcv on: 22 bytes in the queue, and rcv_wnd after them.
    expect(fates(ext(offset, value))).toEqual({ ...fine, flows: [`reset ${errno}`] });
    expect(rules(ext(offset, value))).toContain(rule);
  });
  it.each([
    ['options 0', 51, [0]],
    ['options 0xff', 51, [0xff]],
    ['mss 0', 20, be32(0)],
    ['mss reversed', 20, [0xb4, 0x05, 0, 0]],
  ])('%s: accepted', (_, offset, value) => {
    expect(fates(ext(offset, value))).toEqual(fine);
  });
});

describe('flow records', () => {
  const record = (offset: number, bytes: readonly number[]) => patched(inbound, [RECORDS + offset, bytes]);
  it.each([
    ['events without ESTABLISHED', 77, [0x02], 'not-established'],
    ['no events', 77, [0], 'not-established'],
    ['all events', 77, [0xff], 'not-established'],
    ['all flags', 86, [0xff], 'flags-unused'],
    ['retries 255', 74, [255], 'retries'],
    ['ws_from_tap 255', 75, [255], 'tap-window-scale'],
    ['ws_to_tap 255', 76, [255], 'tap-window-scale'],
    ['tap_mss 0', 78, be32(0), 'tap-mss'],
    ['tap_mss 0xffffffff', 78, be32(0xffffffff), 'tap-mss'],
    ['sndbuf 0xffffffff', 82, be32(0xffffffff), 'sndbuf'],
    ['port 0', 34, [0, 0], 'port-zero'],
  ])('%s: accepted', (_, offset, value, rule) => {
    expect(fates(record(offset, value))).toEqual(fine);
    expect(rules(record(offset, value))).toContain(rule);
  });
  it('ports reversed: accepted, on wrong ports', () => {
    const reversed = record(34, [0x27, 0x11, 0xed, 0x42]);
    expect(fates(reversed)).toEqual(fine);
  });
  it('HOST address not local: reset', () => {
    expect(fates(inbound, NEWEST_RELEASE, { isLocal: () => false })).toEqual({
      ...fine,
      flows: ['reset EADDRNOTAVAIL'],
    });
    expect(fates(inbound, NEWEST_RELEASE, { isLocal: (address) => address[15] === 2 })).toEqual(fine);
  });
  it.each([
    ['HOST', 2],
    ['TAP', 38],
  ])('%s side IPv6, the other IPv4: reset', (_, offset) => {
    const bytes = record(offset, [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    expect(fates(bytes)).toEqual({ ...fine, flows: ['reset EAFNOSUPPORT'] });
    expect(rules(bytes)).toContain('address-family');
  });
  it('v4-mapped with wrong ff bytes is IPv6', () => {
    expect(fates(record(2, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe])).flows).toEqual([
      'reset EAFNOSUPPORT',
    ]);
  });
  it('two identical flows: both accepted', () => {
    const twice = manyFlows(inbound, 2);
    expect(fates(twice)).toEqual({ ...fine, flows: ['resumed', 'resumed'] });
    expect(rules(twice)).toEqual(['duplicate-host', 'duplicate-tap']);
  });
});

it('a socket that fails in the release of version 1: later extended records meet the wrong flow', () => {
  const v1 = capture('v1-inbound-est-rcvq22');
  const three = patched(manyFlows(v1, 3), [RECORDS + 2, [0x20, 1]]);
  const verdict = load(three, V1_RELEASE);
  expect(verdict.result).toBe(0n);
  expect(verdict.flows.map(({ fate }) => fate)).toEqual(['reset', 'misattached', 'misattached']);
  expect(verdict.desynchronised).toMatch(/wrong ones/);
});
it('a body of one version under the header of the other', () => {
  const v1 = capture('v1-inbound-est-rcvq22');
  expect(rules(withVersions(v1, 2, 2))).toContain('ext-of-other-version');
  expect(rules(withVersions(inbound, 1, 1))).toContain('ext-of-other-version');
  expect(load(withVersions(two, 1, 1), V1_RELEASE).desynchronised).toBeDefined();
});
