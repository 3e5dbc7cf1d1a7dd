/** Where the members of each profile's objects lie, so that bytes can be judged before they are decoded. */
import { type ABI, type Layout, layoutOf, type Struct, sizeof } from '../../codec/index.js';
import {
  type DeviceRoles,
  type DomainRoles,
  declaredSchema,
  type IommuKind,
  type IommuProfile,
  type IommuRoles,
  PAGE_HEADER,
} from './profiles.js';

/** Where an integer lies in an object. */
export interface Place {
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
  /** Of a bit-field of one bit: its number in that byte, the lowest first. */
  readonly bit?: number;
}

type Places<R> = { readonly [K in keyof R]: R[K] extends string | undefined ? Place : never };

export interface SlotsOf<R> {
  /** Bytes from one object to the next. */
  readonly stride: number;
  /** How many fit into a page. */
  readonly capacity: number;
  readonly schema: Struct;
  readonly at: Partial<Places<R>>;
  /** Of each byte the bits that no member has: zero, as memory is zeroed when it is allocated. */
  readonly unused: Uint8Array;
  /** The same where the type of IOMMU tells which member a driver's union has. */
  unusedOf(type: number): Uint8Array;
  /** Members that are found by their path: what drivers add. */
  place(path: string): Place | undefined;
}
export interface ProfileSlots {
  readonly iommus: SlotsOf<IommuRoles>;
  readonly domains: SlotsOf<DomainRoles>;
  readonly devices: SlotsOf<DeviceRoles>;
}

const known = new WeakMap<IommuProfile, WeakMap<ABI, ProfileSlots>>();

/** The places of a profile on a machine; laid out once. */
export function slotsOf(profile: IommuProfile, abi: ABI): ProfileSlots {
  const byABI = known.get(profile) ?? new WeakMap<ABI, ProfileSlots>();
  known.set(profile, byABI);
  const found = byABI.get(abi);
  if (found !== undefined) return found;
  const made: ProfileSlots = {
    iommus: lay(declaredSchema(profile, 'iommus'), profile.iommu.roles, abi),
    domains: lay(declaredSchema(profile, 'domains'), profile.domain.roles, abi),
    devices: lay(declaredSchema(profile, 'devices'), profile.device.roles, abi),
  };
  byABI.set(abi, made);
  return made;
}

function lay<R extends object>(schema: Struct, roles: R, abi: ABI): SlotsOf<R> {
  const places = new Map<string, Place>();
  const stride = sizeof(schema, abi);
  const layout = layoutOf(schema, abi);
  const unusedWith = (arm: string | undefined): Uint8Array => {
    const unused = new Uint8Array(stride).fill(0xff);
    gather(layout, abi, places, unused, arm);
    return unused;
  };
  const unused = unusedWith(undefined);
  const byType = ARMS.map((arm) =>
    [...places.keys()].some((path) => path.startsWith(`${arm}.`)) ? unusedWith(arm) : unused,
  );
  const at: Record<string, Place> = {};
  for (const [role, path] of Object.entries(roles)) {
    const place = typeof path === 'string' ? places.get(path) : undefined;
    if (place !== undefined) at[role] = place;
  }
  return {
    stride,
    capacity: Math.floor((abi.pageSize - PAGE_HEADER) / stride),
    schema,
    // Built from the roles' own keys.
    at: at as Partial<Places<R>>,
    unused,
    unusedOf: (type) => byType[type - 1] ?? unused,
    place: (path) => places.get(path),
  };
}

/** Parts of drivers in unions, by the types of IOMMU from 1 on. */
const ARMS = ['intel', 'arm_smmu_v3'] as const;

function gather(
  layout: Layout,
  abi: ABI,
  places: Map<string, Place>,
  unused: Uint8Array,
  arm: string | undefined,
): void {
  for (const part of layout.parts) {
    if (part.part === 'hole' || part.offset === undefined || part.size === undefined) continue;
    if (layout.kind === 'union' && arm !== undefined && part.path !== arm) continue;
    if (part.inside !== undefined) {
      gather(part.inside, abi, places, unused, arm);
      continue;
    }
    if (part.reserved) continue;
    const { offset, size, bitOffset, bitSize } = part;
    if (bitOffset === undefined || bitSize === undefined) {
      places.set(part.path, { offset, size });
      unused.fill(0, offset, offset + size);
      continue;
    }
    const byte = offset + (bitOffset >> 3);
    const bit = abi.bitOrder === 'lsb' ? bitOffset & 7 : 7 - (bitOffset & 7);
    places.set(part.path, { offset: byte, size: 1, bit });
    unused[byte] = (unused[byte] ?? 0) & ~(1 << bit);
  }
}

/** The integer at a place of an object that begins at `at`. */
export function integerAt(view: DataView, at: number, place: Place, little: boolean): bigint {
  const offset = at + place.offset;
  if (place.bit !== undefined) return BigInt((view.getUint8(offset) >> place.bit) & 1);
  switch (place.size) {
    case 1:
      return BigInt(view.getUint8(offset));
    case 4:
      return BigInt(view.getUint32(offset, little));
    default:
      return view.getBigUint64(offset, little);
  }
}

/** Whether a bit is set that no member has. */
export function hasUnused(bytes: Uint8Array, unused: Uint8Array): boolean {
  for (let i = 0; i < unused.length; i++) if (((bytes[i] ?? 0) & (unused[i] ?? 0)) !== 0) return true;
  return false;
}

/** How objects of each kind are called in sentences. */
export const KIND_NAMES: Readonly<Record<IommuKind, readonly [one: string, many: string]>> = Object.freeze({
  iommus: ['IOMMU', 'IOMMUs'],
  domains: ['domain', 'domains'],
  devices: ['device', 'devices'],
});
