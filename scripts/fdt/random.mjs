/** Random trees and mutants, the same ones for the same seed. */
export function randomSource(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)] };
}

const WORDS = [
  'reg',
  'size',
  'blob-size',
  'status',
  'compatible',
  'ible',
  'data',
  'preserved-data',
  'fdt',
  'x',
  'name-x',
  '#cells',
];

/** `{ reservations: [[address, size]], root: { name, properties: [[name, hex]], children } }` */
export function randomTree(random) {
  const hexOf = (length) =>
    Array.from({ length }, () => random.below(256).toString(16).padStart(2, '0')).join('');
  const randomValue = () =>
    random.pick([
      () => '',
      () => hexOf(4 * random.below(5)),
      () => hexOf(random.below(20)),
      () => Buffer.from(`${random.pick(WORDS)}\0`).toString('hex'),
      () => Buffer.from(`text ${random.below(100)}\0second\0`).toString('hex'),
    ])();
  const nodeOf = (name, depth) => {
    const names = new Set();
    for (let n = random.below(5); n > 0; n--)
      names.add(random.pick(WORDS) + (random.below(3) === 0 ? random.below(9) : ''));
    const children = new Map();
    if (depth < 4)
      for (let n = random.below(4); n > 0; n--) {
        const child = random.pick([
          'cpu@0',
          'cpu@1',
          'memory',
          'LUO',
          'soc',
          'very-long-node-name-of-some-length@12345678',
        ]);
        if (!children.has(child)) children.set(child, nodeOf(child, depth + 1));
      }
    return {
      name,
      properties: [...names].map((key) => [key, randomValue()]),
      children: [...children.values()],
    };
  };
  return {
    reservations: Array.from({ length: random.below(3) }, () => [
      String(BigInt(`0x${hexOf(8)}`)),
      String(BigInt(`0x${hexOf(7)}`) + 1n),
    ]),
    root: nodeOf('', 0),
  };
}

/** Edits `[[at, value], ...]` and a length to cut to: mostly of the header and of words, sometimes of any byte. */
export function randomMutant(random, bytes) {
  const edits = [];
  const set = (at, value) => at < bytes.length && edits.push([at, value & 255]);
  for (let n = 1 + random.below(3); n > 0; n--)
    random.pick([
      () => set(random.below(40), random.below(256)),
      () => set(4 * random.below(10) + 3, random.pick([0, 1, 2, 3, 16, 17, 18, 28, 36, 40, 255])),
      () => set(random.below(bytes.length), random.below(256)),
      () => {
        const at = 4 * random.below(Math.floor(bytes.length / 4));
        const token = random.pick([1, 2, 3, 4, 9, 0, 5]);
        for (let i = 0; i < 4; i++) set(at + i, i === 3 ? token : 0);
      },
      () => {
        const at = 4 * random.below(Math.floor(bytes.length / 4));
        const value = random.below(bytes.length);
        for (let i = 0; i < 4; i++) set(at + i, value >>> (24 - 8 * i));
      },
    ])();
  return [edits, random.below(8) === 0 ? random.below(bytes.length) : bytes.length];
}
