/** What a stream of passt means when two are compared: its flows are told apart by their endpoints. */
import type { Meaning } from '../meaning.js';
import { inany } from '../text-forms.js';

const ENDPOINTS = [0, 1].flatMap((side) => [
  `pif.${side}`,
  ...['oaddr', 'eaddr', 'oport', 'eport'].map((name) => `side.${side}.${name}`),
]);

export const PASST_MEANING: Meaning = {
  fields: {
    header: {
      fields: {
        version: { is: 'generation' },
        compat_version: { is: 'generation' },
        // The drafts tell the machine, and the sizes of what it was to send.
        endian: { is: 'machine' },
        voidp_size: { is: 'machine' },
        time_t_size: { is: 'machine' },
        flow_size: { is: 'machine' },
        flow_sidx_size: { is: 'machine' },
      },
    },
    flow_count: { is: 'derived' },
    flows: { key: ENDPOINTS, keyText: flowText },
  },
};

/** `10.0.2.15:40000 > 192.0.2.1:80`: who began, what they spoke to, and who that is where it is somebody else. */
function flowText(flow: unknown): string {
  const sides: unknown = isObject(flow) ? flow.side : undefined;
  const [first, second]: readonly unknown[] = Array.isArray(sides) ? sides : [];
  const path = [
    endpoint(first, 'eaddr', 'eport'),
    endpoint(first, 'oaddr', 'oport'),
    endpoint(second, 'eaddr', 'eport'),
  ];
  return path.filter((each, i) => each !== path[i - 1]).join(' > ');
}

function endpoint(side: unknown, address: string, port: string): string {
  const bytes: unknown = isObject(side) ? side[address] : undefined;
  const text = (bytes instanceof Uint8Array ? inany.print(bytes) : undefined) ?? '?';
  const number: unknown = isObject(side) ? side[port] : undefined;
  return `${text.includes(':') ? `[${text}]` : text}:${typeof number === 'number' ? number : '?'}`;
}
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
