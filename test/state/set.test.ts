import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CarryoverError } from '../../src/codec/index.js';
import { open, patchBytes, setFields } from '../../src/state/index.js';

const bytes = new Uint8Array(
  readFileSync(new URL('../../fixtures/passt/v2-outbound-est.bin', import.meta.url)),
);
const state = open(bytes);

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CarryoverError) return `${error.code}: ${error.reason}`;
    throw error;
  }
  throw new Error('nothing was refused');
}
function differing(other: Uint8Array): number[] {
  return [...other.keys()].filter((at) => bytes[at] !== other[at]);
}

describe('bytes of a stream', () => {
  it('are replaced at an offset, and no others', () => {
    expect(differing(patchBytes(state, 0x88, Uint8Array.of(5)))).toEqual([0x88]);
  });
  it('are replaced over a path', () => {
    const after = patchBytes(state, 'flows[0].side[1].eport', Uint8Array.of(1, 0xbb));
    const node = open(after).root;
    expect(differing(after).length).toBeGreaterThan(0);
    expect(node.child(0)).toBeDefined();
    expect(open(after).bytes).toHaveLength(bytes.length);
  });
  it('are refused where there is no room for them', () => {
    expect(refusal(() => patchBytes(state, bytes.length - 1, new Uint8Array(2)))).toMatch(/^edit-impossible/);
    expect(refusal(() => patchBytes(state, 'flows[0].retries', new Uint8Array(2)))).toContain('has 1 bytes');
    expect(refusal(() => patchBytes(state, 0, new Uint8Array()))).toContain('no bytes to be written');
    expect(refusal(() => patchBytes(state, 'flows[0].retrys', Uint8Array.of(1)))).toMatch(/^path-unknown/);
  });
});

describe('counts of a stream', () => {
  const edit = [{ path: 'flows[0].receive_queue', value: '48656c6c6f' }];
  it('follow', () => {
    expect(setFields(state, edit)).toHaveLength(bytes.length + 5);
  });
  it('that are kept have to fit', () => {
    expect(refusal(() => setFields(state, edit, { keepDerived: true }))).toMatch(/^count-mismatch/);
  });
});
