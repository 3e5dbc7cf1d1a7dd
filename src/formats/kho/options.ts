/** What can be said of a handover beforehand. */
import { khoError } from './error.js';
import type { Registry } from './extension.js';
import { KHO_GENERATIONS, type KhoGeneration } from './generations.js';
import type { ScratchArea } from './scratch.js';

export interface HandoverOptions {
  /** Physical address of the root; looked for if not given. */
  readonly khoFdt?: bigint;
  /** The 32 bytes of x86's struct kho_data, as /sys/kernel/boot_params/setup_data/N/data has them. */
  readonly khoData?: Uint8Array;
  /** Physical address of the first node of x86's list of setup data. */
  readonly setupData?: bigint;
  /** In bytes; found from the data if not given. */
  readonly pageSize?: number;
  /** Read the root and its map as this generation, whatever it says: `v1a`. */
  readonly generation?: string;
  /** Scratch areas, where they are known from elsewhere. */
  readonly scratch?: readonly ScratchArea[];
  /** Decoders beside those of carryover. */
  readonly registry?: Partial<Registry>;
  /** Read parts as these generations, whatever they say: `{ iommu: 'B' }`. */
  readonly forced?: Readonly<Record<string, string>>;
}

/** Sizes that a page can have, in bytes. */
export const PAGE_SIZES = Object.freeze([4096, 16384, 65536] as const);

/**
 * The generation of that name, with or without `kho-` before it.
 *
 * @throws CarryoverError `kho-generation` where there is none.
 */
export function generationNamed(name: string): KhoGeneration {
  const wanted = name.replace(/^kho-/, '');
  const found = KHO_GENERATIONS.find((generation) => generation.name === wanted);
  if (found === undefined)
    throw khoError(
      'kho-generation',
      `${JSON.stringify(name)} is none of ${KHO_GENERATIONS.map((g) => g.name).join(', ')}`,
    );
  return found;
}
