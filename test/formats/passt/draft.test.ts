/** The drafts of January 2025 against what the compilers laid out (`fixtures/gcc/passt.json`). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  type ABIName,
  decode,
  encode,
  fromHex,
  layoutOf,
  negotiate,
  planOf,
  type Schema,
  toHex,
  withParts,
} from '../../../src/codec/index.js';
import { membersByPath } from '../../../src/codec/layout.js';
import {
  DRAFT_SIZE,
  DraftFlowSide,
  DraftHeader,
  draftVerdict,
  Flow,
  FlowCommon,
  FlowFreeCluster,
  FlowPadded,
  FlowSidx,
  IcmpPingFlow,
  InanyAddr,
  passt,
  TcpSpliceConn,
  TcpTapConn,
  UdpFlow,
} from '../../../src/formats/passt/index.js';
import { again, be32, patched, read, rules } from './streams.js';

interface Goldens {
  values: { name: string; type: string; value: Record<string, unknown> }[];
  layouts: {
    abi: ABIName;
    time_t: 4 | 8;
    structs: Record<string, { size: number; align: number; offsets: Record<string, number> }>;
    header: string;
    bytes: Record<string, string>;
  }[];
}
const goldens: Goldens = JSON.parse(
  readFileSync(new URL('../../../fixtures/gcc/passt.json', import.meta.url), 'utf8'),
);
const TYPES: Record<string, Schema> = {
  'union inany_addr': InanyAddr,
  'struct flowside': DraftFlowSide,
  'struct flow_common': FlowCommon,
  'struct tcp_tap_conn': TcpTapConn,
  'struct tcp_splice_conn': TcpSpliceConn,
  'struct udp_flow': UdpFlow,
  'struct icmp_ping_flow': IcmpPingFlow,
  'struct flow_free_cluster': FlowFreeCluster,
  'union flow': Flow,
  'union flow_padded': FlowPadded,
  'struct flow_sidx': FlowSidx,
};
/** The schema of the header has their fields, and no inner struct. */
const HEADER_TYPES = new Set(['struct migrate_fields', 'union migrate_header']);

function headerOf(start: string): Uint8Array {
  const header = new Uint8Array(DRAFT_SIZE);
  header.set(fromHex(start) ?? []);
  return header;
}

describe.each(goldens.layouts)(
  '$abi with time_t of $time_t bytes',
  ({ abi: name, time_t, structs, header, bytes }) => {
    const preset = ABI[name];
    const abi = preset.timeSize === time_t ? preset : withParts(preset, { timeSize: time_t });

    it('structs have the sizes, alignments and offsets that GCC gives them', () => {
      const header = membersByPath(layoutOf(DraftHeader, abi));
      expect(planOf(DraftHeader, abi).size).toBe(structs['union migrate_header']?.size);
      for (const [path, offset] of Object.entries(structs['struct migrate_fields']?.offsets ?? {}))
        expect([path, header.get(path)?.offset]).toEqual([path, offset]);
      for (const [type, golden] of Object.entries(structs)) {
        if (HEADER_TYPES.has(type)) continue;
        const schema = TYPES[type];
        if (schema === undefined) throw new Error(`no schema for ${type}`);
        const plan = planOf(schema, abi);
        expect([type, plan.size, plan.align]).toEqual([type, golden.size, golden.align]);
        const members = membersByPath(layoutOf(schema, abi));
        for (const [path, offset] of Object.entries(golden.offsets)) {
          // An element of an array has no member of its own.
          const member = members.get(path.replace(/\[\d+\]$/, ''));
          if (member === undefined) throw new Error(`${type} has no ${path}`);
          if (!path.endsWith(']')) expect([type, path, member.offset]).toEqual([type, path, offset]);
        }
      }
    });

    it.each(goldens.values.filter(({ name }) => bytes[name] !== undefined))(
      '$name has the bytes that GCC makes',
      ({ name, type, value }) => {
        const schema = TYPES[type];
        if (schema === undefined) throw new Error(`no schema for ${type}`);
        const wanted = bytes[name] ?? '';
        expect(toHex(encode(schema, withBytes(value) as never, { abi }))).toBe(wanted);
        const decoded = decode(schema, fromHex(wanted) ?? new Uint8Array(), { abi });
        expect(decoded).toMatchObject(withBytes(value) as object);
        expect(toHex(encode(schema, decoded as never, { abi }))).toBe(wanted);
      },
    );

    it('its header negotiates to it, with reasons', () => {
      const image = headerOf(header);
      const { candidates, steps } = negotiate(DraftHeader, image);
      expect(candidates).toContain(name);
      expect(steps.map(({ part }) => part)).toEqual(['endian', 'pointerSize', 'timeSize']);
      const { reading, problems, shown } = read(image);
      expect(reading.generation).toBe('draft');
      expect(problems).toEqual([]);
      expect(reading.abi).toMatchObject({
        endian: abi.endian,
        pointerSize: abi.pointerSize,
        timeSize: time_t,
      });
      // Only m68k has a flow_sidx of 3 bytes.
      expect(reading.abi?.name.startsWith('m68k')).toBe(name === 'm68k');
      const because = reading.because.join('\n');
      expect(because).toContain(`${abi.endian}-endian, because magic reads`);
      expect(because).toContain(`because voidp_size is ${abi.pointerSize}`);
      expect(because).toContain(`because time_t_size is ${time_t}`);
      expect(shown.header).toMatchObject({
        version: 1,
        voidp_size: abi.pointerSize,
        time_t_size: time_t,
        flow_size: 128,
      });
      expect(Buffer.compare(again(image), image)).toBe(0);
      expect(rules(image)).toEqual(['never-released']);
      expect(passt.verdict?.(undefined, reading, image)[0]).toContain('accepts the header');
    });

    it('every field corrupted gives the errno of the draft', () => {
      const image = headerOf(header);
      const errno = (changed: Uint8Array) => draftVerdict(changed, { endian: abi.endian }).errno;
      expect(errno(image)).toBe(0);
      expect(draftVerdict(image, { endian: abi.endian === 'little' ? 'big' : 'little' })).toMatchObject({
        errno: 0,
        swapped: true,
      });
      const cases: [offset: number, value: number, errno: number, rule: string][] = [
        [8, 0, 95, 'draft-version'],
        [8, 2, 95, 'draft-version'],
        [8, 0x01000000, 95, 'draft-version'],
        [12, 0, 95, 'draft-voidp-size'],
        [12, 16, 95, 'draft-voidp-size'],
        [16, 2, 95, 'draft-time-size'],
        [16, 0xffffffff, 95, 'draft-time-size'],
        [20, 0, 0, 'draft-flow-size'],
        [24, 5, 0, 'draft-sidx-size'],
        [28, 1, 0, 'draft-unused'],
        [65532, 1, 0, 'draft-unused'],
      ];
      for (const [offset, value, wanted, rule] of cases) {
        const changed = patched(image, [offset, be32(value)]);
        expect([offset, value, errno(changed)]).toEqual([offset, value, wanted]);
        expect(rules(changed)).toEqual([rule, 'never-released'].sort());
        const { problems } = read(changed);
        if (wanted !== 0 && offset > 8) expect(problems[0]?.offset).toBe(offset);
      }
      for (let at = 0; at < 8; at++) {
        const changed = patched(image, [at, [(image[at] ?? 0) ^ 0x10]]);
        expect(draftVerdict(changed, { endian: abi.endian })).toMatchObject({ errno: 95, step: 'magic' });
        expect(rules(changed)).toEqual(['draft-magic', 'never-released']);
      }
      expect(errno(image.subarray(0, 65535))).toBe(61);
      expect(rules(image.subarray(0, 65535))).toEqual(['draft-truncated', 'never-released']);
    });

    it('any byte of the fields changed: no crash, and the same bytes again where it decodes', () => {
      const image = headerOf(header);
      for (let at = 0; at < 28; at++)
        for (const change of [0x01, 0x08, 0xff]) {
          const changed = patched(image, [at, [(image[at] ?? 0) ^ change]]);
          const { problems, reading, value } = read(changed);
          passt.verdict?.(value, reading, changed);
          if (problems.length === 0) expect(Buffer.compare(again(changed), changed)).toBe(0);
        }
    });
  },
);

