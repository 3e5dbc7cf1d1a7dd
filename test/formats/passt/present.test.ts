import { describe, expect, it } from 'vitest';
import { type Observer, observe, type Path, pathText } from '../../../src/codec/index.js';
import { passt } from '../../../src/formats/passt/index.js';
import { CAPTURES, capture, codecOptions, read } from './streams.js';

describe.each(CAPTURES)('%s', (name) => {
  const bytes = capture(name);
  const { reading, value, shown } = read(bytes);
  it('presented and made absent again is the same value', () => {
    expect(passt.absent(shown, reading)).toEqual(value);
  });
  it('has the keys that people are promised', () => {
    expect(Object.keys(shown)).toEqual(['header', 'addresses', 'flow_count', 'flows']);
    for (const flow of shown.flows) {
      expect(Object.keys(flow).slice(0, 6)).toEqual([
        'pif',
        'side',
        'retries',
        'ws_from_tap',
        'ws_to_tap',
        'events',
      ]);
      expect(Object.keys(flow).slice(-3)).toEqual(['ext', 'send_queue', 'receive_queue']);
    }
  });
  it('every leaf has its place in the presented value, and its way back', () => {
    const leaves: (readonly (string | number)[])[] = [];
    const values: unknown[] = [];
    const observer: Observer = {
      leaf: (_plan, _field, _at, _size, value, path) => {
        leaves.push([...path]);
        values.push(value);
      },
    };
    observe(reading.schema, bytes, codecOptions(reading), observer);
    const seen = new Set<string>();
    for (const [i, path] of leaves.entries()) {
      const there = passt.presentPath(path, reading);
      if (there === undefined) throw new Error(`${pathText(path)} has no place`);
      seen.add(pathText(there));
      expect(valueAt(shown, there), pathText(there)).toEqual(values[i]);
      expect(passt.wirePath(there, reading)).toEqual(path);
    }
    expect(seen.size).toBe(leaves.length);
  });
});

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, part) => (at as Record<string | number, unknown>)[part], value);
}

it('presents what there is of a stream that is cut off', () => {
  const bytes = capture('v2-two-flows-v4-v6');
  expect(Object.keys(read(bytes.subarray(0, 58)).shown)).toEqual(['header', 'addresses']);
  const cut = read(bytes.subarray(0, 62 + 224 + 52 + 20)).shown;
  expect(cut.flows.length).toBe(2);
  expect(cut.flows[0].ext.sndq).toBe(0);
  expect(cut.flows[1]).not.toHaveProperty('ext');
});
it('takes JSON as well, and leaves to the encoder what does not belong there', () => {
  const { reading } = read(capture('v2-outbound-est'));
  const json = {
    flows: [{ pif: [2, 1], side: [{ oaddr: '::' }], colour: 1, ext: { tcpi_state: 'SKIP' }, send_queue: '' }],
  };
  expect(passt.absent(json, reading)).toEqual({
    records: [{ pif: [2, 1], side: [{ oaddr: '::' }], colour: 1 }],
    transfers: [{ tcpi_state: 'SKIP' }],
  });
  expect(passt.absent({ flows: 3 }, reading)).toEqual({ records: 3, transfers: 3 });
});
