/** One fault for each rule of flattened device trees. */
import { type Assembly, assembled, begin, fieldOf, property, type Token, withField } from './fdt-tokens.js';
import { be32, patched } from './stream.js';

export interface FDTFault {
  readonly rule: string;
  /** All versions if not given. */
  readonly on?: (version: number) => boolean;
  readonly bytes: (version: number) => Uint8Array;
  readonly path: string;
  /** What comes with it, as rule and path, and why. */
  readonly companions?: (version: number) => readonly (readonly [rule: string, path: string])[];
  readonly notAlone?: string;
  /** Whether the bytes do not begin as a device tree. */
  readonly forced?: boolean;
  /** Whether the version is no longer one. */
  readonly versionless?: boolean;
}

/** What begins a root with one property. */
const ROOT = (version: number): Token[] => [begin(version, '/'), property('compatible', 'carryover,fixture')];
const CLOSED: readonly Token[] = ['end-node', 'end'];
const WHOLE = (version: number): Token[] => [...ROOT(version), ...CLOSED];
const from =
  (tokens: (version: number) => readonly Token[], more: Omit<Assembly, 'version' | 'tokens'> = {}) =>
  (version: number): Uint8Array =>
    assembled({ version, tokens: tokens(version), ...more });
const whole = from(WHOLE);
const padded = from(WHOLE, { padding: 16 });
/** With the structure at the end of everything. */
const STRUCTURE_LAST = { order: ['reservations', 'strings', 'structure'] } as const;

const HEADER: readonly FDTFault[] = [
  { rule: 'fdt/truncated', bytes: (version) => padded(version).slice(0, -1), path: '' },
  { rule: 'fdt/magic', bytes: (version) => patched(whole(version), 0, [0xd1]), path: '', forced: true },
  {
    rule: 'fdt/version',
    bytes: (version) => withField(whole(version), 'last_comp_version', 18),
    path: '',
    versionless: true,
  },
  {
    rule: 'fdt/totalsize',
    bytes: (version) => withField(whole(version), 'totalsize', 0x80000000),
    path: '',
    companions: () => [['fdt/truncated', '']],
    notAlone: 'no input is 2 GiB long, so it is cut off as well',
  },
  {
    rule: 'fdt/block',
    bytes: (version) => {
      const bytes = assembled({ version, tokens: [begin(version, '/'), ...CLOSED] });
      return withField(bytes, 'off_dt_strings', bytes.length + 4);
    },
    path: '',
  },
  {
    rule: 'fdt/reservations',
    bytes: from(WHOLE, {
      order: ['structure', 'strings', 'reservations'],
      reservations: [[0x100000n, 0x1000n]],
      terminator: undefined,
    }),
    path: '',
  },
  {
    rule: 'fdt/alignment',
    bytes: from(WHOLE, { off: 2 }),
    path: '',
  },
  {
    rule: 'fdt/overlap',
    bytes: (version) => {
      // The name of the property is its value.
      const tokens: Token[] = [begin(version, '/'), property('reg', 'reg'), ...CLOSED];
      const bytes = assembled({ version, tokens });
      // Behind the token of the root, its name, and what stands before the value.
      return withField(bytes, 'off_dt_strings', fieldOf(bytes, 'off_dt_struct') + 8 + 12);
    },
    path: '',
  },
  {
    rule: 'fdt/reservation-terminator',
    bytes: from(WHOLE, { terminator: [0x100000n, 0n] }),
    path: '',
  },
  {
    rule: 'fdt/old-version',
    on: (version) => version === 1,
    bytes: whole,
    path: '',
  },
  {
    rule: 'fdt/trailing',
    bytes: (version) => Uint8Array.of(...whole(version), 0x78),
    path: 'trailing',
  },
];