it('bytes in the unused part are kept', () => {
  const image = headerOf(goldens.layouts[0]?.header ?? '');
  image[40000] = 0x5a;
  expect(Buffer.compare(again(image), image)).toBe(0);
  expect(read(image).findings.find(({ rule }) => rule === 'passt/draft-unused')?.message).toContain('0x9c40');
});

it('bytes after the header are not part of it', () => {
  const image = headerOf(goldens.layouts[0]?.header ?? '');
  const longer = new Uint8Array(DRAFT_SIZE + 5);
  longer.set(image);
  expect(read(longer).size).toBe(DRAFT_SIZE);
  expect(rules(longer)).toEqual(['draft-trailing', 'never-released']);
});

it('the version comes first: a wrong magic number does not show behind it', () => {
  const image = headerOf(goldens.layouts[0]?.header ?? '');
  const both = patched(image, [0, [0]], [11, [9]]);
  expect(draftVerdict(both, { endian: 'little' })).toMatchObject({
    step: 'version',
    undefinedBehaviour: true,
  });
  expect(draftVerdict(patched(image, [11, [0]]), { endian: 'little' })).toMatchObject({
    step: 'version',
    undefinedBehaviour: false,
  });
  expect(draftVerdict(image, { endian: 'little' }).accepted).toEqual({
    pointerSize: 8,
    timeSize: 8,
    flow_size: 128,
    flow_sidx_size: 4,
  });
});

it('the revisions with a wrong reversed magic number refuse the other byte order', () => {
  const image = headerOf(goldens.layouts[0]?.header ?? '');
  expect(draftVerdict(image, { endian: 'little', typo: true }).errno).toBe(0);
  expect(draftVerdict(image, { endian: 'big', typo: true })).toMatchObject({ errno: 95, step: 'magic' });
  // What such a target takes for reversed is what no source sends.
  const wrong = patched(image, [0, [0xb0, 0xd1, 0xb1, 0xb0, 0x1b, 0x1d, 0xbb, 0xb1]]);
  expect(draftVerdict(wrong, { endian: 'big', typo: true })).toMatchObject({ errno: 0, swapped: true });
  expect(draftVerdict(wrong, { endian: 'big' }).errno).toBe(95);
  expect(rules(image, { generation: 'draft-typo' })).toEqual(['draft-typo', 'never-released']);
});

it('the header as another machine sends it', () => {
  const { value } = read(headerOf(goldens.layouts[0]?.header ?? ''));
  const mips = goldens.layouts.find(({ abi, time_t }) => abi === 'mips' && time_t === 4);
  const schema = passt.reading(new Uint8Array(), { generation: 'draft', abi: ABI.mips }).schema;
  const bytes = encode(schema, value as never, { abi: ABI.mips });
  expect(toHex(bytes.subarray(0, 32))).toBe(mips?.header);
});

/** Arrays of numbers where the schema has bytes. */
function withBytes(value: unknown, key = ''): unknown {
  if (Array.isArray(value))
    return key === 'a6' ? Uint8Array.from(value as number[]) : value.map((element) => withBytes(element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withBytes(part, name)]));
}
