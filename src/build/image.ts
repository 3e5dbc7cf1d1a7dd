/** From a description of a state to a file that any tool reads, in one call. */
import { type WritableContainer, writeMemory } from '../memory/index.js';
import { type BuildOptions, buildHandover, contentsOfBuilt } from './handover/build.js';
import type { HandoverSpec } from './handover/spec.js';

export interface ImageOptions extends BuildOptions {
  /** What the memory is written as; an ELF core if not given. */
  readonly container?: WritableContainer;
}

/**
 * Builds the memory of a handover as the bytes of a dump, piece by piece: what is large is made as it is taken,
 * so that an image of gigabytes needs memory only for what describes it. Pieces are valid until the next one.
 *
 * @throws CarryoverError `build-value`, `build-address`, `build-overlap`, `build-full`, with the path in the spec;
 * `memory-write` where the container has no place for the memory.
 */
export function* imagePieces(spec: HandoverSpec, options: ImageOptions = {}): Generator<Uint8Array, void> {
  yield* writeMemory(options.container ?? 'elf', contentsOfBuilt(buildHandover(spec, options)));
}

/**
 * The same as one array of bytes.
 *
 * @throws as {@link imagePieces}.
 * @example
 * const dump = buildImage({ sessions: [{ name: 'vm', files: [{ token: 1, memfd: { contents: 'hello' } }] }] });
 * String.fromCharCode(...dump.subarray(1, 4)) // => "ELF"
 */
export function buildImage(spec: HandoverSpec, options: ImageOptions = {}): Uint8Array {
  const pieces = Array.from(imagePieces(spec, options), (piece) => piece.slice());
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
