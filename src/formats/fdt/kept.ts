/**
 * The bytes that a tree was read from, kept out of sight beside it, so that a tree that nobody changed is
 * written as it was, and one that somebody did is written with everything else in its place.
 */
import type { ParseOptions } from './options.js';
import type { FDTTree } from './tree.js';

export interface Kept {
  readonly image: Uint8Array;
  readonly options: ParseOptions;
}

const kept = new WeakMap<FDTTree, Kept>();

export function remember(tree: FDTTree, image: Uint8Array, options: ParseOptions): void {
  kept.set(tree, { image, options });
}
export function keptOf(tree: FDTTree): Kept | undefined {
  return kept.get(tree);
}
