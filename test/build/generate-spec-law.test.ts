/** Whatever can be asked for is built so that the decoder says what was asked for: specs by choices, not by luck. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  buildHandover,
  contentsOfBuilt,
  type FileSpec,
  type FlbSpec,
  type FolioSpec,
  type HandoverSpec,
  type MemfdSpec,
  type PieceSpec,
  type SessionSpec,
  specOf,
} from '../../src/build/index.js';
import type { KexecMetadata } from '../../src/formats/kexec-metadata/index.js';
import { fileContents, type Handover, openHandover } from '../../src/formats/kho/index.js';
import type { LuoValue } from '../../src/formats/luo/index.js';
import type { ReserveMem } from '../../src/formats/memblock/index.js';
import type { MemfdValue } from '../../src/formats/memfd/index.js';
import { bytesSource, type Image, openImage, writeMemory } from '../../src/memory/index.js';
import { runs, SEED } from '../laws/seed.js';

const U64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.';
const nameOf = (longest: number) =>
  fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 1, maxLength: longest });

const MACHINES = [
  { abi: 'x86_64', page_size: 4096 },
  { abi: 'aarch64', page_size: 4096 },
  { abi: 'aarch64', page_size: 16384 },
  { abi: 'aarch64', page_size: 65536 },
  { abi: 's390x', page_size: 4096 },
] as const;

/** Releases, and pairs of layouts that no release had. */
const KERNELS = [
  { kernel: '6.16' },
  { kernel: '6.17' },
  { kernel: '6.18' },
  { kernel: '6.19' },
  { kernel: '7.0' },
  { kernel: '7.1' },
  { kernel: '7.2' },
  { kernel: '7.3' },
  { kho: 'v3', luo: 'v2' },
  { kho: 'v4', luo: 'v3' },
  { kho: 'v4', luo: 'v4' },
] as const satisfies readonly HandoverSpec[];
type Kernel = (typeof KERNELS)[number];

const isOld = (kernel: Kernel): boolean =>
  'kernel' in kernel && (kernel.kernel === '6.16' || kernel.kernel === '6.17' || kernel.kernel === '6.18');
const hasFlbs = (kernel: Kernel): boolean => !('kernel' in kernel && kernel.kernel === '6.19');
const hasSeals = (kernel: Kernel): boolean =>
  !('kernel' in kernel && (kernel.kernel === '6.19' || kernel.kernel === '7.0'));
/** 7.1 on; a root of v3 or v4 alone is that of 7.1 or 7.2. */
const hasMetadata = (kernel: Kernel): boolean => !isOld(kernel) && hasSeals(kernel);

/** A piece that holds something, so long. */
const piece = (size: number): fc.Arbitrary<PieceSpec> =>
  fc.oneof(
    fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => ({ bytes })),
    fc
      .uint8Array({ minLength: size, maxLength: size })
      .map((bytes) => ({ hex: Buffer.from(bytes).toString('hex') })),
    fc.constant({ fill: 'zeros', size }),
    fc.constant({ fill: 'offsets', size }),
    fc.uint8Array({ minLength: 1, maxLength: 5 }).map((unit) => ({
      fill: Buffer.from(unit).toString('hex'),
      size,
    })),
    fc
      .string({ unit: fc.constantFrom(...LETTERS), minLength: size, maxLength: size })
      .map((text) => ({ text })),
  );
/** Pieces with holes between them, by what lies between and how long each is. */
const pieces = (unit: number): fc.Arbitrary<readonly PieceSpec[]> =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom(0, 0, 1, 7, unit, 3 * unit + 1),
        fc.constantFrom(1, 5, 100).chain((size) => piece(size)),
      ),
      { maxLength: 3 },
    )
    .map((list) => {
      let at = 0;
      return list.map(([gap, each]) => {
        at += gap;
        const placed = { ...each, at };
        at += sizeOf(each);
        return placed;
      });
    });

function sizeOf(each: PieceSpec): number {
  if (each.size !== undefined) return Number(each.size);
  if ('text' in each) return each.text.length;
  if ('hex' in each) return each.hex.length / 2;
  if ('bytes' in each) return each.bytes.length;
  throw new Error('it has no size');
}
/** What a piece holds, said once more and in another way than the builder does. */
function bytesOfPiece(each: PieceSpec): Buffer {
  const size = sizeOf(each);
  if ('text' in each) return Buffer.from(each.text);
  if ('hex' in each) return Buffer.from(each.hex, 'hex');
  if ('bytes' in each) return Buffer.from(each.bytes);
  if (!('fill' in each)) throw new Error('it holds nothing');
  if (each.fill === 'zeros') return Buffer.alloc(size);
  if (each.fill !== 'offsets') return Buffer.alloc(size, each.fill, 'hex');
  const words = Buffer.alloc(Math.ceil(size / 8) * 8);
  for (let at = 0; at < size; at += 8) words.writeBigUInt64LE(BigInt(at), at);
  return words.subarray(0, size);
}
function expectedBytes(list: readonly PieceSpec[], size: number): Buffer {
  const whole = Buffer.alloc(size);
  for (const each of list) bytesOfPiece(each).copy(whole, Number(each.at ?? 0));
  return whole;
}

