/**
 * Which profile laid an IOMMU's state out. The string stands for several of them, and most have no version, so
 * every profile is tried: its strides and offsets are laid over the memory, and what must hold of real state
 * (a unit's token is its register base, devices point at slots, ordinals ascend, …) is counted as signs that
 * fit or do not.
 */
import type { Walk } from '../kho/walk.js';
import { type Arrays, readArrays, type Slot, slotsByAddress } from './arrays.js';
import { IOMMU_PROFILES, type IommuProfile, iommuProfile } from './profiles.js';
import { hasUnused, integerAt, type Place, type SlotsOf, slotsOf } from './slots.js';

export interface Candidate {
  readonly profile: IommuProfile;
  /** 1: all signs fit. */
  readonly score: number;
  /** Signs that do not fit, the weightiest first. */
  readonly against: readonly string[];
}
export interface IommuRecognition {
  readonly profile: IommuProfile;
  readonly because: readonly string[];
  /** All profiles that the memory fits as well as the chosen one, the chosen one first; just that if decided. */
  readonly candidates: readonly IommuProfile[];
  readonly forced: boolean;
}

/** Pages of each kind that are looked at. */
const SNIFFED_PAGES = 16;
/** Scores closer than this are the same. */
const SAME = 1e-9;
/** Where nothing decides, what comes first here is taken: the newest, and drivers that were posted. */
const PREFERENCE: readonly IommuProfile['name'][] = [
  'F2',
  'F1',
  'F1+S',
  'F0',
  'E',
  'E+S',
  'D+I',
  'D',
  'C',
  'B',
  'B49',
  'A',
];

/** Chooses the profile; undefined where the dump does not have the root. */
export function recogniseIommu(walk: Walk, name: string, data: bigint): IommuRecognition | undefined {
  const wanted = walk.forced.iommu;
  const forced = wanted === undefined ? undefined : iommuProfile(wanted);
  if (forced !== undefined)
    return {
      profile: forced,
      because: [`the layout ${forced.name} is forced`],
      candidates: [forced],
      forced: true,
    };
  const tried = IOMMU_PROFILES.map((profile) => tryProfile(walk, profile, name, data)).filter(
    (candidate) => candidate !== undefined,
  );
  tried.sort(
    (a, b) =>
      (Math.abs(a.score - b.score) < SAME ? 0 : b.score - a.score) ||
      PREFERENCE.indexOf(a.profile.name) - PREFERENCE.indexOf(b.profile.name),
  );
  const [best] = tried;
  if (best === undefined) return undefined;
  const same = tried.filter(({ score }) => best.score - score < SAME);
  const next = tried.find(({ score }) => best.score - score >= SAME);
  const strings = IOMMU_PROFILES.filter(({ compatible }) => compatible === name).map((each) => each.name);
  const because = [
    `the data is called ${JSON.stringify(name)}, as in ${strings.length === 0 ? 'no layout that is known' : strings.join(', ')}`,
    best.against.length === 0
      ? `all signs of ${best.profile.name} fit`
      : `${percent(best.score)} of the signs of ${best.profile.name} fit; against it: ${best.against.slice(0, 2).join('; ')}`,
    ...(same.length > 1
      ? [
          `${same.map(({ profile }) => profile.name).join(', ')} fit equally: what tells them apart is not there`,
        ]
      : []),
    ...(next === undefined
      ? []
      : [
          `next is ${next.profile.name} with ${percent(next.score)}, ${((best.score - next.score) * 100).toFixed(1)} points behind: ${next.against.slice(0, 2).join('; ')}`,
        ]),
  ];
  return { profile: best.profile, because, candidates: same.map(({ profile }) => profile), forced: false };
}

function percent(score: number): string {
  return `${(Math.floor(score * 1000) / 10).toFixed(1)}%`;
}

/** Counts signs by their names. */
class Signs {
  readonly #groups = new Map<string, { weight: number; signs: Map<string, { fit: number; all: number }> }>();

  /** A group weighs the same however many objects it has. */
  group(name: string, weight: number): (sign: string, fits: boolean, weight?: number) => void {
    const group = this.#groups.get(name) ?? { weight, signs: new Map() };
    this.#groups.set(name, group);
    return (sign, fits, times = 1) => {
      const seen = group.signs.get(sign) ?? { fit: 0, all: 0 };
      seen.all += times;
      if (fits) seen.fit += times;
      group.signs.set(sign, seen);
    };
  }

