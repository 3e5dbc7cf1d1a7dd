/** Random handovers that are valid, and small: what they have follows from choices alone. */
import type {
  ContentsSpec,
  FileSpec,
  FlbSpec,
  FolioSpec,
  HandoverSpec,
  KhoTestSpec,
  MemfdSpec,
  ReserveMemSpec,
  SessionSpec,
} from '../handover/spec.js';
import type { Choices } from './handover-generator.js';
import type { GeneratedMachine } from './machines.js';

const FILLS = ['zeros', 'offsets', 'random', 'a5', 'deadbeef'];

export function randomContents(choices: Choices, most: number): ContentsSpec {
  const size = choices.between(1, most);
  if (choices.chance(0.3)) return choices.name(Math.min(40, most));
  return [{ fill: choices.one(FILLS), size, seed: choices.below(1000) }];
}

export function randomMemfd(choices: Choices, { pageSize }: GeneratedMachine, version: 1 | 2): MemfdSpec {
  const common = {
    ...(choices.chance(0.3) ? { pos: choices.below(pageSize) } : {}),
    ...(version === 2 && choices.chance(0.4) ? { seals: choices.below(64) } : {}),
  };
  if (choices.chance(0.15)) return common;
  if (choices.chance(0.5))
    return {
      ...common,
      contents: randomContents(choices, pageSize + 2),
      folio_order: choices.one([0, 0, 0, 1]),
    };
  const folios: FolioSpec[] = [];
  let next = 0;
  for (let left = choices.between(1, 4); left > 0; left--) {
    const order = choices.one([0, 0, 0, 1, 2]);
    const index = Math.ceil((next + choices.one([0, 0, 1, 3, 1000])) / 2 ** order) * 2 ** order;
    const count = choices.between(1, 3);
    folios.push({ index, order, count, flags: choices.between(0, 3) });
    next = index + count * 2 ** order;
  }
  const spare = choices.one([0, 0, 1, 100]);
  return { ...common, size: (next + spare) * pageSize - choices.below(2) * choices.below(pageSize), folios };
}

export function randomSessions(
  choices: Choices,
  machine: GeneratedMachine,
  version: 1 | 2,
): readonly SessionSpec[] {
  const names = new Set<string>();
  for (let left = choices.between(0, 3); left > 0; left--) names.add(choices.name(choices.one([4, 12, 63])));
  return [...names].map((name): SessionSpec => {
    const tokens = new Set<bigint>();
    for (let left = choices.between(0, 3); left > 0; left--)
      tokens.add(choices.chance(0.5) ? BigInt(choices.below(16)) : choices.word());
    const files = [...tokens].map(
      (token): FileSpec => ({ token, memfd: randomMemfd(choices, machine, version) }),
    );
    return { name, ...(files.length === 0 ? {} : { files }) };
  });
}

export function randomFlbs(choices: Choices, sessions: readonly SessionSpec[]): readonly FlbSpec[] {
  const files = sessions.reduce((sum, session) => sum + (session.files?.length ?? 0), 0);
  if (files === 0) return [];
  const names = new Set<string>();
  for (let left = choices.between(0, 3); left > 0; left--)
    names.add(`x-${choices.name(choices.one([5, 45]))}`);
  return [...names].map((name) => ({ name, data: choices.word(), count: choices.between(1, files) }));
}

export function randomMemblock(
  choices: Choices,
  { pageSize }: GeneratedMachine,
): Readonly<Record<string, ReserveMemSpec>> {
  const regions: Record<string, ReserveMemSpec> = {};
  for (let left = choices.between(1, 4); left > 0; left--)
    regions[choices.name(15)] = {
      size: choices.between(1, 9) * pageSize,
      ...(choices.chance(0.6) ? { contents: randomContents(choices, pageSize) } : {}),
    };
  return regions;
}

export function randomKhoTest(choices: Choices): KhoTestSpec {
  return {
    seed: choices.below(2 ** 20),
    folios: Array.from({ length: choices.between(1, 4) }, () => ({
      order: choices.one([0, 0, 1, 2]),
      ...(choices.chance(0.5) ? { contents: randomContents(choices, 4096) } : {}),
    })),
  };
}

/** What all handovers may have, whatever their sessions are. */
export function randomAround(choices: Choices, hasMetadata: boolean): HandoverSpec {
  const number = choices.between(1, 9);
  return {
    memory: {
      base: choices.one([0x1000000, 0x40000000, 0x100000000, 0x800000000]),
      ...(choices.chance(0.5) ? { seed: choices.below(1000) } : {}),
    },
    liveupdate_num: number,
    ...(choices.chance(0.5)
      ? {
          scratch: [
            { addr: 0x800000, size: 0x400000 },
            { addr: 0x800000, size: 0 },
          ].slice(0, choices.between(1, 2)),
        }
      : {}),
    ...(hasMetadata
      ? {
          metadata: {
            kexec_count: number + choices.below(5),
            ...(choices.chance(0.5) ? { previous_release: choices.name(64) } : {}),
          },
        }
      : {}),
  };
}
