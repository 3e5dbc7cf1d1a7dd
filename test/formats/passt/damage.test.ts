import { describe, expect, it } from 'vitest';
import { ABI, encode, isCarryoverError } from '../../../src/codec/index.js';
import { passt } from '../../../src/formats/passt/index.js';
import { RULES } from '../../../src/formats/passt/rules.js';
import {
  again,
  be32,
  CAPTURES,
  COUNT,
  capture,
  codecOptions,
  manyFlows,
  patched,
  RECORD,
  RECORDS,
  read,
  rules,
} from './streams.js';

const inbound = capture('v2-inbound-est-rcvq22');

describe.each([
  'v1-inbound-closewait',
  'v2-inbound-est-rcvq22',
  'v2-two-flows-v4-v6',
  'v2-zero-flows',
] as const)('%s', (name) => {
  const bytes = capture(name);
  it('cut off at any byte: a problem with its place, and what the target answers', () => {
    for (let length = 2; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      expect(passt.recognise(cut), `at ${length}`).toBeDefined();
      const { problems, findings } = read(cut);
      expect(problems.length, `at ${length}`).toBeGreaterThan(0);
      for (const { path, offset } of problems) {
        expect(path.length).toBeGreaterThan(0);
        expect(offset).toBeLessThanOrEqual(length);
      }
      const told = findings.find(
        ({ rule }) => rule === 'passt/truncated' || rule === 'passt/version-unsupported',
      );
      expect(told?.path, `at ${length}`).toBeTruthy();
      expect(told?.offset ?? -1).toBeLessThanOrEqual(length);
    }
  });
  it('any byte changed: never a crash, and what decodes encodes to the same bytes', () => {
    for (let at = 0; at < bytes.length; at++)
      for (const change of [0x01, 0x80, 0xff]) {
        const changed = patched(bytes, [at, [(bytes[at] ?? 0) ^ change]]);
        const { problems, size, value, reading } = read(changed);
        passt.verdict?.(value, reading, changed);
        if (problems.length === 0 && size === changed.length)
          expect(Buffer.compare(again(changed), changed), `at ${at}`).toBe(0);
      }
  });
});

it('bytes of the larger captures changed here and there', () => {
  for (const name of CAPTURES) {
    const bytes = capture(name);
    for (let at = 0; at < bytes.length; at += 1 + Math.floor(bytes.length / 97)) {
      const { findings, problems } = read(patched(bytes, [at, [(bytes[at] ?? 0) ^ 0x55]]));
      for (const { message } of [...findings, ...problems]) expect(message).not.toMatch(/undefined|NaN/);
    }
  }
});

describe('counts', () => {
  it.each([131071, 131072, 0xffffffff])('%i flows that are not there', (count) => {
    const bytes = patched(inbound, [COUNT, be32(count)]);
    const { problems, findings } = read(bytes);
    expect(problems[0]).toMatchObject({ code: 'count-limit', offset: RECORDS });
    expect(findings.map(({ rule }) => rule)).toContain('passt/truncated');
    expect(findings.some(({ rule }) => rule === 'passt/count-over-flow-max')).toBe(count > 131071);
  });
  it('0 flows: the rest is left over', () => {
    expect(read(patched(inbound, [COUNT, be32(0)]))).toMatchObject({ size: RECORDS, problems: [] });
    expect(rules(patched(inbound, [COUNT, be32(0)]))).toEqual(['trailing-bytes']);
  });
  it('131071 flows that are there are read, checked and written', () => {
    const outbound = capture('v2-outbound-est');
    const bytes = manyFlows(outbound, 131071);
    const { problems, findings, shown, reading } = read(bytes);
    expect(problems).toEqual([]);
    expect(shown.flows.length).toBe(131071);
    // Every flow repeats the first one: so many findings are listed, the rest is counted.
    const doubles = findings.filter(({ rule }) => rule === 'passt/duplicate-host');
    expect(doubles.length).toBe(51);
    expect(doubles.at(-1)?.message).toContain(String(131071 - 1 - 50));
    const written = encode(reading.schema, passt.absent(shown, reading) as never, codecOptions(reading));
    expect(Buffer.compare(written, bytes)).toBe(0);
  }, 120_000);
  it('131072 flows that are there: the model says out of bounds', () => {
    const bytes = manyFlows(capture('v2-outbound-est'), 131072);
    const finding = read(bytes).findings.find(({ rule }) => rule === 'passt/count-over-flow-max');
    expect(finding?.message).toContain('writes out of bounds');
  }, 120_000);
});

