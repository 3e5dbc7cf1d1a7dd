/** What kernels of other releases do with the captures, as it was seen when they were tried. */
import { describe, expect, it } from 'vitest';
import { openHandover, receive } from '../../../src/formats/kho/index.js';
import { build } from './builder.js';
import { addressOf, copyOf, open } from './patch.js';
import { type Capture, openCapture } from './support.js';

const MATRIX: Readonly<Record<Exclude<Capture, 'kdump' | 'arm64'>, Readonly<Record<string, string>>>> = {
  v1a: {
    '6.16': 'accepted',
    '6.17': 'accepted',
    '6.18': 'early panic',
    '6.19': 'early panic',
    '7.0': 'early panic',
    '7.1': 'cold boot',
    '7.2': 'cold boot',
    '7.3': 'cold boot',
  },
  broken: {
    '6.17': 'refused',
    '6.18': 'early panic',
    '7.2': 'cold boot',
  },
  v1b: {
    '6.17': 'silent loss',
    '6.18': 'silent loss',
    '6.19': 'accepted',
    '7.0': 'panic',
    '7.1': 'cold boot',
    '7.2': 'cold boot',
  },
  v3: { '6.19': 'cold boot', '7.0': 'cold boot', '7.1': 'accepted', '7.2': 'cold boot', '7.3': 'cold boot' },
  v4: { '6.16': 'cold boot', '7.1': 'cold boot', '7.2': 'accepted', '7.3': 'accepted' },
};

describe.each(Object.entries(MATRIX))('%s', (name, releases) => {
  // The keys of the table are names of captures.
  const handover = openCapture(name as Capture);
  it.each(Object.entries(releases))('to %s: %s', (release, outcome) => {
    expect(receive(handover, release).outcome).toBe(outcome);
  });
});

it('says what was seen', () => {
  expect(receive(openCapture('v1b'), '7.0')).toMatchObject({
    title: 'Linux 7.0 panics while it boots',
    findings: [{ rule: 'receiver/luo-flb', message: expect.stringContaining('luo: Unable to get FLB node') }],
  });
  const lost = receive(openCapture('v1b'), '6.17').findings.find(
    ({ rule }) => rule === 'receiver/bitmaps-large',
  );
  expect(lost?.message).toMatch(/\d+ of 3633 blocks/);
  for (const release of ['5.10', '7.20', '7', 'x7.2'])
    expect(() => receive(openCapture('v4'), release), release).toThrow('kho-receiver');
  for (const release of ['7.2.13', 'v7.2', 'v7.2-rc3', '7.2.13-4-amd64', 'Linux 7.2'])
    expect(receive(openCapture('v4'), release), release).toEqual(receive(openCapture('v4'), '7.2'));
});

it('a map that was never finalized', () => {
  const handover = openCapture('v1b');
  const memory = copyOf('v1b');
  const { offset = 0 } =
    handover.root.fdt.root.properties.find(({ name }) => name === 'preserved-memory-map') ?? {};
  memory.u64(Number(handover.root.address) + offset + 12, 0);
  const unfinished = open(memory, 'v1b');
  expect(receive(unfinished, '6.19').outcome).toBe('cold boot');
  expect(receive(unfinished, '6.18').outcome).toBe('silent loss');
});

it('another version of the LUO panics, a file without a handler is -EIO', () => {
  const handover = openCapture('v4');
  const memory = copyOf('v4');
  memory.bytes(addressOf(handover, 'entries.LUO'), 'luo-v4');
  expect(receive(open(memory, 'v4'), '7.2').outcome).toBe('panic');
  const other = copyOf('v4');
  other.bytes(addressOf(handover, 'entries.LUO.sessions[0].files[3]'), 'nobody-v1\0');
  expect(receive(open(other, 'v4'), '7.2')).toMatchObject({
    outcome: '-EIO',
    findings: [{ rule: 'receiver/handler' }],
  });
});

it('7.0 to 6.19 loses the FLBs', () => {
  const built = build({
    kho: 'v1b',
    luo: 'v1',
    memfd: 1,
    pageSize: 4096,
    sessions: [{ name: 's', files: [{ token: 1n, size: 10, folios: [{ index: 0, order: 0, fill: 'x' }] }] }],
    flbs: [{ name: 'an-flb', data: 1n, count: 1 }],
  });
  const handover = openHandover(built.image);
  expect(receive(handover, '7.0').outcome).toBe('accepted');
  expect(receive(handover, '6.19')).toMatchObject({
    outcome: 'silent loss',
    findings: [{ rule: 'receiver/flbs-ignored' }],
  });
});

it('what is wrong inside of a file is not met where no session can be opened', () => {
  const handover = openCapture('v4');
  const memory = copyOf('v4');
  // The array of folios would be read beyond its end.
  memory.u64(addressOf(handover, 'entries.LUO.sessions[1].files[0].memfd') + 24, 3073);
  expect(receive(open(memory, 'v4'), '7.2').outcome).toBe('overrun');
  memory.bytes(addressOf(handover, 'entries.LUO.sessions[0].files[3]'), 'nobody-v1\0');
  expect(receive(open(memory, 'v4'), '7.2')).toMatchObject({
    outcome: '-EIO',
    findings: [{ rule: 'receiver/handler' }],
  });
});

it('a finding of its own is told once, and a pointer into the void is no acceptance', () => {
  const handover = openCapture('v3');
  const memory = copyOf('v3');
  const { offset = 0 } =
    handover.root.fdt.root.properties.find(({ name }) => name === 'preserved-memory-map') ?? {};
  memory.u64(Number(handover.root.address) + offset + 12, 0);
  const unfinished = open(memory, 'v3');
  const [own] = unfinished.findings;
  expect(receive(unfinished, '7.1').findings).toEqual([own]);
  expect(receive(unfinished, '7.1').findings[0]).toBe(own);

  const wild = copyOf('v4');
  wild.u64(addressOf(openCapture('v4'), 'entries.LUO.sessions.blocks[0]'), 0xffff_f000n << 32n);
  expect(open(wild, 'v4').findings.map(({ rule }) => rule)).toContain('kho/block-not-preserved');
  expect(receive(open(wild, 'v4'), '7.2').outcome).not.toBe('accepted');
});
