/** References, counts, ids and what objects say of themselves. */
import { isRecord } from '../kho/record.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { isPartial } from './arrays.js';
import type { Found, FoundDevice, FoundDomain, FoundState, FoundUnit } from './objects.js';
import type { IommuProfile } from './profiles.js';
import { IOMMU } from './rules.js';
import { KIND_NAMES } from './slots.js';

export function checkObjects(walk: Walk, state: FoundState): void {
  for (const found of [...state.iommus, ...state.domains, ...state.devices]) checkRestored(walk, found);
  checkUnits(walk, state);
  checkDomains(walk, state);
  checkDevices(walk, state);
  checkIds(walk, state);
}

function checkRestored(walk: Walk, found: Found & { readonly restored: bigint }): void {
  const { kind, incoming, restored, path, slot } = found;
  const [name] = KIND_NAMES[kind];
  const also = incoming ? 'incoming is set and ' : '';
  // What the receiver takes for its own note makes it skip what the note stands for, or follow it.
  if (restored !== 0n && kind === 'domains')
    walk.find(
      IOMMU.restored,
      path,
      slot.address,
      `Of the ${name}, ${also}restored_domain is ${hexText(restored)}, which receivers follow as a pointer of their own.`,
      'panic',
    );
  else if (restored !== 0n)
    walk.find(
      IOMMU.restored,
      path,
      slot.address,
      `Of the ${name}, ${also}restored is ${restored}: receivers do not restore its pages.`,
      'silent loss',
    );
  else if (incoming) walk.find(IOMMU.restored, path, slot.address, `Of the ${name}, incoming is set.`);
}

function checkUnits(walk: Walk, state: FoundState): void {
  const { profile, iommus } = state;
  // Devices that point nowhere, and those of pages that cannot be had, may be behind any unit.
  const lost = BigInt(state.devices.filter(({ deleted, iommu }) => !deleted && iommu === undefined).length);
  const partial = isPartial(state.arrays, 'devices');
  const seen = new Map<string, FoundUnit>();
  for (const unit of iommus) {
    if (unit.deleted) continue;
    const { path, slot, token, type, base, ref_count, devices } = unit;
    const at = slot.address;
    if (!profile.types.includes(type))
      walk.find(
        IOMMU['iommu-type'],
        `${path}.type`,
        at,
        `The IOMMU is of type ${type}; ${profile.name} has ${profile.types.join(' and ')}.`,
      );
    else if (base !== undefined && base !== token)
      walk.find(
        IOMMU['iommu-token'],
        `${path}.token`,
        at,
        `The token is ${hexText(token)}, the driver's phys_addr ${hexText(base)}.`,
      );
    const key = `${token}/${type}`;
    const before = seen.get(key);
    if (before !== undefined)
      walk.find(
        IOMMU['iommu-duplicate'],
        path,
        at,
        `The IOMMU with the token ${hexText(token)} is in slot ${before.index} too.`,
      );
    else seen.set(key, unit);
    const count = BigInt(devices.length);
    if (ref_count === 0n)
      walk.find(IOMMU['ref-zero'], path, at, `The IOMMU in slot ${unit.index} is live and counts 0 devices.`);
    else if (ref_count > count && (partial || ref_count - count <= lost)) continue;
    else if (ref_count < count && profile.zombies)
      walk.find(
        IOMMU.zombie,
        path,
        at,
        `The IOMMU counts ${many(ref_count, 'device')}, and ${count} live slots point at it.`,
      );
    else if (ref_count !== count)
      walk.find(
        IOMMU['ref-count'],
        path,
        at,
        `The IOMMU counts ${many(ref_count, 'device')}; ${count} live slots point at it.`,
      );
  }
}

/** The highest level that any format of the vendor has a table for. */
function maxLevel(domain: FoundDomain): bigint {
  return domain.devices.some(({ iommu }) => iommu?.type === 1) ? 4n : 5n;
}