describe('queues', () => {
  it.each([
    ['64 MiB', 67108864, 'truncated'],
    ['64 MiB and one byte', 67108865, 'queue-over-limit'],
  ])('%s that are not there: found at once', (_, size, rule) => {
    const bytes = patched(inbound, [RECORDS + RECORD + 16, be32(size)]);
    const { problems, findings } = read(bytes);
    expect(problems[0]?.path).toContain('receive_queue');
    expect(findings.map((finding) => finding.rule)).toContain(`passt/${rule}`);
  });
  it('64 MiB that are there are taken, one byte more is not', () => {
    const head = inbound.subarray(0, RECORDS + RECORD + 52);
    const at = (size: number): Uint8Array => {
      const bytes = new Uint8Array(head.length + size);
      bytes.set(head);
      bytes.set(be32(size), RECORDS + RECORD + 16);
      return bytes;
    };
    expect(read(at(67108864)).problems).toEqual([]);
    expect(rules(at(67108864))).not.toContain('queue-over-limit');
    expect(rules(at(67108865))).toContain('queue-over-limit');
  }, 120_000);
});

it('a record that says "skip" keeps what its fields hold', () => {
  const skipped = patched(
    capture('v2-outbound-est'),
    [RECORDS + RECORD + 50, [0]],
    [RECORDS + RECORD + 8, be32(0xdeadbeef)],
  );
  expect(read(skipped).shown.flows[0].ext.sndq).toBe(0xdeadbeef);
  expect(read(skipped).shown.flows[0]).not.toHaveProperty('send_queue');
  expect(Buffer.compare(again(skipped), skipped)).toBe(0);
  expect(rules(skipped)).toEqual(['skip-marker']);
});

it('lengths follow from the queues when a value is encoded', () => {
  const reading = passt.reading(inbound, {});
  const { shown } = read(inbound);
  shown.flows[0].send_queue = Uint8Array.of(1, 2, 3);
  shown.flows.push(structuredClone(shown.flows[0]));
  const bytes = encode(reading.schema, passt.absent(shown, reading) as never, codecOptions(reading));
  const after = read(bytes).shown;
  expect(after.flow_count).toBe(2);
  expect(after.flows.map(({ ext }) => [ext.sndq, ext.rcvq])).toEqual([
    [3, 22],
    [3, 22],
  ]);
});

it('other rules of flows and addresses', () => {
  const record = (offset: number, ...bytes: number[]) => rules(patched(inbound, [RECORDS + offset, bytes]));
  const ext = (offset: number, ...bytes: number[]) =>
    rules(patched(inbound, [RECORDS + RECORD + offset, bytes]));
  expect(record(86, 0x51)).toEqual(['flags-syn-retried']);
  expect(record(77, 0x84)).toEqual(['fin-acked-unsent']);
  expect(record(77, 0x14)).toEqual(['fin-sent-early']);
  expect(record(100, ...be32(0))).toEqual(['acked-over-received']);
  expect(record(92, ...be32(0))).toEqual(['unacked-over-queue']);
  expect(record(18 + 12, 224)).toContain('address-not-unicast');
  expect(record(18 + 12, 255, 255, 255, 255)).toContain('address-not-unicast');
  expect(ext(20, 0, 1, 0, 0)).toEqual(['mss']);
  expect(ext(51, 0x06)).toEqual(['timestamp-unused']);
  expect(ext(51, 0x05)).toEqual(['timestamps-without-sack']);
  expect(ext(50, 2)).toEqual(['tcpi-state']);
  expect(ext(50, 8)).toEqual(['fin-pending']);
  expect(ext(50, 4)).toEqual(['fin-pending']);
  expect(rules(patched(inbound, [32, [0x20]]))).toEqual(['addr6-ll']);
  expect(rules(patched(inbound, [32, [0xfe, 0xbf]]))).toEqual([]);
  expect(rules(patched(inbound, [52, [0x53]]))).toEqual(['mac-multicast']);
  expect(rules(patched(inbound, [52, [255, 255, 255, 255, 255, 255]]))).toEqual([]);
  expect(rules(manyFlows(capture('v2-outbound-est'), 1025))).toContain('open-files');
  expect(rules(inbound, { abi: ABI.s390x })).toEqual(['port-order-forced']);
  expect(record(34, 0, 0, 0, 0)).toContain('port-zero');
  expect(rules(patched(inbound, [RECORDS + 34, [1, 1, 1, 1]], [RECORDS + 70, [1, 1, 1, 1]]))).toEqual([
    'port-order',
  ]);
});

it('findings name rules that exist, with texts to explain them', () => {
  const names = RULES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, title, text } of RULES) {
    expect(name).toMatch(/^passt\/[a-z0-9-]+$/);
    expect(title.length).toBeGreaterThan(10);
    expect(text).toMatch(/\.$/);
  }
});

it('a generation that does not exist is an error', () => {
  try {
    passt.reading(inbound, { generation: 'v9' });
    expect.unreachable();
  } catch (error) {
    expect(isCarryoverError(error) && error.code).toBe('generation-unknown');
  }
});
