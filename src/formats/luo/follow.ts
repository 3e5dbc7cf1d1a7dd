/** From the entry of the LUO to its sessions, their files, and what is bound to the life of files. */
import type { ValueOf } from '../../codec/index.js';
import { FDT_MAGIC, type FDTNode, nativeOf, parseFDT, property, stringOf } from '../fdt/index.js';
import { entriesUsed, hasBits } from '../kho/bits.js';
import { type Chain, type Entry, followBlocks } from '../kho/blocks.js';
import type { Blob, Registry, SubtreeDecoder } from '../kho/extension.js';
import { baseVersion } from '../kho/generations.js';
import { KHO } from '../kho/rules.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { flbDecoderFor, handlerFor } from './handler.js';
import { luoMeaning } from './meaning.js';
import { nameProblems } from './read.js';
import { LUO } from './rules.js';
import {
  LUO_GENERATIONS,
  LuoFileSer,
  LuoFlbHeaderSer,
  LuoFlbSer,
  type LuoGeneration,
  LuoSer,
  LuoSerComposite,
  LuoSerV2,
  LuoSessionHeaderSer,
  LuoSessionSer,
  LuoSessionSerV1,
  SIZES,
} from './schema.js';
import { recogniseSystemd } from './systemd.js';
import type { LuoFile, LuoFlb, LuoSession, LuoValue } from './value.js';

interface Entries {
  readonly compatible: string;
  readonly generation: LuoGeneration;
  readonly number: bigint | undefined;
  readonly sessions: bigint | undefined;
  readonly flbs: bigint | undefined;
  readonly sessionSize: 80 | 64;
  readonly flbNode?: boolean;
}

export const luoSubtree: SubtreeDecoder = Object.freeze({
  name: 'LUO',
  decode: decodeLuo,
  meaning: luoMeaning,
});

export function decodeLuo(blob: Blob, walk: Walk, registry: Registry): LuoValue | undefined {
  const { bytes } = blob;
  const isTree = bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === FDT_MAGIC;
  const entries = isTree ? entriesOfTree(blob, walk) : entriesOfStruct(blob, walk);
  if (entries === undefined) return undefined;
  checkGeneration(entries, blob, walk);
  const { path } = blob;
  if (entries.number === 0n)
    walk.find(LUO['number-zero'], `${path}.liveupdate_num`, blob.address, 'The number of live updates is 0.');
  const before = brokenLists(walk);
  const sessions = readSessions(entries, walk, registry, `${path}.sessions`, blob.address);
  // Files can only be counted where all lists are there.
  const isWhole = entries.sessions !== 0n && brokenLists(walk) === before;
  const files = sessions.list.reduce((sum, session) => sum + session.files.length, 0);
  const flbs =
    entries.flbs === undefined || entries.flbs === 0n
      ? { list: [], complete: entries.flbs !== undefined || entries.flbNode === false }
      : readFlbs(entries.flbs, walk, registry, `${path}.flbs`, sessions.list, isWhole ? files : undefined);
  return {
    compatible: entries.compatible,
    liveupdate_num: entries.number,
    sessions: sessions.list,
    ...(sessions.complete ? {} : { sessions_incomplete: true }),
    flbs: flbs.list,
    ...(flbs.complete ? {} : { flbs_incomplete: true }),
    ...(entries.flbNode === undefined ? {} : { flb_node: entries.flbNode }),
  };
}

/** A list, and whether it is all there is. */
interface Read<T> {
  readonly list: readonly T[];
  readonly complete: boolean;
}

/** Rules whose breach makes the number of files uncertain. */
const OF_LISTS = [
  KHO['memory-absent'],
  KHO['block-count'],
  KHO['block-cycle'],
  KHO['block-many'],
  KHO['block-not-full'],
  KHO.shared,
  LUO['session-count'],
  LUO['file-set'],
  LUO['file-count'],
  LUO['file-sum'],
];
function brokenLists(walk: Walk): number {
  return OF_LISTS.reduce((sum, rule) => sum + walk.findings.count(rule), 0);
}