const memfd = (pageSize: number, seals: boolean): fc.Arbitrary<MemfdSpec> =>
  fc
    .record({
      contents: pieces(pageSize),
      order: fc.constantFrom(0, 0, 1, 2),
      spare: fc.constantFrom(0, 0, 1, 12345),
      pos: fc.constantFrom(0n, 1n, 2n ** 63n - 1n),
      seals: fc.integer({ min: 0, max: 63 }),
      listed: fc.boolean(),
    })
    .map(({ contents, order, spare, pos, seals: sealed, listed }): MemfdSpec => {
      const last = contents[contents.length - 1];
      const end = last === undefined ? 0 : Number(last.at ?? 0) + sizeOf(last);
      const common = { pos, contents, ...(seals ? { seals: sealed } : {}) };
      if (end === 0) return common;
      const pages = Math.ceil(end / pageSize / 2 ** order);
      const folios: readonly FolioSpec[] = [{ order, count: pages }];
      return { ...common, size: end + spare, ...(listed ? { folios } : { folio_order: order }) };
    });

const files = (pageSize: number, seals: boolean): fc.Arbitrary<readonly FileSpec[]> =>
  fc
    .uniqueArray(fc.oneof(U64, fc.constantFrom(0n, 1n, 2n ** 64n - 1n)), { maxLength: 3 })
    .chain((tokens) =>
      fc.tuple(
        ...tokens.map((token) => memfd(pageSize, seals).map((spec): FileSpec => ({ token, memfd: spec }))),
      ),
    );

const spec: fc.Arbitrary<HandoverSpec> = fc
  .record({ machine: fc.constantFrom(...MACHINES), kernel: fc.constantFrom(...KERNELS) })
  .chain(({ machine, kernel }) => {
    const { page_size } = machine;
    const sessions: fc.Arbitrary<readonly SessionSpec[]> = fc
      .uniqueArray(nameOf(63), { maxLength: 3 })
      .chain((names) =>
        fc.tuple(
          ...names.map((name) => files(page_size, hasSeals(kernel)).map((list) => ({ name, files: list }))),
        ),
      );
    const memblock = fc
      .uniqueArray(
        nameOf(15).map((name) => `m${name}`.slice(0, 15)),
        { maxLength: 4 },
      )
      .chain((names) =>
        fc.tuple(
          ...names.map((name) =>
            fc
              .record({ pages: fc.integer({ min: 1, max: 9 }), contents: pieces(100) })
              .map(({ pages, contents }) => [name, { size: pages * page_size, contents }] as const),
          ),
        ),
      );
    return fc
      .record({
        base: fc.constantFrom(0x1000000, 0x7ff0000, 2 ** 32, 2 ** 40),
        seed: fc.option(fc.nat(1000), { nil: undefined }),
        sessions: isOld(kernel) ? fc.constant<readonly SessionSpec[]>([]) : sessions,
        flbs: fc.uniqueArray(
          fc.record({ name: nameOf(45).map((name) => `x-${name}`), data: U64, share: fc.nat(2 ** 16) }),
          { maxLength: 3, selector: ({ name }) => name },
        ),
        memblock,
        number: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        more: fc.nat(2),
        release: nameOf(64),
        blob: fc.option(fc.uint8Array({ minLength: 1, maxLength: 9000 }), { nil: undefined }),
      })
      .map(
        ({
          base,
          seed,
          sessions: list,
          flbs,
          memblock: regions,
          number,
          more,
          release,
          blob,
        }): HandoverSpec => {
          const count = list.reduce((sum, session) => sum + (session.files?.length ?? 0), 0);
          return {
            ...machine,
            ...kernel,
            memory: { base, ...(seed === undefined ? {} : { seed }) },
            memblock: Object.fromEntries([
              // 31 pages make blocks of five orders, by which the bitmaps of kho-v1 can be told apart.
              ...(isOld(kernel) ? [['telling', { size: 31 * page_size }] as const] : []),
              ...regions,
            ]),
            ...(isOld(kernel) ? {} : { sessions: list, liveupdate_num: number }),
            ...(hasFlbs(kernel) && count > 0
              ? {
                  flbs: flbs.map(
                    ({ name, data, share }): FlbSpec => ({ name, data, count: 1 + (share % count) }),
                  ),
                }
              : {}),
            ...(hasMetadata(kernel)
              ? {
                  metadata: {
                    kexec_count: Math.min(number + more, 2 ** 32 - 1),
                    previous_release: release,
                  },
                }
              : {}),
            // A blob of kho-v1 and v2 does not say how long it is.
            ...(hasMetadata(kernel) && blob !== undefined ? { blobs: { 'x-blob': { contents: blob } } } : {}),
          };
        },
      );
  });

