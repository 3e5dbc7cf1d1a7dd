/** Damaged memory: whatever is flipped, there is an answer, and soon. */
import { describe, expect, it } from 'vitest';
import { isCarryoverError } from '../../../src/codec/index.js';
import { fileContents, openHandover, RECEIVERS, receive } from '../../../src/formats/kho/index.js';
import type { Memory } from './builder.js';
import { copyOf, read } from './patch.js';
import { type Capture, luoOf, openCapture } from './support.js';

/** Numbers that look random and are the same each time (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Physical ranges of everything that was decoded: where a flip matters. */
function metadata(name: Capture): { address: number; size: number }[] {
  const { objects, root } = openCapture(name);
  const seen = new Map<number, number>();
  for (const { address, size } of objects)
    seen.set(Number(address), Math.max(seen.get(Number(address)) ?? 0, size));
  seen.set(Number(root.address), root.bytes.length);
  return [...seen].map(([address, size]) => ({ address, size }));
}

/** Opens it, asks every receiver, and reads the first file. */
function examine(memory: Memory, machine: 62 | 183): void {
  try {
    const handover = openHandover(memory.image(machine));
    expect(handover.value.page_size).toBeGreaterThan(0);
    for (const { release } of RECEIVERS) expect(receive(handover, release).title).toContain(release);
    const { LUO } = handover.value.entries;
    if (typeof LUO !== 'object' || LUO === null || !('sessions' in LUO)) return;
    const [session] = luoOf(handover).sessions;
    if (session?.files[0]?.memfd === undefined) return;
    let pieces = 0;
    for (const piece of fileContents(handover, 0, 0)) if (piece.length > 0n && ++pieces > 1000) break;
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    expect(error.code).toMatch(/^kho-/);
  }
}

describe.each([
  ['v1a', 200],
  ['v1b', 40],
  ['v3', 40],
  ['v4', 60],
  ['arm64', 20],
] as const)('%s', (name, times) => {
  const machine = name === 'arm64' ? 183 : 62;
  const places = metadata(name);

  it(`answers to ${times} flipped bytes in its metadata`, { timeout: 120_000 }, () => {
    const next = numbers(times);
    const memory = copyOf(name);
    for (let i = 0; i < times; i++) {
      const place = places[next() % places.length] ?? { address: 0, size: 1 };
      const at = place.address + (next() % place.size);
      const before = read(memory, at, 1);
      memory.word(at, before ^ BigInt(1 + (next() % 255)), 1);
      const start = performance.now();
      examine(memory, machine);
      expect(performance.now() - start, `0x${at.toString(16)}`).toBeLessThan(20_000);
      memory.word(at, before, 1);
    }
  });

  it(`answers to ${times} words that lead elsewhere`, { timeout: 120_000 }, () => {
    const next = numbers(times + 1);
    const memory = copyOf(name);
    // Two at a time, so that a pointer and a count may be wrong together.
    for (let i = 0; i < times; i++) {
      const undo: (() => void)[] = [];
      const start = performance.now();
      for (let j = 0; j < 2; j++) {
        const place = places[next() % places.length] ?? { address: 0, size: 8 };
        const other = places[next() % places.length] ?? { address: 0, size: 8 };
        const at = place.address + ((next() % Math.max(1, Math.min(place.size, 96))) & ~7);
        const before = read(memory, at, 8);
        const values = [
          0n,
          1n,
          BigInt(place.address),
          BigInt(other.address),
          1n << 63n,
          (1n << 64n) - 1n,
          1n << 40n,
          before + 1n,
        ];
        memory.u64(at, BigInt.asUintN(64, values[next() % values.length] ?? 0n));
        undo.unshift(() => memory.u64(at, before));
      }
      examine(memory, machine);
      expect(performance.now() - start).toBeLessThan(20_000);
      for (const back of undo) back();
    }
  });
});