  done(profile: IommuProfile): Candidate {
    let weights = 0;
    let sum = 0;
    const against: { text: string; lost: number }[] = [];
    for (const { weight, signs } of this.#groups.values()) {
      let fit = 0;
      let all = 0;
      for (const [sign, count] of signs) {
        fit += count.fit;
        all += count.all;
        if (count.fit < count.all)
          against.push({
            text:
              count.fit === 0
                ? `${sign} never holds`
                : `${sign} fails in ${Math.round((100 * (count.all - count.fit)) / count.all)}%`,
            lost: (weight * (count.all - count.fit)) / count.all,
          });
      }
      if (all === 0) continue;
      weights += weight;
      sum += (weight * fit) / all;
    }
    against.sort((a, b) => b.lost - a.lost);
    return {
      profile,
      score: weights === 0 ? 0 : sum / weights,
      against: against.map(({ text }) => text),
    };
  }
}

function tryProfile(walk: Walk, profile: IommuProfile, name: string, data: bigint): Candidate | undefined {
  const arrays = readArrays(walk, profile, data, SNIFFED_PAGES);
  if (arrays === undefined) return undefined;
  const signs = new Signs();
  const root = signs.group('root', 6);
  root('the name', profile.compatible === name, 2);
  if (profile.version !== undefined) root('the version', arrays.version === profile.version, 3);
  root('zeros behind the root', !arrays.rootTail, 2);
  for (const { kind, first } of Object.values(arrays.chains)) {
    const isPage = first !== 0n && walk.isAligned(first);
    root(`a page for the ${kind}`, isPage && walk.image.at(first).state !== 'absent', 2);
  }
  const chains = signs.group('pages', 4);
  for (const chain of Object.values(arrays.chains)) {
    const broken = (...kinds: readonly string[]): boolean =>
      arrays.issues.some(({ kind, issue }) => kind === chain.kind && kinds.includes(issue));
    chains(`counts of the ${chain.kind}`, !broken('count', 'not-full', 'total'));
    chains(`chain of the ${chain.kind}`, !broken('none', 'unaligned', 'absent', 'cycle', 'shared'));
    chains(`zeros behind the last of the ${chain.kind}`, !broken('tail'), 2);
  }
  judgeIommus(walk, profile, arrays, signs);
  judgeDomains(walk, profile, arrays, signs);
  judgeDevices(walk, profile, arrays, signs);
  return signs.done(profile);
}

/** The type that a unit's slot has; 0 where there is none. */
function typeAt(walk: Walk, place: Place | undefined, slot: Slot | undefined): number {
  if (slot === undefined || place === undefined) return 0;
  const { bytes } = slot;
  return Number(integerAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, place, walk.little));
}

type Tell = (sign: string, fits: boolean, weight?: number) => void;
/** Reads a member of a slot. */
type Read = (place: Place | undefined) => bigint | undefined;

function judge(
  walk: Walk,
  slots: SlotsOf<{ ref_count: string; idx?: string; deleted: string; incoming: string; flags?: string }>,
  list: readonly Slot[],
  typeOf: (slot: Slot) => number,
  tell: Tell,
  more: (read: Read, slot: Slot, state: { deleted: boolean; incoming: boolean }) => void,
): void {
  const { at } = slots;
  for (const slot of list) {
    const { bytes } = slot;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const read: Read = (place) => (place === undefined ? undefined : integerAt(view, 0, place, walk.little));
    const flags = read(at.flags);
    const deleted = flags === undefined ? read(at.deleted) === 1n : (flags & 1n) === 1n;
    const incoming = flags === undefined ? read(at.incoming) === 1n : (flags & 2n) === 2n;
    const count = read(at.ref_count) ?? 0n;
    tell('a plausible ref_count', count < 0x10000n && (count > 0n || deleted), 2);
    const idx = read(at.idx);
    if (idx !== undefined) tell('idx that counts on', idx === BigInt(slot.ordinal), 3);
    if (flags !== undefined) tell('flags that are known', flags < 4n);
    tell('zeros where nothing is declared', !hasUnused(bytes, slots.unusedOf(typeOf(slot))));
    more(read, slot, { deleted, incoming });
  }
}

