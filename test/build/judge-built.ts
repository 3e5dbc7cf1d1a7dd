/** What the image builder makes of descriptions: each generation of kernels at each page size, and boundaries. */
import { buildHandover, contentsOfBuilt, type HandoverSpec } from '../../src/build/index.js';
import { writeMemory } from '../../src/memory/index.js';
import type { JudgeCase } from './judge-cases.js';

type Combination = Required<Pick<HandoverSpec, 'kho'>> & Pick<HandoverSpec, 'luo' | 'memfd'>;
const COMBINATIONS: readonly Combination[] = [
  { kho: 'v1a' },
  { kho: 'v1b', luo: 'v1-6.19', memfd: 'v1' },
  { kho: 'v1b', luo: 'v1', memfd: 'v1' },
  { kho: 'v2', luo: 'v1', memfd: 'v2' },
  { kho: 'v2-first', luo: 'v1', memfd: 'v2' },
  { kho: 'v3', luo: 'v1', memfd: 'v2' },
  { kho: 'v3', luo: 'v2', memfd: 'v2' },
  { kho: 'v3', luo: 'v3', memfd: 'v2' },
  { kho: 'v4', luo: 'v4', memfd: 'v2' },
  { kho: 'v4', luo: 'v5', memfd: 'v2' },
];
const MACHINES = [
  ['x86_64', 4096],
  ['aarch64', 4096],
  ['aarch64', 16384],
  ['aarch64', 65536],
] as const;

function elfOf(spec: HandoverSpec): Uint8Array {
  return new Uint8Array(Buffer.concat([...writeMemory('elf', contentsOfBuilt(buildHandover(spec)))]));
}
function generationOf({ kho, luo, memfd }: Combination): string {
  return [`kho-${kho}`, ...(luo === undefined ? [] : [`luo-${luo}`, `memfd-${memfd}`])].join(' ');
}

const STATE: HandoverSpec = {
  liveupdate_num: 3,
  memblock: { pstore: { size: 131072, contents: 'oops' }, tracebuf: { size: 65536 } },
  kho_test: { folios: [{}, { order: 1 }, { order: 3 }] },
  preserved: [{ order: 4, count: 3 }],
};
const SESSIONS: HandoverSpec = {
  sessions: [
    {
      name: 'vm-alpha',
      files: [
        {
          token: 0x1001,
          memfd: { contents: [{ text: 'hello' }, { at: 1 << 22, fill: 'offsets', size: 70000 }] },
        },
        {
          token: 0xffffffffffffffffn,
          memfd: { folio_order: 2, contents: [{ fill: 'zeros', size: 2000000 }] },
        },
        { token: 0, memfd: {} },
      ],
    },
    { name: 'empty' },
    { name: 'n'.repeat(63), files: [{ token: 1, memfd: { contents: 'x', pos: 1, seals: 0 } }] },
  ],
};

export function* builtCases(): Generator<JudgeCase> {
  for (const combination of COMBINATIONS)
    for (const [abi, page_size] of MACHINES) {
      const { luo } = combination;
      const generation = generationOf(combination);
      const flbs = luo === undefined || luo === 'v1-6.19' ? {} : { flbs: [{ name: 'an-flb', data: 0xfeed }] };
      const spec: HandoverSpec = {
        ...combination,
        abi,
        page_size,
        ...STATE,
        // What a blob's size is needed for came with the size.
        ...(combination.kho.startsWith('v2') ? { metadata: false as const } : {}),
        ...(luo === undefined ? {} : withoutSeals(combination)),
        ...flbs,
        memory: { seed: 7 },
      };
      yield {
        name: `build/${generation.replaceAll(' ', '+')}/${abi}-${page_size / 1024}K`,
        generation,
        pageSize: page_size,
        elf: () => elfOf(spec),
      };
    }
  yield* boundaries();
}

/** memfd-v1 has no place for them. */
function withoutSeals({ memfd }: Combination): HandoverSpec {
  if (memfd !== 'v1') return SESSIONS;
  return {
    sessions: (SESSIONS.sessions ?? []).map((session) => ({
      ...session,
      files: (session.files ?? []).map(({ token, memfd: { seals: _, ...memfd } = {} }) => ({ token, memfd })),
    })),
  };
}

/** None, one, a page full, and one more: of sessions, files, and folios in the last chunk of the list of pages. */
function* boundaries(): Generator<JudgeCase> {
  const generation = 'kho-v4 luo-v5 memfd-v2';
  const states: Readonly<Record<string, HandoverSpec>> = {
    nothing: {},
    ...Object.fromEntries(
      [0, 1, 51, 52, 102, 103].map((count): [string, HandoverSpec] => [
        `sessions-${count}`,
        { sessions: Array.from({ length: count }, (_, i) => ({ name: `s${i}` })) },
      ]),
    ),
    ...Object.fromEntries(
      [1, 63, 64, 126, 127].map((count): [string, HandoverSpec] => [
        `files-${count}`,
        {
          sessions: [
            { name: 's', files: Array.from({ length: count }, (_, token) => ({ token, memfd: {} })) },
          ],
        },
      ]),
    ),
    ...Object.fromEntries(
      [1, 255, 256, 257, 511 * 256 - 1, 511 * 256, 511 * 256 + 1].map((count): [string, HandoverSpec] => [
        `folios-${count}`,
        {
          sessions: [
            {
              name: 's',
              files: [
                { token: 1, memfd: { size: count * 4096, contents: [{ absent: true, size: count * 4096 }] } },
              ],
            },
          ],
        },
      ]),
    ),
  };
  for (const [name, state] of Object.entries(states))
    yield {
      name: `build/boundaries/${name}`,
      generation,
      pageSize: 4096,
      elf: () => elfOf({ ...state, kho: 'v4', luo: 'v5', memfd: 'v2' }),
    };
}
