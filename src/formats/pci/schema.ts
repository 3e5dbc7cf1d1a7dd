/** What the PCI core hands over (the series "PCI: Base Live Update support" and what became of it). */
import { array, chars, countedBy, hex, phys, struct, u16, u32, u64 } from '../../codec/index.js';

const PACKED = { packed: true } as const;

/** The RFC of 2025: one entry for each device, `path` numbers its place in the tree. Not packed. */
export const PciDevSerRfc = struct('pci_dev_ser', { path: u32, flags: hex(u32), driver_data: hex(u64) });
/** The same with the name of the driver. */
export const PciDevSerRfcNamed = struct('pci_dev_ser', {
  path: u32,
  flags: hex(u32),
  driver_name: chars(63),
  driver_data: hex(u64),
});

/** v1 and v2: an ACPI segment of 16 bits. */
export const PciDevSerV1 = struct('pci_dev_ser', { domain: hex(u16), bdf: hex(u16) }, PACKED);
/** v3 on: VMD's segments begin at 0x10000. `refcount` was padding at first. */
export const PciDevSer = struct('pci_dev_ser', { domain: hex(u32), bdf: hex(u16), refcount: u16 }, PACKED);

export const PciSerV1 = struct(
  'pci_ser',
  { nr_devices: u64, devices: array(PciDevSerV1, countedBy('nr_devices')) },
  PACKED,
);
export const PciSerV2 = struct(
  'pci_ser',
  { max_nr_devices: u64, nr_devices: u64, devices: array(PciDevSerV1, countedBy('nr_devices')) },
  PACKED,
);
export const PciSerV3 = struct(
  'pci_ser',
  { max_nr_devices: u64, nr_devices: u64, devices: array(PciDevSer, countedBy('nr_devices')) },
  PACKED,
);
/** v3 with counts of 32 bits: the devices come first, as in v3. */
export const PciSerV3U32 = struct(
  'pci_ser',
  { max_nr_devices: u32, nr_devices: u32, devices: array(PciDevSer, countedBy('nr_devices')) },
  PACKED,
);
/** v4 and v5: slots, which are free where refcount is 0. */
export const PciSerV4 = struct(
  'pci_ser',
  { max_nr_devices: u32, nr_devices: u32, devices: array(PciDevSer, countedBy('max_nr_devices')) },
  PACKED,
);
/** v7: the devices are in linked blocks. */
export const PciSerV7 = struct('pci_ser', { nr_devices: u32, devices: phys() }, PACKED);
/** As accepted: the version stays where it is, whatever follows. */
export const PciSer = struct('pci_ser', { version: u32, nr_devices: u32, devices: phys() }, PACKED);
