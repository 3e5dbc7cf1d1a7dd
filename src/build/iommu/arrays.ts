/** Pages of objects, each full before the next one, and the root that leads to them. */
import { encode, type Schema } from '../../codec/index.js';
import {
  type IommuKind,
  type IommuProfile,
  PAGE_HEADER,
  type Place,
  type SlotsOf,
  slotsOf,
} from '../../formats/iommu/index.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Region } from '../memory.js';

/** Writes members of an object; what has no place in the generation is left out. */
export type Put = (place: Place | undefined, value: bigint | number) => void;

export interface BuiltArray {
  readonly first: Region;
  readonly count: number;
  /** Physical address of a slot; known once the memory is placed. */
  slot(index: number): bigint;
}

/** Asks for the pages of a kind, at least one, and has each slot written when all addresses are known. */
export function buildArray<T>(
  builder: HandoverBuilder,
  profile: IommuProfile,
  kind: IommuKind,
  objects: readonly T[],
  label: string,
  write: (object: T, put: Put, index: number) => void,
): BuiltArray {
  const { abi } = builder;
  const little = abi.endian === 'little';
  const { stride, capacity }: SlotsOf<object> = slotsOf(profile, abi)[kind];
  const first = builder.allocate(`${label}.${kind}`);
  const pages = [
    first,
    ...Array.from({ length: Math.max(0, Math.ceil(objects.length / capacity) - 1) }, (_, i) =>
      builder.allocate(`${label}.${kind}.pages[${i + 1}]`),
    ),
  ];
  for (const [i, page] of pages.entries())
    builder.memory.fill(page, (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const from = i * capacity;
      const used = objects.slice(from, from + capacity);
      // The header of a page is the same in all generations but for names: next page, objects in this one.
      view.setBigUint64(0, pages[i + 1]?.address ?? 0n, little);
      view.setBigUint64(8, BigInt(used.length), little);
      for (const [j, object] of used.entries()) {
        const at = PAGE_HEADER + j * stride;
        write(object, (place, value) => putInteger(view, at, place, BigInt(value), little), from + j);
      }
    });
  return {
    first,
    count: objects.length,
    slot: (index) =>
      (pages[Math.floor(index / capacity)] ?? first).address +
      BigInt(PAGE_HEADER + (index % capacity) * stride),
  };
}

function putInteger(
  view: DataView,
  at: number,
  place: Place | undefined,
  value: bigint,
  little: boolean,
): void {
  if (place === undefined) return;
  const offset = at + place.offset;
  if (place.bit !== undefined) {
    const mask = 1 << place.bit;
    const byte = view.getUint8(offset) & ~mask;
    view.setUint8(offset, value === 0n ? byte : byte | mask);
  } else if (place.size === 1) view.setUint8(offset, Number(value));
  else if (place.size === 4) view.setUint32(offset, Number(value), little);
  else view.setBigUint64(offset, value, little);
}

/** The root: first pages of each kind, with the totals or the version that the generation has. */
export function buildRoot(
  builder: HandoverBuilder,
  { root, version }: IommuProfile,
  label: string,
): { readonly region: Region; lead(arrays: Readonly<Record<IommuKind, BuiltArray>>): void } {
  const region = builder.allocate(label);
  return {
    region,
    lead: (arrays) =>
      builder.memory.fill(region, (bytes) => {
        const value: Record<string, bigint> = version === undefined ? {} : { version };
        for (const kind of ['iommus', 'domains', 'devices'] as const) {
          value[root.arrays[kind]] = arrays[kind].first.address;
          if (root.totals !== undefined) value[root.totals[kind]] = BigInt(arrays[kind].count);
        }
        bytes.set(encode<Schema>(root.schema, value, { abi: builder.abi }));
      }),
  };
}
