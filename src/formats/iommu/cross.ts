/** What must hold between the IOMMU's state and the files and PCI devices that are handed over beside it. */
import { isRecord } from '../kho/record.js';
import { hexText, type Walk } from '../kho/walk.js';
import { type FilePart, filesOf, flbsOf } from '../luo/parts.js';
import { isPartial } from './arrays.js';
import { stateOf } from './follow.js';
import { guestMemory } from './guest.js';
import { checkMappings } from './hw/index.js';
import type { FoundDevice, FoundState } from './objects.js';
import { IOMMU_KINDS } from './profiles.js';
import { IOMMU } from './rules.js';

interface VfioPart {
  readonly part: FilePart;
  readonly address: string;
  /** Token of the iommufd in 32 bits; undefined where the layout has none. */
  readonly token: number | undefined;
}

export function checkIommuNeighbours(entries: Readonly<Record<string, unknown>>, walk: Walk): void {
  const states = flbsOf(entries, 'iommu').flatMap(({ value }) => stateOf(value) ?? []);
  if (states.length === 0) return;
  const files = filesOf(entries);
  const vfio = files.flatMap((part): VfioPart[] => {
    const { vfio: value } = part.file;
    if (!isRecord(value) || typeof value.address !== 'string') return [];
    const ser = value.iommufd_ser;
    const token = isRecord(ser) && typeof ser.token === 'number' ? ser.token : undefined;
    return [{ part, address: value.address, token }];
  });
  const guest = guestMemory(entries, walk);
  for (const state of states) {
    for (const [domain, tables] of state.hardware.walks) checkMappings(walk, tables, domain.path, { guest });
    // Where pages are missing, so may be what is looked for.
    if (IOMMU_KINDS.some((kind) => isPartial(state.arrays, kind))) continue;
    const live = state.devices.filter(({ deleted }) => !deleted);
    checkVfioFiles(walk, live, vfio);
    checkOwners(walk, state, live, vfio, files);
    checkPciDevices(walk, live, entries);
    checkPageTables(walk, state, files);
  }
}

/** Only where there is a vfio file at all: others may have been cut out of the dump, or be of a handler that is not known. */
function checkVfioFiles(walk: Walk, live: readonly FoundDevice[], vfio: readonly VfioPart[]): void {
  if (vfio.length === 0) return;
  const addresses = new Set(vfio.map(({ address }) => address));
  for (const { bdf, path, slot } of live)
    if (!addresses.has(bdf))
      walk.find(IOMMU['vfio-missing'], path, slot.address, `No vfio file is of the device ${bdf}.`);
  const devices = new Set(live.map(({ bdf }) => bdf));
  for (const { part, address, token } of vfio)
    if (token !== undefined && token !== 0 && !devices.has(address))
      walk.find(
        IOMMU['iommu-missing'],
        `${part.path}.vfio`,
        undefined,
        `${address} is attached to the iommufd ${hexText(token)}, and no device of the IOMMU is ${address}.`,
      );
}

function checkOwners(
  walk: Walk,
  { profile }: FoundState,
  live: readonly FoundDevice[],
  vfio: readonly VfioPart[],
  files: readonly FilePart[],
): void {
  const fileOf = new Map(vfio.map((part) => [part.address, part]));
  const first = new Map<bigint, { readonly bdf: string; readonly session: number }>();
  for (const { owner, bdf, path, slot } of live) {
    const file = fileOf.get(bdf);
    if (owner === undefined || owner === 0n || file === undefined) continue;
    const { session } = file.part;
    const before = first.get(owner);
    if (before === undefined) first.set(owner, { bdf, session });
    else if (before.session !== session)
      walk.find(
        IOMMU['owner-shared'],
        path,
        slot.address,
        `${bdf} in session ${session} and ${before.bdf} in session ${before.session} have the owner token ${hexText(owner)}.`,
      );
    // F has a token of its own, which is not that of the file.
    if (profile.device.roles.owner !== 'token' || owner < 1n << 32n || file.token === undefined) continue;
    const low = Number(owner & 0xffffffffn);
    // Where the iommufd is there too, comparing the two files tells.
    const told = files.some(
      ({ session: other, token }) => other === session && BigInt.asUintN(32, token) === BigInt(low),
    );
    if (file.token === low && !told)
      walk.find(
        IOMMU['owner-cut'],
        `${file.part.path}.vfio.iommufd_ser.token`,
        undefined,
        `${bdf} belongs to the iommufd ${hexText(owner)}, of which its vfio file has ${hexText(low)}.`,
      );
  }
}

function checkPciDevices(
  walk: Walk,
  live: readonly FoundDevice[],
  entries: Readonly<Record<string, unknown>>,
): void {
  for (const { value } of flbsOf(entries, 'pci')) {
    // The entries of the RFC name no devices.
    if (!isRecord(value) || !Array.isArray(value.devices) || value.rfc_devices !== undefined) continue;
    const listed = new Set(
      value.devices.flatMap((device: unknown) =>
        isRecord(device) && typeof device.address === 'string' ? [device.address] : [],
      ),
    );
    for (const { bdf, path, slot } of live)
      if (!listed.has(bdf))
        walk.find(
          IOMMU['pci-missing'],
          path,
          slot.address,
          `${bdf} is not among the ${listed.size} devices of the PCI core.`,
        );
  }
}

function checkPageTables(walk: Walk, { domains, path }: FoundState, files: readonly FilePart[]): void {
  const live = new Map(domains.map((domain) => [domain.slot.address, domain]));
  for (const { path: where, file } of files) {
    const { iommufd } = file;
    if (!isRecord(iommufd) || !Array.isArray(iommufd.hwpts)) continue;
    for (const [i, hwpt] of iommufd.hwpts.entries()) {
      if (!isRecord(hwpt) || typeof hwpt.domain_data !== 'bigint') continue;
      const address = hwpt.domain_data;
      // What cannot be a domain at all is told where the file is read.
      const offset = address % BigInt(walk.pageSize);
      if (offset < 16n || (walk.map.complete && !walk.map.covers(address, 1))) continue;
      const domain = live.get(address);
      if (domain !== undefined && !domain.deleted) continue;
      walk.find(
        IOMMU['hwpt-domain'],
        `${where}.iommufd.hwpts[${i}].domain_data`,
        undefined,
        domain === undefined
          ? `There is no domain of ${path} at ${hexText(address)}.`
          : `The domain at ${hexText(address)} is deleted.`,
      );
    }
  }
}