function checkDomains(walk: Walk, { domains, devices: all, arrays, profile }: FoundState): void {
  const partial =
    isPartial(arrays, 'devices') || all.some(({ deleted, domain }) => !deleted && domain === undefined);
  for (const domain of domains) {
    if (domain.deleted) continue;
    const { path, slot, topTable, topLevel, vasz, signExtend, ref_count, devices } = domain;
    const at = slot.address;
    if (ref_count === 0n)
      walk.find(IOMMU['ref-zero'], path, at, `The domain in slot ${domain.index} is live and counts 0.`);
    else if (ref_count !== 1n)
      walk.find(IOMMU['ref-one'], path, at, `The domain in slot ${domain.index} counts ${ref_count}.`);
    if (devices.length === 0 && !partial)
      walk.find(IOMMU['domain-unused'], path, at, `No device points at the domain in slot ${domain.index}.`);
    // Tables have 4 KiB on all machines with the formats that are known; only the SMMU's may have more.
    if (topTable === 0n || topTable % 4096n !== 0n || topTable >= 1n << 52n)
      walk.find(IOMMU['top-table'], path, at, `The topmost table is at ${hexText(topTable)}.`);
    if (topLevel > maxLevel(domain)) {
      walk.find(
        IOMMU.level,
        path,
        at,
        `The topmost table is of level ${topLevel}; ${maxLevel(domain)} is the highest.`,
      );
      continue;
    }
    if (vasz === undefined) continue;
    if (vasz < 12 || vasz > 64)
      walk.find(IOMMU.vasz, `${path}.vasz`, at, `The address space has ${vasz} bits.`);
    else if (12 + 9 * (Number(topLevel) + 1) < vasz && !behindSmmu(domain, profile))
      walk.find(
        IOMMU.undersized,
        path,
        at,
        `Tables of level ${topLevel} hold ${12 + 9 * (Number(topLevel) + 1)} bits, and vasz is ${vasz}.`,
      );
    else if (signExtend === true && (vasz === 64 || behindSmmu(domain, profile)))
      walk.find(
        IOMMU['sign-extend'],
        `${path}.sign_extend`,
        at,
        vasz === 64
          ? 'The address space has 64 bits, which leaves none to extend.'
          : 'The domain is that of an SMMUv3, whose tables have no upper half.',
      );
  }
}

/** A type that the layout does not have was told, and says nothing. */
function behindSmmu({ devices }: FoundDomain, { types }: IommuProfile): boolean {
  return types.includes(2) && devices.some(({ iommu }) => iommu?.type === 2);
}

function checkDevices(walk: Walk, state: FoundState): void {
  const { devices, profile } = state;
  const seen = new Map<string, FoundDevice>();
  for (const device of devices) {
    if (device.deleted) continue;
    const { path, slot, ref_count, devid, segment, bdf, owner } = device;
    const at = slot.address;
    if (ref_count === 0n)
      walk.find(IOMMU['ref-zero'], path, at, `The device in slot ${device.index} is live and counts 0.`);
    else if (ref_count !== 1n)
      walk.find(IOMMU['ref-one'], path, at, `The device in slot ${device.index} counts ${ref_count}.`);
    checkReferences(walk, state, device);
    if (devid > 0xffffn)
      walk.find(IOMMU.devid, `${path}.devid`, at, `The number of the device is ${hexText(devid)}.`);
    const key = `${segment}/${devid}`;
    const before = seen.get(key);
    if (before !== undefined)
      walk.find(IOMMU['device-duplicate'], path, at, `${bdf} is in slot ${before.index} too.`);
    else seen.set(key, device);
    if (owner === 0n) walk.find(IOMMU['owner-zero'], path, at, `The owner of ${bdf} has the token 0.`);
    else if (owner !== undefined && owner >= 0xffff800000000000n)
      walk.find(
        IOMMU['owner-pointer'],
        path,
        at,
        `The owner of ${bdf} has the token ${hexText(owner)}, an address in the kernel's half.`,
      );
    checkPasids(walk, device, profile.driver);
    checkAts(walk, device);
  }
}

function checkReferences(walk: Walk, state: FoundState, device: FoundDevice): void {
  const { path, slot, bdf } = device;
  const targets = [
    ['domain', device.domain, device.domainPhys, state.arrays.chains.domains],
    ['IOMMU', device.iommu, device.iommuPhys, state.arrays.chains.iommus],
  ] as const;
  for (const [what, target, address, chain] of targets) {
    if (target === undefined) {
      // Pages that cannot be had may hold the slot.
      if (isPartial(state.arrays, chain.kind)) continue;
      const page = chain.pages.find(
        (each) => address >= each.address && address < each.address + BigInt(walk.pageSize),
      );
      walk.find(
        IOMMU.dangling,
        path,
        slot.address,
        `The ${what} of ${bdf} is said to be at ${hexText(address)}, ${
          address === 0n
            ? 'which is nowhere'
            : page === undefined
              ? `which is in no page of ${KIND_NAMES[chain.kind][1]}`
              : 'where no slot begins that is in use'
        }.`,
      );
    } else if (target.deleted)
      walk.find(
        state.profile.zombies ? IOMMU.zombie : IOMMU['deleted-reference'],
        path,
        slot.address,
        `${bdf} belongs to the ${what} in slot ${target.index}, which is deleted.`,
      );
  }
}

