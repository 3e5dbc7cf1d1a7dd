/** Why a handover cannot be opened at all, by stable code. */
export const KHO_CODES = {
  'kho-no-root': {
    title: 'There is no handover in this memory',
    text: 'No page begins with a device tree whose root is compatible with "kho-v…", or the address that was given has none. A kernel boots cold then. Before Linux 6.19 the root exists only after finalize; a dump that was filtered or cut down may have lost its page.',
  },
  'kho-generation': {
    title: 'There is no such generation',
    text: 'The generations of KHO are v1a, v1b, v2, v3 and v4.',
  },
  'kho-receiver': {
    title: 'There is no such receiver',
    text: 'Receivers are the releases of Linux that have KHO: 6.16 to 7.3.',
  },
  'kho-page-size': {
    title: 'Pages do not have this size',
    text: 'KHO exists on x86_64 and arm64, whose pages have 4096, 16384 or 65536 bytes.',
  },
  'kho-no-file': {
    title: 'There is no such file, or nothing is known of its content',
    text: 'The session or the file is not in the handover, or no decoder of its handler gives its content.',
  },
} as const satisfies Record<string, { title: string; text: string }>;
export type KhoCode = keyof typeof KHO_CODES;
