/** From the data of a VFIO device's file to the device, and to the state of it that was saved. */
import type { FileHandler } from '../kho/extension.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import {
  CHOICE_MEANING,
  checkTail,
  chooseLayout,
  claimBlock,
  Evidence,
  layoutsOf,
  type Payload,
  readPayload,
  type ToldChoice,
  toldChoice,
} from '../payload/index.js';
import { bdfPoints, domainPoints, pciAddress } from '../pci/index.js';
import { VFIO_PROFILES, type VfioProfile } from './profiles.js';
import { VFIO_PCI } from './rules.js';
import { PciCapSavedData, PciSavedState, VfioSerRfcConfig } from './schema.js';

export interface SavedCapability {
  readonly cap_nr: number;
  readonly cap_extended: number;
  /** In bytes. */
  readonly size: number;
  readonly data: Uint8Array;
}
export interface SavedState {
  readonly config_space: readonly number[];
  readonly caps: readonly SavedCapability[];
}
export interface VfioValue extends ToldChoice {
  readonly bdf: number;
  /** Where the layout has one. */
  readonly domain?: number;
  readonly reset_works?: number;
  /** Of the iommufd that the device is attached to, as far as it fits into 32 bits. */
  readonly iommufd_ser?: { readonly token: number };
  /** `0001:3a:01.0`; in domain 0 where the layout has none. */
  readonly address: string;
  readonly cfg_size?: number;
  /** As many bytes as `cfg_size` says. */
  readonly pci_config_map?: Uint8Array;
  readonly vconfig?: Uint8Array;
  readonly rbar?: readonly number[];
  readonly pci_saved_state_phys?: bigint;
  readonly pci_saved_state?: SavedState;
}

const MEANING: Meaning = {
  fields: {
    ...CHOICE_MEANING,
    address: { is: 'derived' },
    pci_saved_state_phys: { is: 'address' },
    pci_saved_state: { fields: { caps: { key: ['cap_nr', 'cap_extended'] } } },
  },
};

function handler(compatible: string): FileHandler {
  return Object.freeze({
    compatible,
    key: 'vfio',
    meaning: MEANING,
    decode: (data: bigint, walk: Walk, path: string) => followVfio(data, walk, path, compatible),
  });
}
export const vfioHandlers: readonly FileHandler[] = Object.freeze(
  ['vfio-v1', 'vfio-pci-v1', 'vfio-pci-v2'].map(handler),
);

interface Raw {
  readonly domain: number | undefined;
  readonly bdf: number;
  readonly reset: number | undefined;
  readonly token: number | undefined;
}
function readRaw({ domain, bdf, reset, token }: VfioProfile, { bytes }: Payload, little: boolean): Raw {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    domain:
      domain === undefined
        ? undefined
        : domain.size === 2
          ? view.getUint16(domain.at, little)
          : view.getUint32(domain.at, little),
    bdf: view.getUint16(bdf, little),
    reset: reset === undefined || reset >= bytes.length ? undefined : view.getUint8(reset),
    token: token === undefined ? undefined : view.getUint32(token, little),
  };
}

export function followVfio(
  data: bigint,
  walk: Walk,
  path: string,
  compatible: string,
): VfioValue | undefined {
  const payload = readPayload(walk, data, 16, path, 'the VFIO device');
  if (payload === undefined) return undefined;
  const addressBy = (profile: VfioProfile): string => {
    const { domain, bdf } = readRaw(profile, payload, walk.little);
    return pciAddress(domain ?? 0, bdf);
  };
  const choice = chooseLayout(
    {
      part: 'vfio-pci',
      all: VFIO_PROFILES,
      candidates: layoutsOf(VFIO_PROFILES, compatible),
      evidence: (profile) => vfioEvidence(profile, payload, walk),
      differ: (chosen, other) => addressBy(chosen) !== addressBy(other),
      reading: (chosen) => `${chosen.name}, ${addressBy(chosen)}`,
    },
    walk,
    path,
    data,
  );
  if (choice === undefined) return undefined;
  const { profile } = choice;
  const raw = readRaw(profile, payload, walk.little);
  const address = addressBy(profile);
  walk.object(path, profile.schema, data, Math.min(profile.size, payload.bytes.length));
  if (raw.reset !== undefined && raw.reset > 1)
    walk.find(
      VFIO_PCI.reset,
      `${path}.reset_works`,
      data + BigInt(profile.reset ?? 0),
      `reset_works of ${address} is ${raw.reset}.`,
    );
  checkTail(walk, payload, profile.size, path);
  return {
    ...toldChoice(choice),
    because: [...choice.because, ...withoutReset(profile, raw, choice.runnerUp !== undefined)],
    bdf: raw.bdf,
    ...(raw.domain === undefined ? {} : { domain: raw.domain }),
    ...(raw.reset === undefined ? {} : { reset_works: raw.reset }),
    ...(raw.token === undefined ? {} : { iommufd_ser: { token: raw.token } }),
    address,
    ...(profile.schema === VfioSerRfcConfig ? configOf(payload, walk, path) : {}),
  };
}