function generationOf(compatible: string): LuoGeneration | undefined {
  const base = baseVersion(compatible);
  return LUO_GENERATIONS.find((generation) => generation.compatible === base);
}

function entriesOfStruct(blob: Blob, walk: Walk): Entries | undefined {
  const { bytes, path, address } = blob;
  if (bytes.length < SIZES.luo) {
    if (blob.complete)
      walk.find(
        LUO.size,
        path,
        address,
        `The blob has ${many(bytes.length, 'byte')}; a luo_ser has ${SIZES.luo}.`,
      );
    return undefined;
  }
  // A composite string is longer than the 8 bytes of a luo_ser, whose last one is a NUL.
  const composite = bytes[7] !== 0 && bytes.length >= SIZES.composite && bytes[15] === 0;
  const size = composite ? SIZES.composite : SIZES.luo;
  const ser = walk.decodeBytes(composite ? LuoSerComposite : LuoSer, bytes.subarray(0, size), address, path);
  if (blob.size !== undefined && blob.size !== size)
    walk.find(
      LUO['size-other'],
      path,
      address,
      `The blob has ${many(blob.size, 'byte')} instead of ${size}.`,
    );
  const generation = generationOf(ser.compatible);
  if (!ser.compatible.startsWith('luo-v') && !walk.map.complete) {
    // The map is gone too: this is the kernel that has taken the handover over.
    walk.find(LUO.freed, path, address, 'The blob does not begin with "luo-v".');
    return undefined;
  }
  if (ser.compatible.includes(';'))
    walk.find(LUO.composite, `${path}.compatible`, address, `The LUO is ${JSON.stringify(ser.compatible)}.`);
  else if (generation === undefined)
    walk.find(
      LUO.compatible,
      `${path}.compatible`,
      address,
      `The LUO is ${JSON.stringify(ser.compatible)}; known are luo-v1 to luo-v5.`,
    );
  // What does not begin like a version at all is not the struct: freed memory that somebody else uses by now.
  if (!ser.compatible.startsWith('luo-v')) return undefined;
  // A version that is not known is read as the last one that is.
  const last = generation?.blob === 'struct' ? generation : LUO_GENERATIONS[LUO_GENERATIONS.length - 1];
  if (last === undefined) return undefined;
  if (ser.flbs_pa === 0n)
    walk.find(LUO['flb-none'], `${path}.flbs`, address + BigInt(size - 8), 'flbs_pa is 0.');
  return {
    compatible: ser.compatible,
    generation: last,
    number: ser.liveupdate_num,
    sessions: ser.sessions_pa,
    flbs: ser.flbs_pa,
    sessionSize: 80,
  };
}