function built(wanted: HandoverSpec): Handover {
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(buildHandover(wanted)))]);
  return openHandover(openImage(bytesSource(new Uint8Array(bytes))));
}
function read(image: Image, address: bigint, size: number): Buffer {
  const bytes = image.read(address, size);
  if (!(bytes instanceof Uint8Array)) throw new Error('it is not there');
  return Buffer.from(bytes);
}
function contentsIn(handover: Handover, session: string, token: bigint): Buffer {
  return Buffer.concat(
    Array.from(fileContents(handover, session, token), (part) => {
      if (part.kind === 'data') return Buffer.from(part.bytes);
      expect(part.kind).toBe('hole');
      return Buffer.alloc(Number(part.length));
    }),
  );
}
const listOf = (contents: unknown): readonly PieceSpec[] => (Array.isArray(contents) ? contents : []);

/** The memory behind the one byte of `a` begins at no multiple of 8, and is too short to reach one. */
const SHORT: HandoverSpec = {
  abi: 'x86_64',
  page_size: 4096,
  memblock: { a: { size: 4096, contents: [{ at: 100, bytes: Uint8Array.of(0) }] } },
  sessions: [],
};

/** Everything of the spec, looked for in what the decoder says. */
function expectMeaning(handover: Handover, wanted: HandoverSpec): void {
  const { entries } = handover.value;
  expect(handover.value.page_size).toBe(wanted.page_size);
  expect(handover.walk.image.machine.name).toBe(wanted.abi);
  if (wanted.sessions !== undefined) {
    // What the decoder of this node gives.
    const luo = entries.LUO as LuoValue;
    expect(luo.liveupdate_num).toBe(BigInt(wanted.liveupdate_num ?? 1));
    expect(luo.sessions.map(({ name }) => name)).toEqual(wanted.sessions.map(({ name }) => name));
    for (const [i, session] of wanted.sessions.entries()) {
      const found = luo.sessions[i]?.files ?? [];
      expect(found.map(({ token }) => token)).toEqual((session.files ?? []).map(({ token }) => token));
      for (const [j, { token, memfd: asked }] of (session.files ?? []).entries()) {
        // What the decoder of memfds gives.
        const value = found[j]?.memfd as MemfdValue;
        const size = Number(asked?.size ?? 0);
        expect(value.size).toBe(BigInt(size));
        expect(value.pos).toBe(asked?.pos);
        expect(value.seals).toBe(asked?.seals);
        expect(
          contentsIn(handover, session.name, BigInt(token)).equals(
            expectedBytes(listOf(asked?.contents), size),
          ),
        ).toBe(true);
      }
    }
    expect(luo.flbs.map(({ name, data, count }) => ({ name, data, count }))).toEqual(
      (wanted.flbs ?? []).map(({ name, data, count }) => ({ name, data, count: BigInt(count ?? 0) })),
    );
  }
  const regions = (entries.memblock ?? {}) as Record<string, ReserveMem>;
  expect(Object.keys(regions).filter((name) => name !== 'compatible')).toEqual(
    Object.keys(wanted.memblock ?? {}),
  );
  for (const [name, { size, contents }] of Object.entries(wanted.memblock ?? {})) {
    const region = regions[name];
    expect(region?.size).toBe(BigInt(size ?? 0));
    const bytes = read(handover.walk.image, region?.start ?? 0n, Number(size));
    expect(bytes.equals(expectedBytes(listOf(contents), Number(size)))).toBe(true);
  }
  if (wanted.metadata !== undefined && wanted.metadata !== false)
    expect(entries['kexec-metadata'] as KexecMetadata).toMatchObject(wanted.metadata);
  for (const name of Object.keys(wanted.blobs ?? {})) {
    const node = handover.root.nodes.find((each) => each.name === name);
    const { contents } = wanted.blobs?.[name] ?? {};
    if (!(contents instanceof Uint8Array)) throw new Error('the blob is bytes');
    expect(node?.size).toBe(BigInt(contents.length));
    expect(read(handover.walk.image, node?.data ?? 0n, contents.length).equals(Buffer.from(contents))).toBe(
      true,
    );
  }
}

it('what is built is sound, and what was asked for', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(spec, (wanted) => {
      const handover = built(wanted);
      expect(
        handover.findings
          .filter(({ severity }) => severity !== 'note')
          .map(({ rule, path, message }) => `${rule} ${path} ${message}`),
      ).toEqual([]);
      expectMeaning(handover, wanted);
    }),
    { seed: SEED, numRuns: runs(150), examples: [[SHORT]] },
  );
});

it('what is read back and built again is read back the same', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(spec, (wanted) => {
      const once = specOf(built(wanted));
      expect(once.omitted).toEqual([]);
      const again = built(once.spec);
      expect(specOf(again).spec).toEqual(once.spec);
      // Addresses and gaps may be others; what it means is what was asked for first.
      expectMeaning(again, wanted);
    }),
    { seed: SEED, numRuns: runs(100) },
  );
});
