/** Scratch: the memory that the next kernel starts in, which nothing preserved may lie in. */
import { isAbsence } from '../../memory/index.js';
import { FdtHeader } from '../fdt/index.js';
import type { Root, ToldHandover } from './root.js';
import { KHO } from './rules.js';
import { KhoScratch, SetupData } from './schema.js';
import { hexText, type Walk } from './walk.js';

export interface ScratchArea {
  readonly addr: bigint;
  readonly size: bigint;
}

/** Areas that are read: a kernel has one for each NUMA node, and two more. */
const MAX_SCRATCH = 4096;

/** The list of areas, of at most {@link MAX_SCRATCH}; undefined, with a finding, where the dump lacks it. */
export function readScratch(
  walk: Walk,
  area: { readonly address: bigint; readonly size: bigint },
): ScratchArea[] | undefined {
  const count = Math.min(Number(area.size / 16n), MAX_SCRATCH);
  if (count === 0) return [];
  const bytes = walk.bytes(area.address, count * 16, 'scratch', 'the list of scratch areas');
  if (bytes === undefined) return undefined;
  return Array.from({ length: count }, (_, i) =>
    walk.decodeBytes(
      KhoScratch,
      bytes.subarray(16 * i, 16 * i + 16),
      area.address + BigInt(16 * i),
      `scratch[${i}]`,
    ),
  );
}

/**
 * Scratch as something in memory tells it that names this root. What was found by looking for it may be a copy
 * of an earlier kexec, or lead to memory that is not written before the jump: it counts only if what it leads to
 * are areas.
 */
export function scratchTold(
  walk: Walk,
  root: Root,
  told: readonly ToldHandover[],
  because: string[],
): ScratchArea[] | undefined {
  const own = told.filter(({ fdt, scratch }) => fdt === root.address && scratch !== undefined);
  for (const { how, address, scratch } of own) {
    const where =
      how === 'chosen'
        ? `/chosen of the device tree at ${hexText(address)}`
        : `the setup_data node at ${hexText(address)}`;
    if (scratch === undefined || !isScratchList(walk, scratch)) continue;
    because.push(`scratch is what ${where} says, which names this root too`);
    if (how === 'chosen') walk.object('chosen', FdtHeader, address, 40);
    else walk.object('setup_data', SetupData, address, 16);
    return readScratch(walk, scratch);
  }
  const [first] = own;
  if (first?.scratch !== undefined)
    because.push(
      `${first.how === 'chosen' ? 'the device tree' : 'the setup_data node'} at ${hexText(first.address)} names this root, but there is no list of scratch areas at ${hexText(first.scratch.address)}, where it says`,
    );
  return undefined;
}

/** Whether there are words that can be addresses and sizes, and not what else may be in such a place. */
function isScratchList(
  { image, little }: Walk,
  { address, size }: { readonly address: bigint; readonly size: bigint },
): boolean {
  if (size === 0n || size % 16n !== 0n || size > BigInt(16 * MAX_SCRATCH)) return false;
  const bytes = image.read(address, Number(size));
  if (isAbsence(bytes)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let any = false;
  for (let at = 0; at < bytes.length; at += 8) {
    const word = view.getBigUint64(at, little);
    if (word >> 52n !== 0n) return false;
    if (word !== 0n) any = true;
  }
  return any;
}

/** Reports areas that overlap, are no whole pages, or have preserved memory in them. */
export function checkScratch(walk: Walk, scratch: readonly ScratchArea[]): void {
  for (const [i, { addr, size }] of scratch.entries()) {
    if (size === 0n) continue;
    const path = `scratch[${i}]`;
    if (!walk.isAligned(addr) || !walk.isAligned(size))
      walk.find(KHO['scratch-unaligned'], path, addr, `The area at ${hexText(addr)} has ${size} bytes.`);
    const other = scratch.find(
      (area, j) => j < i && area.size > 0n && area.addr < addr + size && addr < area.addr + area.size,
    );
    if (other !== undefined)
      walk.find(KHO['scratch-overlap'], path, addr, `The area overlaps the one at ${hexText(other.addr)}.`);
    const preserved = addr < 1n << 52n && size < 1n << 52n ? walk.map.touching(addr, size) : undefined;
    if (preserved !== undefined)
      walk.find(
        KHO['preserved-in-scratch'],
        path,
        preserved.address,
        `The memory at ${hexText(preserved.address)} is preserved, and in scratch.`,
      );
  }
}
