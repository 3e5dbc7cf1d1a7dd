/** An image that notes which of its memory is read. */
import type { Image } from './image.js';
import type { AddressRange } from './segments.js';

export interface Recorded {
  readonly image: Image;
  /**
   * What was read so far, in the order of reading, as it was asked for. Looking through windows and at places
   * does not count.
   */
  readonly reads: readonly AddressRange[];
}

/** Ranges that follow each other in reading are told as one. */
export function recorded(image: Image): Recorded {
  const reads: { address: bigint; size: bigint }[] = [];
  const note = (address: bigint, length: number): void => {
    const last = reads[reads.length - 1];
    if (last !== undefined && last.address + last.size === address) last.size += BigInt(length);
    else reads.push({ address, size: BigInt(length) });
  };
  return {
    reads,
    image: new Proxy(image, {
      get(target, property) {
        if (property === 'read')
          return (address: bigint, length: number) => {
            note(address, length);
            return target.read(address, length);
          };
        if (property === 'readInto')
          return (address: bigint, out: Uint8Array) => {
            note(address, out.length);
            return target.readInto(address, out);
          };
        if (property === 'readSome')
          return (address: bigint, length: number) => {
            note(address, length);
            return target.readSome(address, length);
          };
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  };
}
