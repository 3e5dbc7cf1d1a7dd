/** Raw images: memory byte by byte from one address on (QEMU's pmemsave, /dev/mem, LiME's padded form). */
import type { ABI, CarryoverError } from '../codec/index.js';
import { memoryError } from './codes.js';
import { type Machine, TOP } from './image.js';
import { RunImage } from './runs.js';
import type { Source } from './source.js';

export interface RawOptions {
  /** Physical address of the first byte. */
  readonly base: bigint;
  readonly pageSize?: number;
  /** The machine whose memory it is: nothing in the file says it. */
  readonly abi?: ABI;
}

export class RawImage extends RunImage {
  readonly kind = 'raw';
  readonly machine: Machine;
  readonly pageSize: number | undefined;
  readonly problems: CarryoverError[] = [];

  constructor(source: Source, { base, pageSize, abi }: RawOptions) {
    const end = base + BigInt(source.size);
    if (base < 0n || end > TOP)
      throw memoryError('memory-header', 'a raw image of that base and size does not fit into 64 bits', {
        expected: 'addresses below 2^64',
        found: `0x${base.toString(16)} and ${source.size} bytes`,
      });
    super(source, [{ state: 'data', label: 'the image', start: base, end, rank: 0, offset: 0 }]);
    this.pageSize = pageSize;
    this.machine = {
      name: abi?.name ?? 'unknown',
      endian: abi?.endian,
      bits: abi === undefined ? undefined : abi.pointerSize === 8 ? 64 : 32,
      elfMachine: undefined,
      abi,
    };
  }
}
