/** From the root of the IOMMU's state to its units, domains and devices. */
import { CarryoverError } from '../../codec/index.js';
import type { KhoCode } from '../kho/codes.js';
import type { FlbDecoder } from '../kho/extension.js';
import { isRecord } from '../kho/record.js';
import { hexText, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import { readArrays } from './arrays.js';
import { checkArrays } from './check-arrays.js';
import { checkObjects } from './check-objects.js';
import { followHardware, type Hardware } from './hardware.js';
import {
  type FoundState,
  type IommuDeviceObject,
  type IommuDomainObject,
  type IommuUnitObject,
  present,
  readObjects,
} from './objects.js';
import { IOMMU_GENERATIONS, IOMMU_PROFILES, IOMMU_STRINGS, iommuProfile } from './profiles.js';
import { recogniseIommu } from './recognise.js';
import { IOMMU } from './rules.js';

export interface IommuValue {
  /** The layout: `B`. */
  readonly profile: string;
  /** Why that one, in sentences. */
  readonly because: readonly string[];
  /** The layouts that fit as well, where that cannot be told. */
  readonly candidates?: readonly string[];
  /** Members of the root, and where it is. */
  readonly root: Readonly<Record<string, unknown>>;
  readonly iommus: readonly IommuUnitObject[];
  readonly domains: readonly IommuDomainObject[];
  readonly devices: readonly IommuDeviceObject[];
}

/** What the checks of the whole handover need beside the value. */
export interface FollowedState extends FoundState {
  readonly hardware: Hardware;
}
const states = new WeakMap<IommuValue, FollowedState>();
export function stateOf(value: unknown): FollowedState | undefined {
  return typeof value === 'object' && value !== null ? states.get(value as IommuValue) : undefined;
}

/** A state is compared by its devices; slots, and their places in the lists, are where the sender put them. */
const MEANING: Meaning = {
  fields: {
    profile: { is: 'generation' },
    because: { is: 'unknown' },
    candidates: { is: 'unknown' },
    root: { is: 'layout' },
    iommus: {
      key: 'token',
      keyText: tokenText,
      each: {
        fields: { address: { is: 'address' }, devices: { is: 'derived' }, tables: { is: 'derived' } },
      },
    },
    domains: {
      each: {
        fields: {
          address: { is: 'address' },
          devices: { is: 'derived' },
          tables: { fields: { because: { is: 'unknown' }, confidence: { is: 'unknown' } } },
        },
      },
    },
    devices: {
      key: 'bdf',
      each: {
        fields: {
          address: { is: 'address' },
          domain: { is: 'derived' },
          iommu: { is: 'derived' },
          reach: { fields: { because: { is: 'unknown' } } },
        },
      },
    },
  },
};

/** An IOMMU goes by the address of its registers. */
function tokenText(unit: unknown): string {
  return isRecord(unit) && typeof unit.token === 'bigint' ? hexText(unit.token) : '?';
}

/** Decoders of the data under each of its names. */
export const iommuFlbs: readonly FlbDecoder[] = Object.freeze(
  IOMMU_STRINGS.map(
    (name): FlbDecoder =>
      Object.freeze({
        name,
        key: 'iommu',
        meaning: MEANING,
        decode: (data: bigint, walk: Walk, path: string) => followIommu(name, data, walk, `${path}.iommu`),
      }),
  ),
);

/**
 * Reads all of the state. Undefined where there is no root to read.
 *
 * @throws CarryoverError `kho-generation` for a forced layout that does not exist.
 */
export function followIommu(name: string, data: bigint, walk: Walk, path: string): IommuValue | undefined {
  const wanted = walk.forced.iommu;
  if (wanted !== undefined && iommuProfile(wanted) === undefined) {
    if (wanted.toUpperCase() !== 'R1')
      throw new CarryoverError(
        'kho-generation' satisfies KhoCode,
        `iommu has no layout ${JSON.stringify(wanted)}; it has ${IOMMU_GENERATIONS.map((each) => each.name).join(', ')}`,
      );
    // The first series kept nothing here: there is nothing to read.
    findUnread(walk, name, data, path);
    return undefined;
  }
  if (data === 0n) {
    walk.find(IOMMU.root, path, undefined, 'The address of the root is 0.');
    return undefined;
  }
  if (!walk.enter(data, path)) return undefined;
  const chosen = recogniseIommu(walk, name, data);
  const arrays = chosen === undefined ? undefined : readArrays(walk, chosen.profile, data);
  if (chosen === undefined || arrays === undefined) {
    const [first] = IOMMU_PROFILES;
    walk.bytes(data, first?.root.size ?? 24, path, 'the root of the IOMMU state');
    return undefined;
  }
  const { profile, because, candidates } = chosen;
  if (candidates.length > 1)
    walk.find(
      IOMMU.undecided,
      path,
      data,
      `${candidates.map((each) => each.name).join(', ')} fit the state at ${hexText(data)} equally; it is shown as ${profile.name}.`,
    );
  walk.object(`${path}.root`, profile.root.schema, data, profile.root.size);
  const state = readObjects(walk, profile, arrays, path);
  checkArrays(walk, state, data, name);
  checkObjects(walk, state);
  const hardware = followHardware(walk, state);
  const value: IommuValue = {
    profile: profile.name,
    because,
    ...(candidates.length > 1 ? { candidates: candidates.map((each) => each.name) } : {}),
    root: { address: data, ...arrays.root },
    iommus: state.iommus.map((unit) =>
      present(unit, {
        devices: unit.devices.map(({ index }) => index),
        ...optional('tables', hardware.units.get(unit)),
      }),
    ),
    domains: state.domains.map((domain) =>
      present(domain, {
        devices: domain.devices.map(({ index }) => index),
        ...optional('tables', hardware.domains.get(domain)),
      }),
    ),
    devices: state.devices.map((device) =>
      present(device, {
        bdf: device.bdf,
        domain: device.domain?.index ?? null,
        iommu: device.iommu?.index ?? null,
        ...optional('reach', hardware.devices.get(device)),
      }),
    ),
  };
  states.set(value, { ...state, hardware });
  return value;
}

/** Says that a layout which keeps nothing was asked for, and what speaks against it. */
function findUnread(walk: Walk, name: string, data: bigint, path: string): void {
  const against =
    data === 0n
      ? ''
      : `, which does not look like it: R1 had no ${name}, and there is data at ${hexText(data)}`;
  walk.find(IOMMU['not-read'], path, data === 0n ? undefined : data, `Nothing is read as R1${against}.`);
}

/** A member that is there only if it has a value. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [N in K]?: V } {
  // The one key of the object is K.
  return value === undefined ? {} : ({ [key]: value } as { readonly [N in K]: V });
}
