/** What the entry of the LUO says, whichever generation it is of, and whether that goes with its root. */
import type { Blob } from '../kho/extension.js';
import { baseVersion } from '../kho/generations.js';
import type { Walk } from '../kho/walk.js';
import { LUO } from './rules.js';
import { LUO_GENERATIONS, type LuoGeneration } from './schema.js';

/** Where the lists are, by their physical addresses. */
export interface Entries {
  readonly compatible: string;
  readonly generation: LuoGeneration;
  readonly number: bigint | undefined;
  readonly sessions: bigint | undefined;
  readonly flbs: bigint | undefined;
  readonly sessionSize: 80 | 64;
  readonly flbNode?: boolean;
}

/** By the base of the string: what follows a `;` does not count. */
export function generationOf(compatible: string): LuoGeneration | undefined {
  const base = baseVersion(compatible);
  return LUO_GENERATIONS.find((generation) => generation.compatible === base);
}

/**
 * Which roots were written beside each version. luo-v1 began in 6.19 and lasted through kho-v3 of 7.1; linked
 * blocks came with kho-v4, and luo-v4 was the first to use them. luo-v2 and v3 were single commits of the series
 * that made kho-v4, and in no release: whether the root's string was changed before or after them is not known,
 * so they are taken beside both.
 */
const ROOTS: Readonly<Record<LuoGeneration['name'], readonly string[]>> = Object.freeze({
  v1: ['v1b', 'v2', 'v3'],
  v2: ['v3', 'v4'],
  v3: ['v3', 'v4'],
  v4: ['v4'],
  v5: ['v4'],
});

/** Pairs of root and LUO that no commit wrote. */
export function checkGeneration({ generation, compatible }: Entries, blob: Blob, walk: Walk): void {
  if (walk.generation === undefined) return;
  // Without its map, a root of kho-v1 may have either size of bitmaps.
  const { name } = walk.generation;
  const root = name === 'v1a' && !walk.map.complete ? 'v1b' : name;
  if (!ROOTS[generation.name].includes(root))
    walk.find(
      LUO.generation,
      `${blob.path}.compatible`,
      blob.address,
      `No kernel wrote ${compatible} beside ${walk.generation.compatible}.`,
    );
}
