/** What the layers between the format and the command make of passt's streams. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ABI, typeText } from '../../src/codec/index.js';
import { passt } from '../../src/formats/passt/index.js';
import {
  byteRanges,
  convert,
  encodeDocument,
  nodeAt,
  open,
  setFields,
  toDocument,
} from '../../src/state/index.js';
import { bytesText } from '../../src/state/tree.js';

function capture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../fixtures/passt/${name}.bin`, import.meta.url)));
}
function draft(): Uint8Array {
  const bytes = new Uint8Array(65536);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 0xb1bb1d1b0bb1d1b0n, true);
  for (const [i, word] of [1, 8, 8, 128, 4].entries()) view.setUint32(8 + 4 * i, word);
  return bytes;
}
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}
function findings(bytes: Uint8Array): string[] {
  return open(bytes).findings.map(({ rule, path, offset }) => `${rule} ${path} ${offset ?? ''}`.trim());
}
const twoFlows = capture('v2-two-flows-v4-v6');

describe('what is said of one place', () => {
  it('is said once where the format has a rule for it', () => {
    expect(findings(patched(twoFlows, 7, 0))).toEqual(['passt/magic header.magic 0']);
    expect(findings(patched(draft(), 15, 5))).toEqual([
      'passt/never-released',
      'passt/draft-voidp-size header.voidp_size 12',
    ]);
    expect(findings(patched(draft(), 5000, 1))).toEqual([
      'passt/never-released',
      'passt/draft-unused header.unused 5000',
    ]);
  });
  it('of a stream that is cut off is where it ends, and what the target does', () => {
    expect(findings(twoFlows.subarray(0, 100))).toEqual([
      'passt/truncated flows[0] 62',
      'decode/truncated flows[0].side 64',
    ]);
    expect(findings(twoFlows.subarray(0, 300))).toEqual([
      'passt/truncated flows[0].ext 286',
      'decode/truncated flows[0].ext.notsent 298',
    ]);
  });
});

describe('a draft with a damaged magic number', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])('at byte %i is still of its byte order', (at) => {
    const bytes = draft();
    for (const value of [0x00, 0xb0, 0xb1, 0xff]) {
      if (bytes[at] === value) continue;
      expect(open(patched(bytes, at, value)).reading.abi?.endian).toBe('little');
    }
  });
});

describe('names of types', () => {
  it('of the extended record are those that layout has', () => {
    const { tcp_tap_transfer_ext, tcp_tap_transfer_ext_v1 } = passt.types;
    for (const [name, schema] of [
      ['v2-outbound-est', tcp_tap_transfer_ext],
      ['v1-inbound-closewait', tcp_tap_transfer_ext_v1],
    ] as const)
      expect(nodeAt(open(capture(name)).root, 'flows[0].ext').type).toBe(schema && typeText(schema));
  });
});

describe('bytes in a line', () => {
  it('are shown as characters as well where most of them are some', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    expect(bytesText(bytes('hello'))).toBe('68656c6c6f |hello|');
    expect(bytesText(bytes('GET / HTTP/1.1\r\nHost'))).toBe(
      '474554202f20485454502f312e310d0a… (20 bytes) |GET / HTTP/1.1..|',
    );
    expect(bytesText(bytes('x'.repeat(3000)))).toBe('78 × 3000 |x|');
    expect(bytesText(Uint8Array.of(1, 2, 0x41))).toBe('010241');
    expect(bytesText(new Uint8Array(3000))).toBe('00 × 3000');
  });
});

describe('convert', () => {
  it('keeps what follows the value, and says so', () => {
    const bytes = new Uint8Array(65540);
    bytes.set(draft());
    bytes.set([1, 2, 3, 4], 65536);
    const { bytes: there, notes } = convert(open(bytes), { abi: ABI.powerpc });
    expect(notes).toEqual(['4 bytes after the value were copied unchanged']);
    expect(open(there).reading.abi?.name).toBe('powerpc');
    expect(convert(open(there), { abi: ABI.x86_64 }).bytes).toEqual(bytes);
  });
});

describe('a document', () => {
  it('without the extended record of a flow is told what is missing', () => {
    const document = toDocument(open(capture('v2-outbound-est')));
    const json = JSON.parse(JSON.stringify(document));
    delete json.value.flows[0].ext;
    expect(() => encodeDocument(json)).toThrow('flows[0].ext');
    expect(() => encodeDocument(json)).not.toThrow('undefined');
  });
});

describe('many flows', () => {
  const count = 2000;
  const one = capture('v2-outbound-est');
  const bytes = new Uint8Array(62 + count * 164);
  bytes.set(one.subarray(0, 62));
  new DataView(bytes.buffer).setUint32(58, count);
  for (let i = 0; i < count; i++) {
    bytes.set(one.subarray(62, 174), 62 + i * 112);
    bytes.set(one.subarray(174, 226), 62 + count * 112 + i * 52);
  }
  it('keep their places when they are visited in any order', () => {
    const state = open(bytes);
    const flows = [...nodeAt(state.root, 'flows').children()];
    for (const i of [0, 1999, 3, 700, 0]) {
      const fields = [...(flows[i]?.children() ?? [])];
      expect(fields.find(({ path }) => path[2] === 'tap_mss')?.offset).toBe(62 + i * 112 + 78);
      expect(nodeAt(state.root, `flows[${i}].ext.mss`).offset).toBe(62 + count * 112 + i * 52 + 20);
    }
    let end = 0;
    for (const range of byteRanges(state)) {
      expect(range.offset).toBe(end);
      end = range.offset + range.size;
    }
    expect(end).toBe(bytes.length);
  });
  it('can be changed one by one', () => {
    const changed = setFields(open(bytes), [{ path: 'flows[1999].tap_mss', value: '1400' }]);
    expect(Buffer.compare(changed, patched(bytes, 62 + 1999 * 112 + 78, 0, 0, 0x05, 0x78))).toBe(0);
  });
});
