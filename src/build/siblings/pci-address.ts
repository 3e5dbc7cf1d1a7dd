/** Addresses of PCI functions as specs have them. */
import { buildError } from '../build-error.js';

export interface PciFunction {
  readonly domain: number;
  /** `bus << 8 | devfn`. */
  readonly bdf: number;
}

const ADDRESS = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([01]?[0-9a-f])\.([0-7])$/i;

/**
 * Reads `0001:3a:01.0`, or `3a:01.0` in domain 0. `bits` are those that the layout has for the domain.
 *
 * @throws `build-value`
 */
export function pciFunctionOf(text: string, path: string, bits: 0 | 16 | 32 = 32): PciFunction {
  const [, segment = '0', bus, device, nr] = ADDRESS.exec(text) ?? [];
  if (bus === undefined || device === undefined || nr === undefined)
    throw buildError('build-value', path, `${JSON.stringify(text)} is no address such as 0000:3a:01.0`);
  const domain = Number.parseInt(segment, 16);
  if (domain >= 2 ** bits)
    throw buildError(
      'build-value',
      path,
      bits === 0
        ? `the layout has no place for a domain, and the device is in ${segment}`
        : `the layout has ${bits} bits for the domain, and ${segment} has more`,
    );
  return {
    domain,
    bdf: (Number.parseInt(bus, 16) << 8) | (Number.parseInt(device, 16) << 3) | Number(nr),
  };
}
