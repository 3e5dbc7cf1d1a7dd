/** What the file of an iommufd hands over: its page tables that are marked, each with the token it was given. */
import { array, countedBy, hex, phys, pointer, reserved, struct, u8, u32, u64 } from '../../codec/index.js';

const PACKED = { packed: true } as const;

/** The RFC of autumn 2025: a folio, of which nothing is known. */
export const IommufdSerR1 = struct('iommufd_ser', { folio: pointer() });

/** The series of February 2026 and the RFC before it. */
export const IommufdHwptSerB = struct(
  'iommufd_hwpt_ser',
  { token: hex(u32), domain_data: phys(), reclaimed: u8 },
  PACKED,
);
/** Not packed, unlike its entries: they begin at byte 4 and have 13 bytes each. */
export const IommufdSerB = struct('iommufd_ser', {
  nr_hwpts: u32,
  hwpts: array(IommufdHwptSerB, countedBy('nr_hwpts')),
});

/** From spring 2026 on. */
export const IommufdHwptSer = struct(
  'iommufd_hwpt_ser',
  { domain_data: phys(), token: hex(u64), reclaimed: u8, padding: reserved(array(u8, 7)) },
  PACKED,
);
export const IommufdSer = struct(
  'iommufd_ser',
  { nr_hwpts: u64, hwpts: array(IommufdHwptSer, countedBy('nr_hwpts')) },
  PACKED,
);
