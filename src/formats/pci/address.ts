/** How people write the address of a PCI function. */

/** `0001:3a:01.0`, of a segment and `bus << 8 | devfn`. */
export function pciAddress(domain: number, bdf: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `${hex(domain, 4)}:${hex((bdf >> 8) & 0xff, 2)}:${hex((bdf >> 3) & 0x1f, 2)}.${bdf & 7}`;
}

/** The first segment that Intel VMD makes up: the 16 bits of ACPI's segments end before. */
export const VMD_DOMAIN = 0x10000;

/**
 * How likely a word is a segment, in points: machines have few, numbered from 0 on, and those that VMD makes up
 * begin at 0x10000.
 */
export function domainPoints(domain: number): number {
  if (domain === 0) return 3;
  if (domain < 0x20) return 2;
  if (domain < 0x400) return 1;
  if (domain >= VMD_DOMAIN && domain < VMD_DOMAIN + 0x20) return 1;
  return domain < VMD_DOMAIN ? -1 : domain < VMD_DOMAIN + 0x400 ? -1 : -6;
}

/** How likely a word is the address of a device that somebody preserves: 00:00 is the host bridge. */
export function bdfPoints(bdf: number): number {
  return bdf < 8 ? -1 : 1;
}
