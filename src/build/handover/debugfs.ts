/** A built handover as /sys/kernel/debug/kho shows it to the kernel that was given it. */
import { textBytes } from '../../codec/text.js';
import type { BuiltHandover } from './build.js';

/** Files by their paths in the directory. */
export function debugfsOf({ fdt, blobs, scratch }: BuiltHandover): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([['in/fdt', fdt]]);
  for (const [name, bytes] of blobs) files.set(`in/sub_fdts/${name}`, bytes);
  // The outgoing side tells of scratch: one number in each line.
  if (scratch.length > 0) {
    files.set('out/scratch_phys', lines(scratch.map(({ addr }) => addr)));
    files.set('out/scratch_len', lines(scratch.map(({ size }) => size)));
  }
  return files;
}
function lines(numbers: readonly bigint[]): Uint8Array {
  return textBytes(numbers.map((number) => `0x${number.toString(16)}\n`).join('')) ?? new Uint8Array();
}