function entriesOfTree(blob: Blob, walk: Walk): Entries | undefined {
  const { path, address } = blob;
  const fdt = parseFDT(blob.bytes, { lenient: true });
  const endian = walk.abi.endian;
  const word = (node: FDTNode | undefined, name: string, where: string): bigint | undefined => {
    const found = node && property(node, name);
    const value = found?.value.length === 8 ? nativeOf(found, endian) : undefined;
    if (value === undefined)
      walk.find(
        LUO.property,
        path,
        address,
        found === undefined
          ? `${where} has no ${name}.`
          : `${name} has ${found.value.length} bytes instead of 8.`,
      );
    return value;
  };
  const text = property(fdt.root, 'compatible');
  const compatible = (text && stringOf(text)) ?? '';
  const generation = generationOf(compatible);
  if (generation === undefined || generation.blob === 'struct')
    walk.find(
      LUO.compatible,
      `${path}.compatible`,
      address,
      `The LUO is a device tree of ${JSON.stringify(compatible)}; known are luo-v1 and luo-v2.`,
    );
  const hasHeader = property(fdt.root, 'luo-abi-header') !== undefined;
  if (generation?.name === 'v2' || (generation === undefined && hasHeader)) {
    const header = word(fdt.root, 'luo-abi-header', 'The device tree');
    const v2 = LUO_GENERATIONS[1];
    if (header === undefined || v2 === undefined) return undefined;
    const ser = walk.decode(LuoSerV2, header, SIZES.luoV2, path, 'the luo_ser');
    if (ser === undefined) return undefined;
    checkPreserved(walk, header, SIZES.luoV2, path, 'the luo_ser');
    if (ser.flbs_pa === 0n) walk.find(LUO['flb-none'], `${path}.flbs`, header + 16n, 'flbs_pa is 0.');
    return {
      compatible,
      generation: v2,
      number: ser.liveupdate_num,
      sessions: ser.sessions_pa,
      flbs: ser.flbs_pa,
      sessionSize: 80,
    };
  }
  const [v1] = LUO_GENERATIONS;
  if (v1 === undefined) return undefined;
  const session = fdt.root.children.find(({ name }) => name === 'luo-session');
  const flb = fdt.root.children.find(({ name }) => name === 'luo-flb');
  const sessionText = session && property(session, 'compatible');
  const sessionCompatible = sessionText && stringOf(sessionText);
  if (
    session !== undefined &&
    sessionCompatible !== 'luo-session-v1' &&
    sessionCompatible !== 'luo-session-v2'
  )
    walk.find(
      LUO.compatible,
      `${path}.sessions`,
      address,
      `The sessions are ${JSON.stringify(sessionCompatible ?? '')}; known are luo-session-v1 and v2.`,
    );
  const number = word(fdt.root, 'liveupdate-number', 'The device tree');
  const sessions = word(session, 'luo-session-header', 'The node luo-session');
  let flbs: bigint | undefined;
  if (flb === undefined)
    walk.find(
      LUO['flb-node'],
      `${path}.flbs`,
      address,
      'There is no node luo-flb, as in 6.19. Linux 7.0 and 7.1 panic without it.',
    );
  else {
    const flbText = property(flb, 'compatible');
    const flbCompatible = flbText && stringOf(flbText);
    if (flbCompatible !== 'luo-flb-v1')
      walk.find(
        LUO.compatible,
        `${path}.flbs`,
        address,
        `The FLBs are ${JSON.stringify(flbCompatible ?? '')}; known is luo-flb-v1.`,
      );
    flbs = word(flb, 'luo-flb-header', 'The node luo-flb');
  }
  return {
    compatible,
    generation: v1,
    number,
    sessions,
    flbs,
    sessionSize: sessionCompatible === 'luo-session-v1' ? 64 : 80,
    flbNode: flb !== undefined,
  };
}

/**
 * Which roots were written beside each version. luo-v1 began in 6.19 and lasted through kho-v3 of 7.1; linked
 * blocks came with kho-v4, and luo-v4 was the first to use them. luo-v2 and v3 were single commits of the series
 * that made kho-v4, and in no release: whether the root's string was changed before or after them is not known,
 * so they are taken beside both.
 */
const ROOTS: Readonly<Record<LuoGeneration['name'], readonly string[]>> = Object.freeze({
  v1: ['v1b', 'v2', 'v3'],
  v2: ['v3', 'v4'],
  v3: ['v3', 'v4'],
  v4: ['v4'],
  v5: ['v4'],
});

/** Pairs of root and LUO that no commit wrote. */
function checkGeneration({ generation, compatible }: Entries, blob: Blob, walk: Walk): void {
  if (walk.generation === undefined) return;
  // Without its map, a root of kho-v1 may have either size of bitmaps.
  const { name } = walk.generation;
  const root = name === 'v1a' && !walk.map.complete ? 'v1b' : name;
  if (!ROOTS[generation.name].includes(root))
    walk.find(
      LUO.generation,
      `${blob.path}.compatible`,
      blob.address,
      `No kernel wrote ${compatible} beside ${walk.generation.compatible}.`,
    );
}