const MANY = 1001;
const STRUCTURE: readonly FDTFault[] = [
  {
    rule: 'fdt/end-missing',
    bytes: from((version) => [...ROOT(version), 'end-node'], STRUCTURE_LAST),
    path: 'root',
  },
  {
    rule: 'fdt/token',
    bytes: from((version) => [...ROOT(version), { raw: be32(0xbad) }, ...CLOSED]),
    path: 'root',
  },
  {
    rule: 'fdt/name-unterminated',
    bytes: from(
      (version) => [...ROOT(version), { raw: [...be32(1), 0x6e, 0x6f, 0x64, 0x65] }],
      STRUCTURE_LAST,
    ),
    path: 'root',
  },
  {
    rule: 'fdt/property-cut',
    bytes: from(
      (version) => [...ROOT(version), { raw: [...be32(3), ...be32(4096), ...be32(0)] }],
      STRUCTURE_LAST,
    ),
    path: 'root',
  },
  {
    rule: 'fdt/property-outside',
    bytes: from((version) => [begin(version, '/'), 'end-node', property('late', 'okay'), 'end']),
    path: 'root',
  },
  { rule: 'fdt/unbalanced', bytes: from((version) => [...ROOT(version), 'end']), path: 'root' },
  {
    rule: 'fdt/second-root',
    bytes: from((version) => [...ROOT(version), 'end-node', begin(version, '/second'), ...CLOSED]),
    path: 'root.nodes[0]',
  },
  {
    rule: 'fdt/root-name',
    bytes: from(() => [{ begin: 'root' }, property('compatible', 'carryover,fixture'), ...CLOSED]),
    path: 'root',
  },
  {
    rule: 'fdt/name-offset',
    bytes: from((version) => [
      ...ROOT(version),
      { raw: [...be32(3), ...be32(0), ...be32(0x01000000)] },
      ...CLOSED,
    ]),
    path: 'root.properties[1]',
  },
  {
    rule: 'fdt/string-unterminated',
    bytes: (version) => {
      const bytes = whole(version).slice(0, -1);
      const cut = withField(bytes, 'totalsize', bytes.length);
      return version < 3 ? cut : withField(cut, 'size_dt_strings', fieldOf(cut, 'size_dt_strings') - 1);
    },
    path: 'root',
  },
  { rule: 'fdt/no-root', bytes: from(() => ['end']), path: 'root' },
  {
    rule: 'fdt/limit',
    bytes: from((version) => [begin(version, '/'), property('p'.repeat(256), 'okay'), ...CLOSED]),
    path: 'root',
  },
  {
    rule: 'fdt/many-problems',
    bytes: from((version) => [
      ...ROOT(version),
      ...Array.from({ length: MANY }, () => property('compatible', '')),
      ...CLOSED,
    ]),
    path: '',
    // Of version 1 it is one of the thousand that the version is that.
    companions: (version) =>
      Array.from({ length: version === 1 ? 999 : 1000 }, (_, i) => [
        'fdt/duplicate-property',
        `root.properties[${i + 1}]`,
      ]),
    notAlone: 'it is found behind a thousand other findings',
  },
  {
    rule: 'fdt/name-path',
    on: (version) => version < 16,
    bytes: from((version) => [...ROOT(version), begin(version, '/elsewhere/chosen'), 'end-node', ...CLOSED]),
    path: 'root.nodes[0]',
  },
  {
    rule: 'fdt/property-late',
    bytes: from((version) => [
      begin(version, '/'),
      begin(version, '/chosen'),
      'end-node',
      property('late', 'okay'),
      ...CLOSED,
    ]),
    path: 'root.properties[0]',
  },
  {
    rule: 'fdt/duplicate-property',
    bytes: from((version) => [...ROOT(version), property('compatible', 'other'), ...CLOSED]),
    path: 'root.properties[1]',
  },
  {
    rule: 'fdt/duplicate-node',
    bytes: from((version) => [
      ...ROOT(version),
      begin(version, '/chosen'),
      'end-node',
      begin(version, '/chosen'),
      'end-node',
      ...CLOSED,
    ]),
    path: 'root.nodes[1]',
  },
];

export const FDT_FAULTS: readonly FDTFault[] = [...HEADER, ...STRUCTURE];
