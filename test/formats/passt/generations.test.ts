import { describe, expect, it } from 'vitest';
import { ABI } from '../../../src/codec/index.js';
import { passt } from '../../../src/formats/passt/index.js';
import { again, capture, join, patched, RECORD, RECORDS, read, rules, withVersions } from './streams.js';

const inbound = capture('v2-inbound-est-rcvq22');
const v1 = capture('v1-inbound-est-rcvq22');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('what is recognised as what', () => {
  const draft = new Uint8Array(65536);
  const bigDraft = [
    0xb1, 0xbb, 0x1d, 0x1b, 0x0b, 0xb1, 0xd1, 0xb0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 128, 0, 0, 0,
    4,
  ];
  it.each([
    ['the placeholder', text('PASST\0'), 'placeholder'],
    ['a draft from a big-endian machine', patched(draft, [0, bigDraft]), 'draft'],
    ['the same, cut off', patched(draft, [0, bigDraft]).subarray(0, 4096), 'draft'],
    ['the same with voidp_size 16', patched(draft, [0, bigDraft], [15, [16]]), 'draft'],
    ['the same with version 0', patched(draft, [0, bigDraft], [11, [0]]), 'draft'],
    [
      'a draft from a little-endian machine',
      patched(draft, [0, [...bigDraft.slice(0, 8)].reverse()], [8, bigDraft.slice(8)]),
      'draft',
    ],
    ['{passty}', text('{passty}'), 'passty'],
    ['version 1', v1, 'v1'],
    ['version 2', inbound, 'v2'],
    ['version 3 for readers of 2', withVersions(inbound, 3, 2), 'newer'],
    ['version 3 for readers of 3', withVersions(inbound, 3, 3), 'unsupported'],
    ['version 1 for readers of 2', withVersions(inbound, 1, 2), 'unsupported'],
    ['version 0', withVersions(inbound, 0, 0), 'unsupported'],
    ['version 2 for readers of 1', withVersions(inbound, 2, 1), 'v2'],
    [
      'a merged stream with a reversed magic number',
      patched(inbound, [0, [...inbound.subarray(0, 8)].reverse()]),
      'v2',
    ],
    ['16 bytes of version 1, which a skeleton also was', v1.subarray(0, 16), 'v1'],
  ])('%s', (_, bytes, generation) => {
    expect(passt.recognise(bytes)?.generation).toBe(generation);
  });
  it.each([[''], ['P'], ['something else'], ['QEVM\0\0\0\x03'], ['\0'.repeat(65536)]])(
    '%j: none of it',
    (other) => {
      expect(passt.recognise(text(other))).toBeUndefined();
    },
  );
});

it('skeletons can be asked for', () => {
  const { shown, problems } = read(v1.subarray(0, 58), { generation: 'skeleton-addresses' });
  expect(problems).toEqual([]);
  expect(shown.addresses.mac).toEqual(Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56));
  expect(again(v1.subarray(0, 16), { generation: 'skeleton-header' })).toEqual(v1.subarray(0, 16));
  expect(rules(v1.subarray(0, 58), { generation: 'skeleton-addresses' })).toEqual(['never-released']);
  expect(read(v1.subarray(0, 58)).reading.because.join(' ')).toContain('--as passt@skeleton-addresses');
});

it('the mutants of version 1 can be asked for', () => {
  const ext = RECORDS + RECORD;
  const bigMss = patched(v1, [ext + 20, [0, 0, 0x05, 0xb4]]);
  expect(read(bigMss, { generation: 'v1-28772ee', abi: ABI.x86_64 }).shown.flows[0].ext.mss).toBe(1460);
  expect(again(bigMss, { generation: 'v1-28772ee' })).toEqual(bigMss);
  const longer = withVersions(inbound, 1, 1);
  expect(read(longer, { generation: 'v1-cfb3740' }).shown.flows[0].ext).toMatchObject({
    mss: 1460,
    rcvq: 22,
  });
  expect(again(longer, { generation: 'v1-cfb3740' })).toEqual(longer);
});

it('a newer version is read as version 2, and is told to be newer', () => {
  const newer = withVersions(inbound, 7, 2);
  expect(read(newer).shown.flows[0].ext.rcvq).toBe(22);
  expect(again(newer)).toEqual(newer);
  expect(rules(newer)).toEqual(['newer-version']);
});

it('what no passt takes is kept as it is', () => {
  const unknown = withVersions(inbound, 3, 3);
  expect(read(unknown).shown.body.length).toBe(inbound.length - 16);
  expect(again(unknown)).toEqual(unknown);
  expect(rules(unknown)).toEqual(['version-unsupported']);
});

it('the placeholder', () => {
  expect(read(text('PASST\0')).shown).toEqual({ magic: text('PASST\0') });
  expect(again(text('PASST\0'))).toEqual(text('PASST\0'));
  expect(rules(text('PASST\0'))).toEqual(['never-released']);
  expect(rules(join(text('PASST\0'), inbound))).toEqual(['never-released', 'trailing-bytes']);
  expect(rules(text('PASS'), { generation: 'placeholder' })).toEqual([
    'never-released',
    'placeholder-mismatch',
  ]);
});

describe('{passty}', () => {
  const words = [
    0, 0, 0, 1, 0, 0, 0, 1, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 4, 0, 0, 0, 120, 0, 0, 0, 4, 0, 0, 0, 4,
  ];
  const header = join(text('{passty}'), Uint8Array.from(words));
  it('tells its byte order and sizes', () => {
    const { reading, shown, problems } = read(header);
    expect(problems).toEqual([]);
    expect(reading.abi).toMatchObject({ endian: 'little', pointerSize: 4, timeSize: 4 });
    expect(shown.header).toMatchObject({ version: 1, compat_version: 1, flow_size: 120, flow_sidx_size: 4 });
    expect(again(header)).toEqual(header);
    expect(rules(header)).toEqual(['never-released']);
  });
  it('a byte order that is none is found', () => {
    const broken = patched(header, [16, [1]]);
    expect(rules(broken)).toEqual(['never-released', 'passty-header']);
    expect(read(broken).problems.length).toBeGreaterThan(0);
    expect(rules(patched(header, [35, [16]]))).toEqual(['never-released', 'passty-header']);
  });
});

it('generations have distinct names and say where they are from', () => {
  const names = passt.generations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name } of passt.generations)
    expect(passt.reading(new Uint8Array(), { generation: name }).generation).toBe(name);
});