function checkPreserved(walk: Walk, address: bigint, length: number, path: string, what: string): void {
  if (walk.map.complete && !walk.map.covers(address, length))
    walk.find(LUO['not-preserved'], path, address, `${what} at ${hexText(address)} is not preserved.`);
  walk.claims.add(walk.pfn(address), Math.ceil(length / walk.pageSize), path);
}

/** Entries that lie in contiguous pages, as many as fit and are said to be there. */
function contiguous(
  walk: Walk,
  address: bigint,
  pages: number,
  header: number,
  size: number,
  count: bigint | undefined,
  path: string,
  what: string,
  excess: (count: bigint, capacity: number) => void,
): Read<Entry> {
  const { pageSize } = walk;
  if (!walk.enter(address, path)) return { list: [], complete: false };
  if (!walk.isAligned(address))
    walk.find(
      LUO['pointer-unaligned'],
      path,
      address,
      `${what} at ${hexText(address)} are not page aligned.`,
    );
  checkPreserved(walk, address, pages * pageSize, path, what);
  let said = count;
  if (said === undefined) {
    const head = walk.decode(LuoSessionHeaderSer, address, 8, path, what);
    if (head === undefined) return { list: [], complete: false };
    said = head.count;
  }
  const capacity = Math.floor((pages * pageSize - header) / size);
  if (said > BigInt(capacity)) excess(said, capacity);
  const { bytes, holes } = walk.image.readSome(address, pages * pageSize);
  // A count that cannot be right says nothing; the entries that are not zero are shown.
  const used =
    said > BigInt(capacity) ? Math.min(capacity, entriesUsed(bytes.subarray(header), size)) : Number(said);
  const entries: Entry[] = [];
  const isThere = (from: number, to: number): boolean =>
    holes.every((hole) => {
      const at = Number(hole.address - address);
      return to <= at || from >= at + hole.length;
    });
  let missing = 0;
  for (let i = 0; i < used; i++) {
    const from = header + i * size;
    if (isThere(from, from + size))
      entries.push({ address: address + BigInt(from), bytes: bytes.subarray(from, from + size) });
    else missing++;
  }
  if (missing > 0) walk.bytes(address, header + used * size, path, what);
  if (hasBits(bytes.subarray(header + used * size)))
    walk.find(
      LUO.tail,
      path,
      address + BigInt(header + used * size),
      `There is something behind the last of ${many(used, 'entry', 'entries')}.`,
    );
  return { list: entries, complete: missing === 0 && said <= BigInt(capacity) };
}

function readSessions(
  entries: Entries,
  walk: Walk,
  registry: Registry,
  path: string,
  origin: bigint,
): Read<LuoSession> {
  const { generation, sessions: first, sessionSize } = entries;
  if (first === undefined) return { list: [], complete: false };
  if (first === 0n) {
    walk.find(LUO['not-serialized'], path, origin, 'There is no list of sessions.');
    return { list: [], complete: true };
  }
  const { list, complete } =
    generation.sessions === 'blocks'
      ? ofBlocks(followBlocks(walk, first, SIZES.session, path, 'panic'))
      : contiguous(walk, first, 16, 8, sessionSize, undefined, path, 'the sessions', (count, capacity) =>
          walk.find(
            LUO['session-count'],
            path,
            first,
            `The list says that it has ${count} sessions; ${capacity} fit into 16 pages.`,
          ),
        );
  const names = new Set<string>();
  const sessions = list.map(({ address, bytes }, i): LuoSession => {
    const at = `${path}[${i}]`;
    const { name, file_set } =
      sessionSize === 80
        ? walk.decodeBytes(LuoSessionSer, bytes, address, at)
        : { ...walk.decodeBytes(LuoSessionSerV1, bytes, address, at), file_set: { files: 0n, count: 0n } };
    const odd = nameProblems(bytes.subarray(0, 64));
    if (odd.unterminated || odd.empty)
      walk.find(
        LUO['session-name'],
        `${at}.name`,
        address,
        odd.empty
          ? 'The session has no name.'
          : 'The name of the session does not end within its 64 bytes: the next kernel cuts it to 63 characters.',
      );
    else if (odd.unprintable || odd.tail)
      walk.find(
        LUO['session-name-odd'],
        `${at}.name`,
        address,
        odd.tail ? 'There is something behind the end of the name.' : 'The name cannot be printed.',
      );
    // The kernel cuts names to 63 characters.
    const cut = name.slice(0, 63);
    if (names.has(cut))
      walk.find(
        LUO['session-duplicate'],
        `${at}.name`,
        address,
        `There is a session ${JSON.stringify(cut)} before this one.`,
      );
    names.add(cut);
    const files = readFiles(generation, file_set, walk, registry, `${at}.files`, address);
    const systemd = name === 'systemd' ? recogniseSystemd(files.list, registry, walk) : undefined;
    return {
      name,
      files: files.list,
      ...(files.complete ? {} : { files_incomplete: true }),
      ...(systemd === undefined ? {} : { systemd }),
    };
  });
  return { list: sessions, complete };
}

