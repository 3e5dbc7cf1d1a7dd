// Golden layouts of the structs of passt's January 2025 migration draft.
import { readFile } from 'node:fs/promises';
import { compile, mapTwo } from './toolchain.mjs';

/** Members by struct; bit-fields have no offset and are left out. */
/** @type {Record<string, string[]>} */
const STRUCTS = {
  'union inany_addr': ['a6', 'v4mapped', 'v4mapped.zero', 'v4mapped.one', 'v4mapped.a4', 'words'],
  'struct flowside': ['oaddr', 'eaddr', 'oport', 'eport'],
  'struct flow_common': ['pif', 'side', 'side[1]'],
  'struct tcp_tap_conn': [
    'f',
    'events',
    'flags',
    'seq_dup_ack_approx',
    'wnd_from_tap',
    'wnd_to_tap',
    'seq_to_tap',
    'seq_ack_from_tap',
    'seq_from_tap',
    'seq_ack_to_tap',
    'seq_init_from_tap',
  ],
  'struct tcp_splice_conn': ['f', 's', 'pipe', 'read', 'written', 'events', 'flags'],
  'struct udp_flow': ['f', 'ts', 's'],
  'struct icmp_ping_flow': ['f', 'seq', 'sock', 'ts'],
  'struct flow_free_cluster': ['f', 'n', 'next'],
  'union flow': ['f', 'free', 'tcp', 'tcp_splice', 'ping', 'udp'],
  'union flow_padded': ['f', 'free', 'tcp', 'tcp_splice', 'ping', 'udp', 'padding'],
  'struct flow_sidx': [],
  'struct migrate_fields': ['magic', 'version', 'voidp_size', 'time_t_size', 'flow_size', 'flow_sidx_size'],
  'union migrate_header': ['fields', 'unused'],
};

/** @param {string} hex */
const bytes = (hex) => [...Buffer.from(hex, 'hex')];

const COMMON = {
  state: 5,
  type: 1,
  pif: [1, 2],
  side: [
    {
      oaddr: { a6: bytes('00000000000000000000ffffc0000201') },
      eaddr: { a6: bytes('00000000000000000000ffffc6336409') },
      oport: 0x1234,
      eport: 0xa1b2,
    },
    {
      oaddr: { a6: bytes('20010db8000000000000000000000001') },
      eaddr: { a6: bytes('20010db800000000000000000000beef') },
      oport: 7777,
      eport: 40000,
    },
  ],
};

/** @type {{ name: string, type: string, value: object }[]} */
const VALUES = [
  {
    name: 'tcp_tap_conn',
    type: 'struct tcp_tap_conn',
    value: {
      f: COMMON,
      in_epoll: 1,
      retrans: 5,
      ws_from_tap: 7,
      ws_to_tap: 9,
      tap_mss: 0x2d5b,
      sock: -0x123456,
      events: 0x34,
      timer: 0x5a6b7c,
      flags: 0x12,
      sndbuf: 0xabcdef,
      seq_dup_ack_approx: 0x81,
      wnd_from_tap: 0x0102,
      wnd_to_tap: 0xf3f4,
      seq_to_tap: 0x11223344,
      seq_ack_from_tap: 0x55667788,
      seq_from_tap: 0x99aabbcc,
      seq_ack_to_tap: 0xddeeff01,
      seq_init_from_tap: 0x80000001,
    },
  },
  {
    name: 'tcp_splice_conn',
    type: 'struct tcp_splice_conn',
    value: {
      f: { ...COMMON, type: 2, pif: [3, 1] },
      s: [17, -1],
      pipe: [
        [21, 22],
        [-1, 0x01020304],
      ],
      read: [0x11223344, 0x80000000],
      written: [0xfffefdfc, 5],
      events: 0x0c,
      flags: 0x81,
      in_epoll: 1,
    },
  },
  { name: 'flow_sidx', type: 'struct flow_sidx', value: { sidei: 1, flowi: 0x15a3c } },
  { name: 'flow_sidx_none', type: 'struct flow_sidx', value: { sidei: 0, flowi: 0x1ffff } },
];

/**
 * @param {unknown} value
 * @returns {string}
 */
function initialiser(value) {
  if (typeof value === 'number') return `${value}LL`;
  if (Array.isArray(value)) return `{ ${value.map(initialiser).join(', ')} }`;
  const entries = Object.entries(/** @type {object} */ (value));
  return `{ ${entries.map(([name, item]) => `.${name} = ${initialiser(item)}`).join(', ')} }`;
}

/**
 * @param {readonly { abi: import('./toolchain.mjs').Abi, command: string }[]} jobs
 * @returns {Promise<string>} the text of passt.json
 */
export async function passtGoldens(jobs) {
  let source = await readFile(new URL('passt.c', import.meta.url), 'utf8');
  Object.entries(STRUCTS).forEach(([type, members], i) => {
    const offsets = members.map((member) => `, __builtin_offsetof(${type}, ${member})`);
    source += `const unsigned int layout_${i}[] __attribute__((section(".layouts"))) = { sizeof(${type}), _Alignof(${type})${offsets.join('')} };\n`;
  });
  for (const { name, type, value } of VALUES) {
    source += `const ${type} value_${name} __attribute__((section(".values"))) = ${initialiser(value)};\n`;
  }
  const tasks = jobs.flatMap(({ abi, command }) =>
    (abi.word === 8 ? [8] : [4, 8]).map((time) => ({ abi, command, time })),
  );
  const layouts = await mapTwo(tasks, async ({ abi, command, time }) => {
    const object = await compile(command, source, [`-DTIME_T=${time}`]);
    /** @type {Record<string, object>} */
    const structs = {};
    Object.entries(STRUCTS).forEach(([type, members], i) => {
      const [size, align, ...offsets] = object.u32s(`layout_${i}`);
      structs[type] = { size, align, offsets: Object.fromEntries(members.map((m, j) => [m, offsets[j]])) };
    });
    const header = object.bytes('header');
    if (header.length !== 65536 || header.subarray(28).some((byte) => byte !== 0)) {
      throw new Error(`${abi.name}: the header is not as expected`);
    }
    return {
      abi: abi.name,
      time_t: time,
      structs,
      header: Buffer.from(header.subarray(0, 32)).toString('hex'),
      bytes: Object.fromEntries(
        VALUES.map(({ name }) => [name, Buffer.from(object.bytes(`value_${name}`)).toString('hex')]),
      ),
    };
  });
  // One line for each innermost object or array keeps the file readable.
  const text = JSON.stringify(
    { format: 'carryover-gcc-passt', version: 1, values: VALUES, layouts },
    null,
    2,
  );
  return `${text.replace(/[[{][^[\]{}]*[\]}]/g, (inner) => inner.replace(/\s*\n\s*/g, ' '))}\n`;
}
