/** What the PCI core hands over, in the layouts of other postings. */
import { isRecord } from '../../../formats/kho/record.js';
import { PCI_PROFILES, PciDevSerRfcNamed, type PciProfile } from '../../../formats/pci/index.js';
import type { Conversion, Layouts } from '../../handover/extension.js';
import type { SessionSpec } from '../../handover/spec.js';
import { PCI_BUILDS, type PciDeviceSpec, type PciRfcDeviceSpec, type PciSpec } from '../pci.js';
import { pciFunctionOf } from '../pci-address.js';

const USUAL = 'accepted-v2';

export const pciLayouts: Layouts = {
  format: 'pci',
  names: PCI_BUILDS,
  // The spec of an FLB says that its key has the type.
  of: (value) => (value as PciSpec).layout ?? USUAL,
  convert: (value, name, conversion) => {
    const spec = value as PciSpec;
    const from = profileOf(spec.layout ?? USUAL);
    const to = profileOf(name);
    const layout = PCI_BUILDS.find((each) => each === name);
    if (from === undefined || to === undefined || layout === undefined) return value;
    if (to.list === 'open') return { layout, ...rfcOf(spec, from, to, conversion) } satisfies PciSpec;
    return { layout, ...devicesOf(spec, from, to, conversion) } satisfies PciSpec;
  },
};

function profileOf(name: string): PciProfile | undefined {
  return PCI_PROFILES.find((profile) => profile.name === name);
}

/** What is built where no devices are said. */
function addressesOf(sessions: readonly SessionSpec[]): readonly string[] {
  const all = sessions.flatMap(({ files = [] }) =>
    files.flatMap(({ vfio }) => (isRecord(vfio) && typeof vfio.address === 'string' ? [vfio.address] : [])),
  );
  return [...new Set(all)];
}

function counts({ refcount }: PciProfile): boolean {
  return refcount === 'used' || refcount === 'below';
}

function devicesOf(
  spec: PciSpec,
  from: PciProfile,
  to: PciProfile,
  { sessions, lost, supplied }: Conversion,
): Omit<PciSpec, 'layout'> {
  const { max_nr_devices, rfc_devices = [] } = spec;
  for (const [i, { path }] of rfc_devices.entries())
    lost(
      `rfc_devices[${i}]: it names no device that the layout ${to.name} could have; its path was 0x${path.toString(16)}`,
    );
  const given = spec.devices ?? addressesOf(sessions);
  if (from.list === 'open' && given.length > 0)
    supplied(`devices: the layout ${from.name} names none; they are those of the VFIO files`);
  const devices: (string | PciDeviceSpec)[] = [];
  for (const [i, device] of given.entries()) {
    const { address, refcount }: PciDeviceSpec = typeof device === 'string' ? { address: device } : device;
    if (to.entry === 4 && pciFunctionOf(address, `devices[${i}]`).domain > 0xffff) {
      lost(
        `devices[${i}]: the layout ${to.name} has 16 bits for the domain of ${address}, so that it is gone`,
      );
      continue;
    }
    const kept = from === to || from.list === 'open' ? refcount : countFor(i, refcount, from, to, lost);
    devices.push(kept === undefined ? address : { address, refcount: kept });
  }
  if (from.list !== 'open' && !counts(from) && counts(to) && devices.length > 0)
    supplied(`devices[*].refcount: the layout ${from.name} does not count; each is 1`);
  if (from.refcount === 'used' && to.refcount === 'below' && devices.length > 0)
    supplied(
      `devices[*].refcount: the layout ${from.name} does not count the devices below others; each is 1`,
    );
  if (max_nr_devices !== undefined && to.max === 0)
    lost(`max_nr_devices: the layout ${to.name} has no place for it; it was ${max_nr_devices}`);
  return {
    devices,
    ...(max_nr_devices === undefined || to.max === 0 ? {} : { max_nr_devices }),
  };
}

/** The refcount of a device where it is not the usual one. */
function countFor(
  index: number,
  refcount: number | undefined,
  from: PciProfile,
  to: PciProfile,
  lost: Conversion['lost'],
): number | undefined {
  if (from.refcount === to.refcount) return refcount;
  const count = refcount ?? (counts(from) ? 1 : 0);
  if (count === 0) return undefined;
  if (!counts(to)) lost(`devices[${index}].refcount: the layout ${to.name} has none; it was ${count}`);
  else if (to.refcount === 'used' && count > 1)
    lost(`devices[${index}].refcount: in the layout ${to.name} it is 1 for each device; it was ${count}`);
  return undefined;
}

function rfcOf(
  { devices, max_nr_devices, rfc_devices = [] }: PciSpec,
  from: PciProfile,
  to: PciProfile,
  { sessions, lost }: Conversion,
): Omit<PciSpec, 'layout'> {
  if (from.list !== 'open') {
    const all = devices ?? addressesOf(sessions);
    for (const [i, device] of all.entries())
      lost(
        `devices[${i}]: entries of the layout ${to.name} name no devices; it was ${typeof device === 'string' ? device : device.address}`,
      );
    if (max_nr_devices !== undefined)
      lost(`max_nr_devices: the layout ${to.name} has no place for it; it was ${max_nr_devices}`);
    return { rfc_devices: [] };
  }
  if (to.dev === PciDevSerRfcNamed) return { rfc_devices };
  const kept: PciRfcDeviceSpec[] = [];
  for (const [i, { driver_name = '', ...device }] of rfc_devices.entries()) {
    const isEmpty = device.path === 0 && (device.flags ?? 0) === 0 && BigInt(device.driver_data ?? 0n) === 0n;
    if (isEmpty)
      lost(`rfc_devices[${i}]: without its name ${JSON.stringify(driver_name)} it would end the list`);
    else {
      if (driver_name !== '')
        lost(
          `rfc_devices[${i}].driver_name: the layout ${to.name} has no names; it was ${JSON.stringify(driver_name)}`,
        );
      kept.push(device);
    }
  }
  return { rfc_devices: kept };
}
