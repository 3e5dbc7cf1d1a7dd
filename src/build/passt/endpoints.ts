/** Endpoints as people write them: `192.0.2.1:80`, `[2001:db8::1]:80`. */
import { inany } from '../../formats/text-forms.js';
import { buildError } from '../build-error.js';

export interface Endpoint {
  /** 16 bytes; IPv4 in v4-mapped form. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** @throws `build-value` */
export function endpointOf(text: string, path: string): Endpoint {
  const [, six, four, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text.trim()) ?? [];
  const wanted = 'an endpoint is written 192.0.2.1:80 or [2001:db8::1]:80';
  if (digits === undefined) {
    const isAddress = inany.parse(text.trim()) !== undefined;
    throw buildError(
      'build-value',
      path,
      isAddress
        ? `${JSON.stringify(text)} has no port: ${wanted}`
        : `${JSON.stringify(text)} is none: ${wanted}`,
    );
  }
  const address = inany.parse(six ?? four ?? '');
  if (address === undefined)
    throw buildError(
      'build-value',
      path,
      six?.includes('%') === true
        ? `${JSON.stringify(six)} has a scope, which a stream cannot say`
        : `${JSON.stringify(six ?? four ?? '')} is no address of IPv${six === undefined ? 4 : '4 or IPv6'}`,
    );
  const port = Number(digits);
  if (port > 65535) throw buildError('build-value', path, `there is no port ${digits}`);
  return { address, port };
}

/** The text of an endpoint. */
export function endpointText({ address, port }: Endpoint): string {
  const text = inany.print(address) ?? '';
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}
