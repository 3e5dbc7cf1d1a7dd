/** Fixtures of small files: eventfds and DMA buffers. */
import { EVENTFD } from '../../../formats/eventfd/index.js';
import { type Boundary, handoverGenerator } from '../../generate/handover-generator.js';
import { randomAround } from '../../generate/random-spec.js';
import type { Generator } from '../../generate/types.js';
import { fileLabel, filePath, session } from './places.js';

const EVENTFDS: readonly Boundary[] = [
  { name: 'zero', covers: 'a counter of 0', spec: () => session([{ eventfd: {} }]) },
  {
    name: 'largest',
    covers: 'the largest counter, 2^64 - 2',
    spec: () => session([{ eventfd: { count: 2n ** 64n - 2n } }]),
  },
  {
    name: 'flags',
    covers: 'each flag, and all of them',
    spec: () => session([1, 0x800, 0x80000, 0x80801].map((flags) => ({ eventfd: { flags } }))),
  },
];

const EVENTFD_PATH = `${filePath(0)}.eventfd`;
export const eventfdGenerator: Generator = handoverGenerator({
  format: 'eventfd',
  generations: [{ name: 'v1', title: 'counter and flags' }],
  rules: Object.values(EVENTFD),
  base: () => ({}),
  boundaries: EVENTFDS,
  random: (_, __, choices) => ({
    ...randomAround(choices, true),
    ...session(
      Array.from({ length: choices.between(1, 4) }, () => ({
        eventfd: { count: choices.word() >> 1n, flags: choices.one([0, 1, 0x800, 0x80801]) },
      })),
    ),
  }),
  faults: [
    {
      rule: 'eventfd/count',
      on: ['v1'],
      spec: () => session([{ eventfd: { count: 2n ** 64n - 1n } }]),
      path: `${EVENTFD_PATH}.count`,
    },
    {
      rule: 'eventfd/flags',
      on: ['v1'],
      spec: () => session([{ eventfd: {} }]),
      path: `${EVENTFD_PATH}.flags`,
      edit: (dump) => dump.u32(dump.region(`${fileLabel(0)}.eventfd`) + 8n, 2),
    },
  ],
  unbroken: {},
});

export const dmabufGenerator: Generator = handoverGenerator({
  format: 'dmabuf',
  generations: [{ name: 'v1', title: 'the device that exported it' }],
  rules: [],
  base: () => ({}),
  boundaries: [
    {
      name: 'first',
      covers: 'the first address',
      spec: () => session([{ dmabuf: { address: '0000:00:00.0' } }]),
    },
    {
      name: 'last',
      covers: 'the last function in the last domain of 32 bits',
      spec: () => session([{ dmabuf: { address: 'ffffffff:ff:1f.7' } }]),
    },
  ],
  random: (_, __, choices) => ({
    ...randomAround(choices, true),
    ...session([
      {
        dmabuf: {
          address: `${choices.one(['0000', '10000'])}:${choices.between(16, 255).toString(16)}:${choices.between(10, 15).toString(16)}.${choices.below(8)}`,
        },
      },
    ]),
  }),
  faults: [],
  unbroken: {},
});