/** What cannot be told of reset_works: the layouts before it are the same bytes, which end where it would be 0. */
function withoutReset(chosen: VfioProfile, { reset }: Raw, isChosen: boolean): readonly string[] {
  const shorter = VFIO_PROFILES.find(({ size, reset }) => reset === undefined && size === chosen.reset);
  return isChosen && reset === 0 && shorter !== undefined
    ? [`${shorter.name}, which ends before reset_works, would read the same: that it is 0 may say nothing`]
    : [];
}

function vfioEvidence(profile: VfioProfile, payload: Payload, walk: Walk): Evidence {
  const evidence = new Evidence();
  const { bytes } = payload;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (profile.schema === VfioSerRfcConfig) {
    const size = view.getUint32(2, walk.little);
    const fits = size === 256 || size === 4096;
    evidence.add(fits ? 8 : -8, `cfg_size is ${size}`);
    if (payload.known && payload.size < profile.size)
      evidence.add(-8, `the block has ${payload.size} of its ${profile.size} bytes`);
    return evidence;
  }
  const { domain, bdf, reset, token } = readRaw(profile, payload, walk.little);
  const name = pciAddress(domain ?? 0, bdf);
  evidence.add(domainPoints(domain ?? 0) + 2 * bdfPoints(bdf), `the device would be ${name}`);
  if (reset !== undefined && reset > 1) evidence.add(-8, `reset_works would be ${reset}`);
  if (token !== undefined && token !== 0) evidence.add(1, `it is attached to the iommufd ${hexText(token)}`);
  evidence.addTail(bytes, profile.size);
  return evidence;
}

function configOf(payload: Payload, walk: Walk, path: string): Partial<VfioValue> {
  const { bytes, address } = payload;
  if (bytes.length < 8235) {
    // The rest of the block is not in the dump: the finding says so.
    walk.bytes(address, 8235, path, 'the configuration space');
    return {};
  }
  const { cfg_size, pci_config_map, vconfig, rbar, pci_saved_state_phys } = walk.decodeBytes(
    VfioSerRfcConfig,
    bytes.subarray(0, 8235),
    address,
    path,
  );
  if (cfg_size !== 256 && cfg_size !== 4096)
    walk.find(VFIO_PCI['config-size'], `${path}.cfg_size`, address + 2n, `cfg_size is ${cfg_size}.`);
  const length = Math.min(cfg_size, 4096);
  const state =
    pci_saved_state_phys === 0n
      ? undefined
      : savedState(pci_saved_state_phys, walk, `${path}.pci_saved_state`);
  return {
    cfg_size,
    pci_config_map: pci_config_map.slice(0, length),
    vconfig: vconfig.slice(0, length),
    rbar,
    pci_saved_state_phys,
    ...(state === undefined ? {} : { pci_saved_state: state }),
  };
}

const CAP_HEADER = 7;
/** Capabilities that are read: a device has at most some dozens. */
const MAX_CAPS = 1024;

function savedState(address: bigint, walk: Walk, path: string): SavedState | undefined {
  if (!walk.enter(address, path)) return undefined;
  const order = walk.isAligned(address) ? walk.map.blockAt(walk.pfn(address)) : undefined;
  if (walk.map.complete && order === undefined)
    walk.find(
      VFIO_PCI['saved-preserved'],
      path,
      address,
      `The saved state at ${hexText(address)} is not the start of a preserved block.`,
    );
  claimBlock(walk, address, path);
  const size = Math.min(walk.pageSize * 2 ** (order ?? 0), 1 << 20) - Number(address % BigInt(walk.pageSize));
  const { bytes, holes } = walk.image.readSome(address, size);
  const there = holes[0] === undefined ? size : Number(holes[0].address - address);
  if (there < 64) {
    walk.bytes(address, 64, path, 'the saved state');
    return undefined;
  }
  const { config_space } = walk.decodeBytes(PciSavedState, bytes.subarray(0, 64), address, path);
  const caps: SavedCapability[] = [];
  for (let at = 64; ; ) {
    const where = `${path}.caps[${caps.length}]`;
    if (at + CAP_HEADER > there || caps.length >= MAX_CAPS) {
      walk.find(
        VFIO_PCI['saved-state'],
        where,
        address + BigInt(at),
        `There is no end after ${many(caps.length, 'capability', 'capabilities')}.`,
      );
      break;
    }
    const head = walk.decodeBytes(
      PciCapSavedData,
      bytes.subarray(at, at + CAP_HEADER),
      address + BigInt(at),
      where,
    );
    if (head.size === 0) break;
    if (at + CAP_HEADER + head.size > there) {
      walk.find(
        VFIO_PCI['saved-state'],
        where,
        address + BigInt(at),
        `The capability ${hexText(head.cap_nr)} has ${many(head.size, 'byte')}, of which ${there - at - CAP_HEADER} are there.`,
      );
      break;
    }
    if (head.cap_extended > 1 || (head.cap_extended === 0 && head.cap_nr > 0xff))
      walk.find(
        VFIO_PCI['saved-capability'],
        where,
        address + BigInt(at),
        `The capability ${hexText(head.cap_nr)} has cap_extended ${head.cap_extended}.`,
      );
    caps.push({ ...head, data: bytes.slice(at + CAP_HEADER, at + CAP_HEADER + head.size) });
    at += CAP_HEADER + head.size;
  }
  return { config_space, caps };
}