function ofBlocks({ entries, complete }: Chain): Read<Entry> {
  return { list: entries, complete };
}

function readFiles(
  generation: LuoGeneration,
  set: { readonly files: bigint; readonly count: bigint },
  walk: Walk,
  registry: Registry,
  path: string,
  session: bigint,
): Read<LuoFile> {
  if ((set.files === 0n) !== (set.count === 0n))
    walk.find(
      LUO['file-set'],
      path,
      session + 64n,
      `The session has ${many(set.count, 'file')}, in a list at ${hexText(set.files)}.`,
      set.files === 0n || generation.files === 'pages' ? 'silent loss' : '-EIO',
    );
  if (set.files === 0n) return { list: [], complete: set.count === 0n };
  let found: Read<Entry>;
  if (generation.files === 'blocks') {
    const chain = followBlocks(walk, set.files, SIZES.file, path, '-EIO');
    found = ofBlocks(chain);
    if (chain.complete && BigInt(chain.count) !== set.count)
      walk.find(
        LUO['file-sum'],
        path,
        session + 72n,
        `The session says it has ${many(set.count, 'file')}, its blocks have ${chain.count}.`,
      );
  } else
    found = contiguous(walk, set.files, 2, 0, SIZES.file, set.count, path, 'the files', (count, capacity) =>
      walk.find(
        LUO['file-count'],
        path,
        session + 72n,
        `The session says it has ${count} files; ${capacity} fit into 2 pages.`,
      ),
    );
  const tokens = new Set<bigint>();
  const files = found.list.map(({ address, bytes }, i): LuoFile => {
    const at = `${path}[${i}]`;
    const { compatible, data, token } = walk.decodeBytes(LuoFileSer, bytes, address, at);
    if (nameProblems(bytes.subarray(0, 48)).unterminated)
      walk.find(
        LUO['handler-name'],
        `${at}.compatible`,
        address,
        'The compatible string does not end within its 48 bytes.',
      );
    if (tokens.has(token))
      walk.find(
        LUO['token-duplicate'],
        `${at}.token`,
        address + 56n,
        `Another file of the session has the token ${hexText(token)}.`,
      );
    tokens.add(token);
    return { compatible, token, data, ...handlerValue(compatible, data, walk, registry, at, address) };
  });
  return { list: files, complete: found.complete };
}

function handlerValue(
  compatible: string,
  data: bigint,
  walk: Walk,
  registry: Registry,
  path: string,
  address: bigint,
): Record<string, unknown> {
  const handler = handlerFor(compatible, registry);
  if (handler === undefined) {
    walk.find(
      LUO['handler-unknown'],
      `${path}.compatible`,
      address,
      `There is no decoder for ${JSON.stringify(compatible)}.`,
    );
    return {};
  }
  const root = walk.generation?.name;
  const version = /^memfd-v([12])$/.exec(baseVersion(compatible))?.[1];
  if (version !== undefined && root !== undefined && (version === '1') !== root.startsWith('v1'))
    walk.find(
      LUO['handler-generation'],
      `${path}.compatible`,
      address,
      `${compatible} does not go with ${walk.generation?.compatible}.`,
    );
  const value = handler.decode(data, walk, `${path}.${handler.key}`);
  return value === undefined ? {} : { [handler.key]: value };
}