function checkPasids(walk: Walk, { path, slot, pasidTable, maxPasid, bdf }: FoundDevice, has: boolean): void {
  if (!has || pasidTable === undefined || maxPasid === undefined) return;
  if ((pasidTable === 0n) !== (maxPasid === 0n) || pasidTable % 4096n !== 0n || pasidTable >= 1n << 52n)
    walk.find(
      IOMMU['pasid-table'],
      path,
      slot.address,
      `The PASID directory of ${bdf} is at ${hexText(pasidTable)}, for ${maxPasid} PASIDs.`,
    );
  else if (
    maxPasid !== 0n &&
    (maxPasid < 1n << 15n || maxPasid > 1n << 20n || (maxPasid & (maxPasid - 1n)) !== 0n)
  )
    walk.find(
      IOMMU['max-pasid'],
      path,
      slot.address,
      `The directory of ${bdf} is said to cover ${maxPasid} PASIDs; powers of two from 32768 to 1048576 are.`,
    );
}

/** F2 keeps whether the device can do ATS, and whether it does. */
function checkAts(walk: Walk, { path, slot, bdf, ser }: FoundDevice): void {
  const { intel } = ser;
  if (!isRecord(intel) || typeof intel.ats_enabled !== 'number' || typeof intel.ats_supported !== 'number')
    return;
  const { ats_enabled: enabled, ats_supported: supported } = intel;
  for (const [name, value] of Object.entries({ ats_enabled: enabled, ats_supported: supported }))
    if (value > 1)
      walk.find(
        IOMMU.ats,
        path,
        slot.address,
        `${name} of ${bdf} is ${value}; 0 and 1 are all that it can be.`,
      );
  if (enabled === 1 && supported === 0)
    walk.find(IOMMU.ats, path, slot.address, `ATS of ${bdf} is enabled, and said not to be supported.`);
}

/** Domain ids are given out by each IOMMU: one to one with the domains behind it. */
function checkIds(walk: Walk, { devices, profile }: FoundState): void {
  const idOf = new Map<FoundUnit, Map<FoundDomain, FoundDevice>>();
  const holder = new Map<FoundUnit, Map<bigint, FoundDevice>>();
  for (const device of devices) {
    const { iommu, domain, id, path, slot, bdf } = device;
    if (device.deleted || iommu === undefined || iommu.type === 2) continue;
    if (id < 2n)
      walk.find(
        IOMMU['id-reserved'],
        path,
        slot.address,
        `${bdf} has the domain id ${id}, which is reserved.`,
      );
    else if (id > 0xffffn)
      walk.find(
        IOMMU['id-range'],
        path,
        slot.address,
        `${bdf} has the domain id ${hexText(id)}${profile.walk === 'totals' && id >= 0x80000000n ? `, as an int ${BigInt.asIntN(32, id)}` : ''}.`,
      );
    // An id that cannot be says nothing of those of other devices.
    if (domain === undefined || id < 2n || id > 0xffffn) continue;
    const ids = idOf.get(iommu) ?? new Map<FoundDomain, FoundDevice>();
    idOf.set(iommu, ids);
    const holders = holder.get(iommu) ?? new Map<bigint, FoundDevice>();
    holder.set(iommu, holders);
    const same = ids.get(domain);
    if (same === undefined) ids.set(domain, device);
    else if (same.id !== id) {
      walk.find(
        IOMMU['id-differs'],
        path,
        slot.address,
        `${bdf} has the domain id ${id}, and ${same.bdf} of the same domain and IOMMU has ${same.id}.`,
      );
      continue;
    }
    const other = holders.get(id);
    if (other === undefined) holders.set(id, device);
    else if (other.domain !== domain)
      walk.find(
        IOMMU['id-shared'],
        path,
        slot.address,
        `${bdf} has the domain id ${id}, and so has ${other.bdf} of another domain of the same IOMMU.`,
      );
  }
}