function judgeIommus(walk: Walk, profile: IommuProfile, arrays: Arrays, signs: Signs): void {
  const slots = slotsOf(profile, walk.abi).iommus;
  const tell = signs.group('iommus', 6);
  judge(
    walk,
    slots,
    arrays.chains.iommus.slots,
    (slot) => typeAt(walk, slots.at.type, slot),
    tell,
    (read) => {
      const token = read(slots.at.token) ?? 0n;
      const type = read(slots.at.type) ?? 0n;
      tell('a type of IOMMU that is written', profile.types.includes(Number(type)), 3);
      tell('a token that is an address', token !== 0n && token % 4096n === 0n && token < 1n << 52n, 2);
      const arm = type === 2n ? 'arm_smmu_v3' : 'intel';
      const base = read(slots.place(`${arm}.phys_addr`));
      if (base !== undefined) tell('a token that is the register base', base === token, 3);
      const table = read(slots.place('intel.root_table'));
      if (table !== undefined && type === 1n)
        tell(
          'a root table at the start of a page',
          table !== 0n && table % 4096n === 0n && table < 1n << 52n,
          2,
        );
    },
  );
}

function judgeDomains(walk: Walk, profile: IommuProfile, arrays: Arrays, signs: Signs): void {
  const slots = slotsOf(profile, walk.abi).domains;
  const tell = signs.group('domains', 6);
  judge(
    walk,
    slots,
    arrays.chains.domains.slots,
    () => 0,
    tell,
    (read, _, { deleted, incoming }) => {
      const { at } = slots;
      const top = read(at.top_table) ?? 0n;
      tell('a top table at the start of a page', top !== 0n && top % 4096n === 0n && top < 1n << 52n, 2);
      tell('a level that tables have', (read(at.top_level) ?? 0n) <= 5n, 2);
      const vasz = read(at.vasz);
      if (vasz !== undefined) tell('a size of the address space', vasz >= 12n && vasz <= 64n, 2);
      const sign = read(at.sign_extend);
      if (sign !== undefined) tell('sign_extend of 0 or 1', sign <= 1n);
      const restored = read(at.restored) ?? 0n;
      const high = walk.abi.pointerSize === 8 ? restored >= 0xffff000000000000n : restored >= 0x80000000n;
      tell('no kernel pointer', restored === 0n || (high && (incoming || deleted)), 2);
      const attached = read(slots.place('attach_count'));
      if (attached !== undefined) tell('a plausible attach_count', attached < 0x10000n, 2);
    },
  );
}

function judgeDevices(walk: Walk, profile: IommuProfile, arrays: Arrays, signs: Signs): void {
  const slots = slotsOf(profile, walk.abi).devices;
  const tell = signs.group('devices', 8);
  const domains = slotsByAddress(arrays.chains.domains);
  const iommus = slotsByAddress(arrays.chains.iommus);
  const typePlace = slotsOf(profile, walk.abi).iommus.at.type;
  const unitPlace = slots.at.iommu;
  const unitOf = ({ bytes }: Slot): Slot | undefined =>
    unitPlace === undefined
      ? undefined
      : iommus.get(
          integerAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, unitPlace, walk.little),
        );
  const typeOf = (slot: Slot): number => typeAt(walk, typePlace, unitOf(slot));
  judge(walk, slots, arrays.chains.devices.slots, typeOf, tell, (read, slot, { incoming }) => {
    const { at } = slots;
    tell('a device number of 16 bits', (read(at.devid) ?? 0n) <= 0xffffn, 2);
    tell('a plausible segment', (read(at.segment) ?? 0n) < 0x1000000n);
    const id = read(at.id) ?? 0n;
    tell('an id that a domain can have', id >= 0n && id <= 0xffffn, 2);
    tell('a domain that is a slot', domains.has(read(at.domain) ?? 0n), 3);
    tell('an IOMMU that is a slot', unitOf(slot) !== undefined, 3);
    const type = read(slots.place('type'));
    if (type !== undefined) tell('a type that was never written', type === 0n, 2);
    if (typeOf(slot) === 2) return;
    const pasids = read(slots.place('intel.pasid_table'));
    const max = read(slots.place('intel.max_pasid'));
    if (pasids !== undefined && max !== undefined) {
      tell('a PASID directory at the start of a page', pasids % 4096n === 0n && pasids < 1n << 52n, 2);
      tell('a size of the PASID directory', max <= 1n << 20n && (max & (max - 1n)) === 0n, 2);
    }
    const restored = read(slots.place('intel.restored'));
    if (restored !== undefined)
      tell('restored only where incoming', restored === 0n || (restored === 1n && incoming), 2);
    const enabled = read(slots.place('intel.ats_enabled'));
    const supported = read(slots.place('intel.ats_supported'));
    if (enabled !== undefined && supported !== undefined)
      tell('ATS that is supported where enabled', supported <= 1n && enabled <= supported, 2);
  });
}