function readFlbs(
  page: bigint,
  walk: Walk,
  registry: Registry,
  path: string,
  sessions: readonly LuoSession[],
  files: number | undefined,
): Read<LuoFlb> {
  const { pageSize } = walk;
  if (!walk.isAligned(page))
    walk.find(LUO['pointer-unaligned'], path, page, `The FLBs at ${hexText(page)} are not page aligned.`);
  checkPreserved(walk, page, pageSize, path, 'The page of FLBs');
  const bytes = walk.bytes(page, pageSize, path, 'the page of FLBs');
  if (bytes === undefined) return { list: [], complete: false };
  const header = walk.decodeBytes(LuoFlbHeaderSer, bytes.subarray(0, 16), page, path);
  if (header.pgcnt !== 1n)
    walk.find(LUO['flb-pages'], path, page, `The FLBs say that they have ${many(header.pgcnt, 'page')}.`);
  const capacity = Math.floor((pageSize - 16) / SIZES.flb);
  if (header.count > BigInt(capacity))
    walk.find(
      LUO['flb-count'],
      path,
      page + 8n,
      `There are said to be ${header.count} FLBs; ${capacity} fit into the page.`,
    );
  const used =
    header.count > BigInt(capacity)
      ? Math.min(capacity, entriesUsed(bytes.subarray(16), SIZES.flb))
      : Number(header.count);
  if (hasBits(bytes.subarray(16 + used * SIZES.flb)))
    walk.find(
      LUO.tail,
      path,
      page + BigInt(16 + used * SIZES.flb),
      `There is something behind the last of ${many(used, 'FLB')}.`,
    );
  const names = new Set<string>();
  const memfds = sessions.reduce(
    (sum, session) => sum + session.files.filter(({ compatible }) => compatible.startsWith('memfd-')).length,
    0,
  );
  const list = Array.from({ length: used }, (_, i): LuoFlb => {
    const offset = 16 + i * SIZES.flb;
    const address = page + BigInt(offset);
    const at = `${path}[${i}]`;
    const part = bytes.subarray(offset, offset + SIZES.flb);
    const flb: ValueOf<typeof LuoFlbSer> = walk.decodeBytes(LuoFlbSer, part, address, at);
    const odd = nameProblems(part.subarray(0, 48));
    if (odd.unterminated || odd.empty)
      walk.find(
        LUO['flb-name'],
        `${at}.name`,
        address,
        odd.empty ? 'The FLB has no name.' : 'The name of the FLB does not end within its 48 bytes.',
      );
    if (names.has(flb.name))
      walk.find(
        LUO['flb-duplicate'],
        `${at}.name`,
        address,
        `There is an FLB ${JSON.stringify(flb.name)} before this one.`,
      );
    names.add(flb.name);
    const isTest = flb.name.startsWith('liveupdate-test-flb-');
    // The test FLBs depend on every file, other ones on files that cannot be told from here.
    if (
      files !== undefined &&
      (flb.count === 0n ||
        flb.count > BigInt(files) ||
        (isTest && files === memfds && flb.count !== BigInt(memfds)))
    )
      walk.find(
        LUO['flb-files'],
        `${at}.count`,
        address + 56n,
        `The FLB is said to belong to ${many(flb.count, 'file')}; there are ${files}.`,
      );
    const decoder = flbDecoderFor(flb.name, registry);
    const value = decoder?.decode(flb.data, walk, at);
    return {
      name: flb.name,
      data: flb.data,
      count: flb.count,
      ...(decoder === undefined || value === undefined ? {} : { [decoder.key]: value }),
    };
  });
  return { list, complete: header.count <= BigInt(capacity) };
}
